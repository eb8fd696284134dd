"""What the system says of a running program: its memory, the processor time it takes, and whether it waits."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SEEN: Final = 1.0  # seconds; a longer pause between two looks counts as this: the watcher itself may have been stopped
NEVER: Final = 60  # times its limit, after which a program is ended though it neither works nor waits all the time


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def processor_time(pid: int) -> float | None:
    """Seconds of processor time that a process and those it started have taken; None where the system does not say."""
    return sum(times) if (times := [*_times(pid)]) else None


def _times(pid: int) -> Iterator[float]:
    """Of a process, with its children that have ended; then of each that runs."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        yield sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _times(int(child))


class Effort:
    """How much a program has done since this was made, so that a busy machine makes no program a slow one.

    What is bounded is processor time, and the time for which a program takes none: it waits for what never comes.
    Where the system tells no processor time, the time on the clock stands for it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = self._looked = time.monotonic()
        self._first = self._latest = processor_time(pid)
        self._waited = 0.0

    def beyond(self, limit: float, moved: bool = False) -> str:
        """Why a program is to be ended that may take `limit` seconds, or "". `moved`: it has read or written since."""
        now, used = time.monotonic(), processor_time(self._pid)
        pause, self._looked = min(now - self._looked, _SEEN), now
        if self._first is None or used is None:
            return f"took more than {limit:.3g} s" if now - self._began > limit else ""
        self._waited = self._waited + pause if used == self._latest and not moved else 0.0
        self._latest = used
        if used - self._first > limit:
            return f"took more than {limit:.3g} s of processor time"
        if self._waited > limit:
            return f"waited for more than {limit:.3g} s and did nothing"
        return f"took more than {NEVER * limit:.3g} s" if now - self._began > NEVER * limit else ""
