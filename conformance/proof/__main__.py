"""`python -m conformance.proof`: proves that the heart of the client in C (`clients/c/streamckpt.h`) is safe for every
input of every length: no undefined behaviour, no byte read outside the input, and an end. Prints goals proved of goals,
of each function and then of all.

`--faults` proves instead that the proof would notice: each fault of faults.toml is planted, and has to leave a goal.
Several functions, or faults, are worked on at a time (`--jobs`).

Exit status 0 where all is proved but what left.toml lists with its reason, or every fault is noticed; 1 where a goal is
left, or listed although it is proved, or a fault passes; 2 where Frama-C is not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from .faults import Fault, read_faults
from .goals import HEADER, Goal, NoFramaC, functions_of, prove

_LEFT: Final = Path(__file__).with_name("left.toml")
_STEPS: Final = 1_000_000  # of a goal, where a fault is planted: what cannot be proved takes all of them


def read_left() -> dict[str, str]:
    """The goals that are not proved, by name, each with the reason why it holds all the same."""
    return {goal: entry["reason"] for entry in tomllib.loads(_LEFT.read_text())["left"] for goal in entry["goals"]}


def _goals_of(function: str) -> list[Goal]:
    with tempfile.TemporaryDirectory() as folder:
        return prove(HEADER, Path(folder), [function])


def _prove(jobs: int) -> bool:
    began, goals, functions = time.monotonic(), list[Goal](), functions_of(HEADER.read_text())
    with ThreadPoolExecutor(jobs) as pool:
        for function, found in zip(functions, pool.map(_goals_of, functions), strict=True):
            print(f"{function}: {sum(goal.proved for goal in found)} of {len(found)}", flush=True)
            goals += found
    left, unproved = read_left(), [goal.name for goal in goals if not goal.proved]
    print(f"{len(goals) - len(unproved)} of {len(goals)} goals proved, in {time.monotonic() - began:.0f} s")
    for name in unproved:
        print(f"left: {name}: {left.get(name, 'NOT PROVED')}")
    known = {goal.name for goal in goals}
    wrong = [name for name in left if name not in unproved]
    for name in wrong:
        print(f"listed in {_LEFT.name}, but {'proved' if name in known else 'there is no such goal'}: {name}")
    return not wrong and set(unproved) <= set(left)


def notices(fault: Fault) -> bool:
    """Whether a goal of the function in which a fault is planted cannot be proved, but can be without the fault."""
    with tempfile.TemporaryDirectory() as folder:
        planted = Path(folder) / HEADER.name
        planted.write_text(fault.planted(HEADER.read_text()))
        sound, faulty = (
            {goal.name for goal in prove(header, Path(folder), [fault.function], _STEPS) if not goal.proved}
            for header in (HEADER, planted)
        )
    return bool(faulty - sound)


def _plant(jobs: int) -> bool:
    began, faults, count = time.monotonic(), read_faults(), 0
    with ThreadPoolExecutor(jobs) as pool:
        for fault, noticed in zip(faults, pool.map(notices, faults), strict=True):
            print(f"{'noticed' if noticed else 'NOT NOTICED'}: {fault.function}: {fault.what}", flush=True)
            count += noticed
    print(f"{count} of {len(faults)} planted faults noticed, in {time.monotonic() - began:.0f} s")
    return count == len(faults)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance.proof", description=__doc__)
    parser.add_argument("--faults", action="store_true", help="plant faults, which the proof has to notice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="how many at a time")
    chosen = parser.parse_args(words)
    try:
        as_it_should_be = _plant(chosen.jobs) if chosen.faults else _prove(chosen.jobs)
    except NoFramaC as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if as_it_should_be else 1


if __name__ == "__main__":
    sys.exit(main())
