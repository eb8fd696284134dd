"""Two figures, as ratios within one run: a scan against the usual loop, a conversion against `cp`.

Run `python benchmarks/quick.py [FOLDER]`; give a folder on a memory file system for steady figures.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import flax.serialization
import msgpack
import numpy as np

import reference

ROUNDS = 5


def main() -> None:
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        small, big = Path(folder) / "small", Path(folder) / "big"
        leaf = np.zeros(64, np.float32)
        reference.save(small, {"params": {str(i): {"kernel": leaf, "bias": leaf} for i in range(10_000)}})
        reference.save(big, {str(i): np.full(1 << 25, i, np.float32) for i in range(8)})
        compare(
            "scan of 20,000 records of 256 B", "msgpack + flax loop", lambda: reference.scan(small), lambda: loop(small)
        )
        compare("convert of 1 GB to a flax file", "cp", lambda: convert(big, ""), lambda: copy(big))
        compare("convert of 1 GB to bfloat16", "cp", lambda: convert(big, "bf16"), lambda: copy(big))


def compare(name: str, peer: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Print the ratio of ours to theirs, the two in turn; below 1 ours is the faster."""
    ratios = [seconds(ours) / seconds(theirs) for _ in range(ROUNDS)]
    middle = statistics.median(ratios)
    print(f"{name}: {middle:.2f} of {peer} (median of {ROUNDS}; {min(ratios):.2f} to {max(ratios):.2f})")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def loop(path: Path) -> None:
    with path.open("rb") as file:
        for _, value in msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0):
            flax.serialization.from_bytes(None, value)


def convert(path: Path, float_dtype: str) -> None:
    """A whole process, its start included."""
    arguments = [f"--load_checkpoint={path}", f"--output_file={path}.out", f"--float_dtype={float_dtype}"]
    subprocess.run([sys.executable, "-m", "reference.convert", *arguments], check=True, stdout=subprocess.DEVNULL)
    path.with_name(f"{path.name}.out").unlink()


def copy(path: Path) -> None:
    subprocess.run([shutil.which("cp") or "cp", path, f"{path}.copy"], check=True)
    path.with_name(f"{path.name}.copy").unlink()


if __name__ == "__main__":
    main()
