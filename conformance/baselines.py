"""What a program takes for the smallest file: limits are set above that."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .limits import MIB, PRINTED, Baseline, Limits
from .programs import ACCEPTED, CRASHED, RSS_UNIT, Running, run_program

_FREE: Final = 1 << 60


def measured(
    command: list[str], stdin: Path | None, timeout: float, running: Running | None = None
) -> tuple[Baseline, str]:
    """Measure a command that is given the smallest file. With it comes how the program crashed, or "". Raises
    OSError."""
    free = Limits(10 * timeout, _FREE, printed=PRINTED)
    outcome = run_program(command, free, stdin, running=running)
    # Of a program that takes less than the runner itself, and is quick, no more is known than that.
    memory = max(outcome.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT)
    if outcome.verdict == ACCEPTED:
        for space in _spaces():
            limited = free._replace(address_space=space)
            if run_program(command, limited, stdin, running=running).verdict == ACCEPTED:
                return Baseline(memory, space), ""
    return Baseline(memory, None), outcome.why if outcome.verdict == CRASHED else ""


def _spaces() -> Iterator[int]:
    """Address spaces to try, each half as much again as the one before."""
    space = 64 * MIB
    while space < 1 << 37:
        yield space
        space = space * 3 // 2
