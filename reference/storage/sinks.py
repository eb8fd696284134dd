"""Local files as sinks: gathered writes, in the caller's thread or behind it."""

from __future__ import annotations

import ctypes
import functools
import os
from collections import deque
from collections.abc import Callable
from typing import Final

from ..format.wire import Source
from .copying import Copier, TryingCopier
from .local_files import CALL, Progress
from .threads import Pool, Work

# Bytes after which the kernel is told to write what it has: a save to ext4 took 0.28 s in place of 0.47, where 4 to
# 64 MiB made no difference.
_BEGIN: Final = 1 << 23
_ALIGNED: Final = 1 << 16  # bytes; at least a page
_HELD: Final = 1 << 18  # small writes held back and joined
# Bytes that wait to be written while more are made. A cast took 0.22 s in place of 0.42; with 8 MiB it took 0.44, but
# what was freed went back to the kernel then, so that the size itself is in doubt.
_BEHIND: Final = 1 << 24


def _begin_to_write(fd: int, offset: int, n: int) -> None:
    """Have the kernel write a stretch of a file to the disk, and do not wait for it; where it cannot, do nothing."""
    if (call := _sync_file_range()) is not None:
        call(fd, offset, n, 2)  # SYNC_FILE_RANGE_WRITE


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Linux's system call, which Python has not: its `posix_fadvise` would drop from memory what is on the disk."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    call.argtypes = ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint
    return call


class FileSink:
    """A sink over a file descriptor, written front to back."""

    def __init__(self, fd: int, progress: Progress | None = None) -> None:
        self.fd = fd
        self._held = bytearray()
        self._progress = progress or (lambda n: None)
        self._at = self._begun = 0  # bytes in the file, and those on their way to the disk
        self._copier: Copier = Copier(self)

    def write(self, data: bytes | memoryview) -> None:
        if len(data) < _HELD:
            self._held += data
            if len(self._held) >= _HELD:
                self.flush()
            return
        views = [memoryview(self._held), memoryview(data)] if self._held else [memoryview(data)]
        self._write_all(views)
        self._held = bytearray()

    def flush(self) -> None:
        if self._held:
            self._write_all([memoryview(self._held)])
            self._held = bytearray()

    def _write_all(self, views: list[memoryview]) -> None:
        while views:
            wrote = os.writev(self.fd, [view[:CALL] for view in views])
            self.count(wrote)
            while views and wrote >= len(views[0]):
                wrote -= len(views.pop(0))
            if wrote:
                views[0] = views[0][wrote:]

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        """Put `n` bytes of a source into the file."""
        self._copier.copy(source, offset, n)

    def count(self, n: int) -> None:
        """Count what stands in the file, and have the kernel begin to put it on the disk.

        Left to itself it begins when it is asked to sync, and a save takes as long as the two one after the other.
        """
        self._progress(n)
        self._at += n
        if self._at - self._begun >= _BEGIN:
            end = self._at // _ALIGNED * _ALIGNED  # a page is not written while more is put into it
            _begin_to_write(self.fd, self._begun, end - self._begun)
            self._begun = end


class BehindSink(FileSink):
    """A file sink whose large writes go on in a thread while the caller makes what comes next.

    What it is given must stay as it is until `flush` returns. An error of a write is raised by one of the next calls.
    """

    def __init__(self, fd: int, progress: Progress | None, pool: Pool) -> None:
        super().__init__(fd, progress)
        self._copier = TryingCopier(self)
        self._pool = pool  # of one thread, so that writes stay in their order
        self._under_way: deque[tuple[int, Work[None]]] = deque()
        self._left = 0  # bytes

    def _write_all(self, views: list[memoryview]) -> None:
        n = sum(map(len, views))
        self._wait(_BEHIND - n)
        self._under_way.append((n, self._pool.submit(super()._write_all, views)))
        self._left += n

    def _wait(self, most: int) -> None:
        """Wait until at most so many bytes are left to be written."""
        while self._under_way and self._left > most:
            n, write = self._under_way.popleft()
            self._left -= n
            write.result()

    def flush(self) -> None:
        super().flush()
        self._wait(-1)


class PlacedSink(BehindSink):
    """Writes at any offset of a file, of which others may write the rest."""

    _next = 0  # where the next byte stands

    def at(self, offset: int) -> None:
        """Go on at an offset."""
        if offset != self._next:
            FileSink.flush(self)
            self._under_way.append((0, self._pool.submit(self._move, offset)))
            self._next = offset

    def write(self, data: bytes | memoryview) -> None:
        super().write(data)
        self._next += len(data)

    def _move(self, offset: int) -> None:
        os.lseek(self.fd, offset, os.SEEK_SET)
        self._at = self._begun = offset
