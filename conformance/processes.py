"""What the system says of a running program: its memory, the processor time it takes, and whether it waits."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_SEEN: Final = 1.0  # seconds; a longer pause between two looks counts as this: the watcher itself may have been stopped
NEVER: Final = 60  # times its limit, after which a program is ended though it neither works nor waits all the time
_AT_WORK: Final = "RD"  # states: it runs, or waits for a processor; it waits for a disk


class Activity(NamedTuple):
    """Seconds of processor time that a program has taken, and whether it would take more if it were let."""

    seconds: float
    is_at_work: bool


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def activity(pid: int) -> Activity | None:
    """The activity of a process and those that it started; None where the system does not say."""
    found = [*_activities(pid)]
    return Activity(sum(one.seconds for one in found), any(one.is_at_work for one in found)) if found else None


def _activities(pid: int) -> Iterator[Activity]:
    """That of a process, with its children that have ended; then of each that runs."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = _fields(Path(f"/proc/{pid}/stat"))
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
        at_work = any(_fields(thread / "stat")[0] in _AT_WORK for thread in threads)
        yield Activity(sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), at_work)
        for thread in threads:
            for child in (thread / "children").read_text().split():
                yield from _activities(int(child))


def _fields(stat: Path) -> list[str]:
    """The fields behind the name, which may hold anything: the state, and what follows."""
    return stat.read_text().rpartition(")")[2].split()


class Effort:
    """How much a program has done since this was made, so that a busy machine makes no program a slow one.

    What is bounded is processor time, and the time for which a program waits for what never comes: it takes no
    processor time, and would take none. Where the system tells neither, there is a bound on the clock that is far off.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = self._looked = time.monotonic()
        self._first = self._latest = activity(pid)
        self._waited = 0.0

    def beyond(self, limit: float, moved: bool = False) -> str:
        """Why a program is to be ended that may take `limit` seconds, or "". `moved`: it has read or written since."""
        now, latest = time.monotonic(), activity(self._pid)
        pause, self._looked = min(now - self._looked, _SEEN), now
        if self._first is not None and latest is not None:
            idle = not moved and not latest.is_at_work and latest == self._latest
            self._waited = self._waited + pause if idle else 0.0
            self._latest = latest
            if latest.seconds - self._first.seconds > limit:
                return f"took more than {limit:.3g} s of processor time"
            if self._waited > limit:
                return f"waited for more than {limit:.3g} s and did nothing"
        return f"took more than {NEVER * limit:.3g} s" if now - self._began > NEVER * limit else ""
