"""One input at a time is tried on a target, with a limit on its time; what breaks the invariant is kept, made small."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .board import MAX_INPUT, Board
from .findings import keep, place_of, report_of, smaller

if TYPE_CHECKING:
    from .bounds import Bounds
    from .targets import Target

LIMIT: Final = 10  # seconds of processor time that one input may take


class TooSlow(Exception):
    """An input took more than LIMIT seconds of processor time."""


def prepare_process() -> None:
    """Make an input that takes too long raise TooSlow."""
    signal.signal(signal.SIGVTALRM, _too_slow)


def _too_slow(*_: Any) -> None:
    raise TooSlow(f"more than {LIMIT} s of processor time")


class Trial:
    """Tries inputs, and keeps those that break the invariant, one for each place where it breaks.

    `first`: the process ends with the first of these.
    """

    def __init__(self, target: Target, folder: Path, first: bool = False) -> None:
        self.executions, self._first = 0, first
        self.target, self._check, self._folder = target, target.check, folder
        self._board = Board(folder / "board")
        self._seen: set[str] = set()

    def __call__(self, data: bytes) -> None:
        if len(data) > MAX_INPUT:
            return
        self._board.begin(data)
        try:
            error = broken(self._check, data)
        finally:
            self._board.end()
            self.executions += 1
        if error is not None and (where := place_of(error)) not in self._seen:
            self._seen.add(where)
            self._keep(data, where, error)
            if self._first:
                sys.stdout.flush()
                os._exit(0)  # an engine would take an exception for a crash

    def drive(self, bounds: Bounds, seed: int) -> bool:
        """Let the target use an engine of its own; False where it has none."""
        drive, folder = self.target.drive, self._folder

        def report(where: str, what: str, data: bytes) -> None:
            keep(folder / "findings", self.target.name, where, what, data)

        tried = None if drive is None else drive(folder, bounds, seed, report)
        self._board.count(tried or 0)
        return tried is not None

    def _keep(self, data: bytes, where: str, error: BaseException) -> None:
        found = {data: error}

        def still(less: bytes) -> bool:
            again = broken(self._check, less)
            if again is not None and place_of(again) == where:
                found[less] = again
                return True
            return False

        least = smaller(data, still)
        keep(self._folder / "findings", self.target.name, where, report_of(found[least]), least)


def broken(check: Callable[[bytes], Any], data: bytes) -> BaseException | None:
    """What a check raises, with a limit on its time. A KeyboardInterrupt from outside is let through."""
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        check(data)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None
