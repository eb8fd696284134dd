"""What the difference of two checkpoints takes: bytes, time and memory, exact and arithmetic, ours and the usual way.

Run `python benchmarks/delta.py BASE TARGET [FOLDER]` on two streams, for instance two checkpoints of `make example`:

    python benchmarks/delta.py trainstate_params::example-output/whole/streaming_train_state_350 \\
        trainstate_params::example-output/whole/streaming_train_state

Give a folder on a memory file system for steady figures. Each operation runs in a process of its own.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zstandard

import reference

ROUNDS = 3
# The logic of the script that `reference.diff` succeeds: both trees whole in memory, subtracted or added by jax.
USUAL = """
import sys, flax.serialization, jax, msgpack
from flax.traverse_util import flatten_dict, unflatten_dict
def load(path):
    with open(path, "rb") as file:
        unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
        return unflatten_dict({tuple(key): flax.serialization.from_bytes(None, value) for key, value in unpacker})
sign, base, other, output = sys.argv[1:]
array = jax.numpy.asarray
operation = (lambda b, t: array(t) - array(b)) if sign == "-" else (lambda b, d: array(b) + array(d))
tree = jax.tree_util.tree_map(operation, load(base), load(other))
packer = msgpack.Packer()
with open(output, "wb") as file:
    for key, value in flatten_dict(tree).items():
        file.write(packer.pack((key, flax.serialization.to_bytes(value))))
"""


def main() -> None:
    base, target = sys.argv[1:3]
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as name:
        folder = Path(name)
        plain = {"base": folder / "base", "target": folder / "target"}
        for key, path in zip(plain, (base, target), strict=True):
            reference.save(plain[key], reference.load(path))
        total = plain["target"].stat().st_size
        work = {
            "exact, diff": ours(plain["base"], plain["target"], folder / "exact"),
            "exact, recover": ours(plain["base"], folder / "exact", folder / "out", "--recover_diff"),
            "subtract, diff": ours(plain["base"], plain["target"], folder / "less", "--method=subtract"),
            "subtract, recover": ours(plain["base"], folder / "less", folder / "out", "--recover_diff"),
            "usual, diff": ["-c", USUAL, "-", plain["base"], plain["target"], folder / "usual"],
            "usual, recover": ["-c", USUAL, "+", plain["base"], folder / "usual", folder / "out"],
        }
        figures = {name: [measured(command) for command in [arguments] * ROUNDS] for name, arguments in work.items()}
        print(f"a target of {total / 1e6:.1f} MB; medians of {ROUNDS} processes")
        for name, runs in figures.items():
            seconds, memory = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"  {name:<18} {seconds:7.2f} s  {memory / 1e6:7.0f} MB of memory")
        zstd = zstandard.ZstdCompressor(level=3)
        sizes = {
            "exact delta": (folder / "exact").stat().st_size,
            "target, zstd": len(zstd.compress(plain["target"].read_bytes())),
            "arithmetic difference": (folder / "less").stat().st_size,
            "the same, zstd": len(zstd.compress((folder / "less").read_bytes())),
        }
        for name, size in sizes.items():
            print(f"  {name:<22} {size / 1e6:9.2f} MB  {size / total:.3f} of the target")
        run = subprocess.run([sys.executable, *work["subtract, diff"]], capture_output=True, text=True, check=True)
        print("  " + "\n  ".join(line for line in run.stdout.splitlines() if "not exact" in line))


def ours(base: Path, other: Path, output: Path, *flags: str) -> list[str | Path]:
    sides = [f"--load_base_checkpoint={base}", f"--load_target_checkpoint={other}", f"--output_file={output}"]
    return ["-m", "reference.diff", *sides, *flags]


def measured(arguments: list[str | Path]) -> tuple[float, float]:
    """Seconds and bytes of peak memory of a process."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status")
            found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
            peak = max(peak, int(found[1]) * 1024 if found else 0)
            time.sleep(0.01)
        assert process.returncode == 0, arguments
    return time.perf_counter() - start, peak


if __name__ == "__main__":
    main()
