"""Descriptors of open files, of which none is closed while it is read from."""

from __future__ import annotations

import contextlib
import io
import os


class Descriptor:
    """An open file as a block: `with descriptor as fd`. Entering it raises ValueError once it is closed.

    A file that is closed while a thread is in such a block is closed by the last that leaves one: another file could
    otherwise get the number, and be read in its place.
    """

    def __init__(self, path: str) -> None:
        self._file = io.FileIO(path, opener=_open)
        self._fd = self._file.fileno()
        self._users: list[None] = []
        self._closed = False

    def __enter__(self) -> int:
        self._users.append(None)  # first, and then the look: `close` does the two in the other order
        if self._closed:
            self.__exit__()
            raise ValueError(f"{self._file.name} is closed; open it again to read from it")
        return self._fd

    def __exit__(self, *_: object) -> None:
        self._users.pop()
        if self._closed:
            self.close()

    def close(self) -> None:
        self._closed = True
        if not self._users:
            with contextlib.suppress(OSError):  # nothing was written that could be lost
                self._file.close()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO that has come there since would wait for a writer
