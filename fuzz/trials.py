"""One input at a time is tried on a target, with a limit on its time; what breaks the invariant is kept, made small."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .board import MAX_INPUT, Board
from .findings import keep, place_of, report_of, smaller

if TYPE_CHECKING:
    from .bounds import Bounds
    from .targets import Target

LIMIT: Final = 10  # seconds of processor time that one input may take
_AGAIN: Final = 10  # times that an input has to break the invariant before it is said to break it each time
_AGAIN_FOR: Final = 5.0  # seconds of processor time that are spent on that
_BY_CHANCE: Final = "This input does not break it each time: threads took turns in another way.\n\n"


class TooSlow(Exception):
    """An input took more than LIMIT seconds of processor time."""


def prepare_process() -> None:
    """Make an input that takes too long raise TooSlow."""
    signal.signal(signal.SIGVTALRM, _too_slow)


def _too_slow(*_: Any) -> None:
    raise TooSlow(f"more than {LIMIT} s of processor time")


class Trial:
    """Tries inputs, and keeps those that break the invariant: one for each place where it breaks, or two where the
    first does not break it each time.

    `first`: the process ends with the first that breaks it each time.
    """

    def __init__(self, target: Target, folder: Path, first: bool = False) -> None:
        self.executions, self._first = 0, first
        self.target, self._check, self._folder = target, target.check, folder
        self._board = Board(folder / "board")
        self._seen: set[tuple[str, bool]] = set()

    def __call__(self, data: bytes) -> None:
        if len(data) > MAX_INPUT:
            return
        self._board.begin(data)
        try:
            error = broken(self._check, data)
        finally:
            self._board.end()
            self.executions += 1
        if error is not None:
            self._found(data, place_of(error), error)

    def drive(self, bounds: Bounds, seed: int) -> bool:
        """Let the target use an engine of its own; False where it has none."""
        drive, folder = self.target.drive, self._folder

        def report(where: str, what: str, data: bytes) -> None:
            keep(folder / "findings", self.target.name, where, what, data)

        tried = None if drive is None else drive(folder, bounds, seed, report)
        self._board.count(tried or 0)
        return tried is not None

    def _found(self, data: bytes, where: str, error: BaseException) -> None:
        if (where, True) in self._seen:
            return
        is_steady = self._breaks_each_time(data, where)
        if (where, is_steady) not in self._seen:
            self._seen.add((where, is_steady))
            self._keep(data, where, error, is_steady)
        if self._first and is_steady:
            sys.stdout.flush()
            os._exit(0)  # an engine would take an exception for a crash

    def _breaks_each_time(self, data: bytes, where: str, times: int = _AGAIN) -> bool:
        deadline = time.process_time() + _AGAIN_FOR
        for _ in range(times):
            again = broken(self._check, data)
            if again is None or place_of(again) != where:
                return False
            if time.process_time() > deadline:
                break
        return True

    def _keep(self, data: bytes, where: str, error: BaseException, is_steady: bool) -> None:
        """Where it breaks by chance the input is kept as it is: what is made small may break it more rarely still."""
        if is_steady:
            data = smaller(data, lambda less: self._breaks_each_time(less, where, 3))
            report = report_of(broken(self._check, data) or error)
        else:
            report = _BY_CHANCE + report_of(error)
        keep(self._folder / "findings", self.target.name, where, report, data)


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
