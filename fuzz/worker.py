"""One target under one engine, in a process of its own: `python -m fuzz.worker TARGET ENGINE FOLDER BOUNDS SEED`.

The folder gets `board` (fuzz.board), `findings/`, and what the engine keeps. A finding does not end the run: those
that break at another place are looked for until a bound is reached (fuzz.engines.Bounds, as JSON).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .board import MAX_INPUT, Board
from .engines import Bounds, run_engine
from .findings import keep, place_of, report_of, smaller

if TYPE_CHECKING:
    from .targets import Target

LIMIT: Final = 10  # seconds of processor time that one input may take


class TooSlow(Exception):
    """An input took more than LIMIT seconds of processor time."""


def main(name: str, engine: str, folder: str, told: str, seed: str) -> None:
    """Does not return where the engine ends the process itself."""
    place, bounds = Path(folder), Bounds(*json.loads(told))
    prepare_process()

    def prepare() -> Trial:
        from .targets import load  # the engine decides how the reference is imported

        target = load(name)
        if target.missing is not None:
            (place / "skipped").write_text(target.missing)
            sys.exit(0)
        if target.memory is not None:
            limit_memory(target.memory)
        return Trial(target, place, bounds.first)

    run_engine(engine, prepare, place, bounds, int(seed))


def prepare_process() -> None:
    """Make an input that takes too long raise TooSlow."""
    signal.signal(signal.SIGVTALRM, _too_slow)


def _too_slow(*_: Any) -> None:
    raise TooSlow(f"more than {LIMIT} s of processor time")


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes of address space beyond what it has."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.getrlimit(resource.RLIMIT_AS)[1]))


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


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
