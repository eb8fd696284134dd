"""What the difference of two checkpoints takes on disk: exact, arithmetic, and beside them what zstd makes of it.

Run `python benchmarks/delta.py BASE TARGET` on two streams, for instance two checkpoints of `make example`:

    python benchmarks/delta.py trainstate_params::example-output/whole/streaming_train_state_350 \\
        trainstate_params::example-output/whole/streaming_train_state

Time and memory are measured by `python -m benchmarks`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import zstandard

import reference
from reference.delta import diff, subtract


def main() -> None:
    base, target = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, exact, difference = folder / "target", folder / "exact", folder / "difference"
        reference.save(whole, reference.load(target))
        diff(base, target, exact)
        report = subtract(base, target, difference)
        sizes = {
            "exact delta": exact.stat().st_size,
            "target, zstd": compressed(whole),
            "arithmetic difference": difference.stat().st_size,
            "the same, zstd": compressed(difference),
        }
        total = whole.stat().st_size
        print(f"a target of {total / 1e6:.1f} MB")
        for name, size in sizes.items():
            print(f"  {name:<22} {size / 1e6:9.2f} MB  {size / total:.3f} of the target")
        print(f"  the arithmetic difference loses {report.inexact:,} of {report.values:,} values")


def compressed(path: Path) -> int:
    return len(zstandard.ZstdCompressor(level=3).compress(path.read_bytes()))


if __name__ == "__main__":
    main()
