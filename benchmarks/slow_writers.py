"""How the time of a save falls with the processes that write, each at one rate: `python -m benchmarks.slow_writers`.

Real processes of jax.distributed save one tree into one file. Every write of theirs is slowed to the rate, as by a disk
or a network of each host's own, and so the time says how evenly the work is spread, and what the processes do besides.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reference.tests.jobs import Job

_WORKER: Final = Path(__file__).with_name("slow_writer.py")
_DEVICES: Final = 4  # in all, so that they hold the same parts however many processes there are


def time_of(processes: int, megabytes: int, rate: float, format: str, folder: Path) -> float:
    """The seconds of a save by so many processes, the median of some; the rate is in MB/s."""
    job = Job(_WORKER, processes, folder, _DEVICES // processes, "work", megabytes, rate, format)
    saves = [max(fact["seconds"] for fact in facts) for facts in zip(*job.told(), strict=True)]
    return sorted(saves)[len(saves) // 2]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_writers", description="The time of slow writers.")
    parser.add_argument("--processes", default="1,2,4", help="how many, divisors of 4")
    parser.add_argument("--megabytes", type=int, default=200, help="bytes of the tree")
    parser.add_argument("--rate", type=float, default=50, help="MB/s that each process writes")
    parser.add_argument("--format", default="1.0,2.0", help="versions of the stream")
    chosen = parser.parse_args(arguments)
    print("format  processes  seconds  times as fast")
    for format in chosen.format.split(","):
        first = None
        for n in map(int, chosen.processes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                seconds = time_of(n, chosen.megabytes, chosen.rate, format, Path(folder))
            first = first or seconds
            print(f"{format:<6} {n:>10} {seconds:>8.2f} {first / seconds:>14.2f}", flush=True)


if __name__ == "__main__":
    main()
