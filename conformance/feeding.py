"""What a program is given on standard input: a file through a pipe, not all of it at once."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import termios
import time
from typing import IO, Final

_PIPE: Final = 1 << 20  # bytes that are given at a time
_FIRST: Final = 3  # bytes
_PAUSE: Final = 0.001  # seconds
_PATIENCE: Final = 10.0  # seconds in all for which it is waited until a program has read what it was given


class Feed:
    """Gives a file to a program through a pipe.

    Behind the first three bytes, and behind one half, no more is given until the program has read these: a read of a
    pipe gives what is there, and not all that has been asked for. A program that takes a short read for the end, or
    looks no further than one read, does not find the rest.
    """

    def __init__(self, source: IO[bytes], seconds: float) -> None:
        """`seconds` is what the program may take."""
        size = os.fstat(source.fileno()).st_size
        self._source, self._given = source, 0
        self._due = memoryview(b"")  # what the pipe has not taken yet
        self._stops = sorted({at for at in (_FIRST, size // 2) if _FIRST <= at < size})
        self._patience = min(seconds, _PATIENCE)

    @staticmethod
    def prepare(fd: int) -> None:
        """Make a pipe that is written to without waiting, and as wide as the system lets it be."""
        os.set_blocking(fd, False)
        with contextlib.suppress(AttributeError, OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)

    def give(self, fd: int, pid: int) -> bool:
        """Give more of it to a process through a pipe that takes some; whether there may be more."""
        if self._stops and self._given == self._stops[0]:
            if self._patience > 0 and _is_unread(fd) and _runs(pid):
                time.sleep(_PAUSE)
                self._patience -= _PAUSE
                return True
            self._stops.pop(0)
        if not self._due:
            most = self._stops[0] - self._given if self._stops else _PIPE
            self._due = memoryview(self._source.read(min(_PIPE, most)))
        with contextlib.suppress(BlockingIOError):
            try:
                n = os.write(fd, self._due) if self._due else 0
            except BrokenPipeError:  # the program has read all that it wants to
                return False
            self._given, self._due = self._given + n, self._due[n:]
            return n > 0
        return True


def _is_unread(fd: int) -> bool:
    """Whether bytes wait in a pipe that is written to, and somebody could still read them."""
    waiting, closed = array.array("i", [0]), select.poll()
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.FIONREAD, waiting)
    closed.register(fd, 0)
    return waiting[0] > 0 and not closed.poll(0)


def _runs(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError, AttributeError):  # not every system can tell
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False
