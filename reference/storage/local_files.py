"""Files as sources and sinks: positional reads, memory maps, gathered writes, copies by the kernel."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import mmap
import os
import stat
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from ..format.errors import FormatError
from ..format.wire import BytesSource, Source
from .threads import CORES, LARGE, Pool, in_parallel

Path_ = str | os.PathLike[str]
Progress = Callable[[int], None]  # told how many bytes have been moved since the last call

_CALL: Final = 1 << 26  # bytes per system call, so that progress is shown and a signal is answered
_PAGE: Final = 1 << 21  # a huge page, which is touched first by one thread alone
_COPY: Final = 1 << 20  # the buffer where the kernel cannot copy from file to file
_BEGIN: Final = 1 << 23  # bytes after which the kernel is told to write what it has
_ALIGNED: Final = 1 << 16  # bytes; at least a page
_HELD: Final = 1 << 18  # small writes held back and joined
_TRIAL: Final = 1 << 23  # bytes that are copied in each way to see which is the faster
_BEHIND: Final = 1 << 24  # bytes that wait to be written while more are made


class Descriptor:
    """An open descriptor, which is closed when the last that holds it lets go of it.

    So a file that is closed while a thread reads from it stays open until that read is over: another file could
    otherwise get the number of the descriptor, and be read in its place.
    """

    __slots__ = ("fd",)

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO that has come there would wait

    def close(self) -> None:
        """Close it now, whoever holds it."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):  # nothing was written that could be lost
                os.close(fd)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self.close()


class FileSource:
    """A regular file, read at given offsets. After `close` every call raises ValueError."""

    _held: Descriptor | None = None

    def __init__(self, path: Path_) -> None:
        self.name = os.fspath(path)
        self._refuse_irregular(os.stat(self.name))  # before it is opened, which a device may notice
        held = Descriptor(self.name)
        try:
            info = self._status(held)
            self._refuse_irregular(info)
        except BaseException:
            held.close()
            raise
        self.size, self._changed = info.st_size, info.st_mtime_ns
        self._held = held

    def descriptor(self) -> Descriptor:
        """The open descriptor; it stays open for as long as what is returned is held. Raises ValueError."""
        if self._held is None:
            raise ValueError(f"{self.name} is closed; open it again to read from it")
        return self._held

    def _refuse_irregular(self, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            refuse_irregular(self.name, info.st_mode)

    def _status(self, held: Descriptor) -> os.stat_result:
        try:
            return os.fstat(held.fd)
        except OSError as error:
            error.filename = self.name
            raise

    def refuse_changes(self) -> None:
        """Refuse a file that somebody has written to since it was opened: what was read may be of two files.

        A file that another has taken the place of is good. Raises OSError.
        """
        info = self._status(self.descriptor())
        if (info.st_size, info.st_mtime_ns) != (self.size, self._changed):
            text = "the file changed while it was read; read it again when nothing writes to it"
            raise OSError(errno.EBUSY, text, self.name)

    def read_at(self, offset: int, n: int) -> bytes:
        held = self.descriptor()
        try:
            data = os.pread(held.fd, min(n, _CALL), offset)
        except OSError as error:
            error.filename = self.name
            raise
        if len(data) == n:
            return data
        whole = bytearray(n)
        self.read_into(offset, memoryview(whole))
        return bytes(whole)

    def read_into(self, offset: int, view: memoryview) -> None:
        if len(view) < LARGE or CORES < 2:
            self._read_part(offset, view)
            return
        # The first touch of fresh memory takes longer than the copy, and several threads do it at once.
        step = -(-len(view) // CORES // _PAGE) * _PAGE
        parts = [(offset + at, view[at : at + step]) for at in range(0, len(view), step)]
        in_parallel([functools.partial(self._read_part, *part) for part in parts])

    def _read_part(self, offset: int, view: memoryview) -> None:
        held = self.descriptor()
        while view:
            try:
                got = os.preadv(held.fd, (view[:_CALL],), offset)
            except OSError as error:
                error.filename = self.name
                raise
            if not got:
                self._shrunk(offset)
            offset, view = offset + got, view[got:]

    def _shrunk(self, offset: int) -> None:
        detail = "the file became shorter while it was read"
        error = FormatError("STREAM-2", offset, None, detail, "read it again when nothing writes to it")
        error.file = self.name
        raise error

    def map(self) -> BytesSource:
        """The file as a read-only memory map; views of it stay valid after `close`."""
        held = self.descriptor()
        return BytesSource(memoryview(mmap.mmap(held.fd, 0, access=mmap.ACCESS_READ)) if self.size else b"")

    def close(self) -> None:
        self._held = None

    def __del__(self) -> None:
        if self._held is not None:
            warnings.warn(f"{self.name} was not closed", ResourceWarning, stacklevel=2, source=self)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_irregular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", path)
    raise OSError(errno.EINVAL, "this is not a regular file; copy its contents to one", path)


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
        self._fd = fd
        self._held = bytearray()
        self._progress = progress or (lambda n: None)
        self._at = self._begun = 0  # bytes in the file, and those on their way to the disk
        self._kernel_copies = hasattr(os, "copy_file_range")

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
            wrote = os.writev(self._fd, [view[:_CALL] for view in views])
            self._moved(wrote)
            while views and wrote >= len(views[0]):
                wrote -= len(views.pop(0))
            if wrote:
                views[0] = views[0][wrote:]

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        """Put `n` bytes of a source into the file."""
        if n < _HELD or not isinstance(source, FileSource):
            self._copy_through_memory(source, offset, n)
            return
        self.flush()
        while n and self._kernel_copies:
            at = os.lseek(self._fd, 0, os.SEEK_CUR)
            held = source.descriptor()
            try:
                moved = os.copy_file_range(held.fd, self._fd, min(n, _CALL), offset)
            except OSError:
                moved = 0
                os.lseek(self._fd, at, os.SEEK_SET)  # a server's answer may be lost when the copy has been made
            if not moved:  # the kernel cannot serve these two files, or one is at fault: a plain copy finds out which
                self._kernel_copies = False
                break
            self._moved(moved)
            offset, n = offset + moved, n - moved
        self._copy_through_memory(source, offset, n)

    def _moved(self, n: int) -> None:
        """Count what stands in the file, and have the kernel begin to put it on the disk.

        Left to itself it begins when it is asked to sync, and a save takes as long as the two one after the other.
        """
        self._progress(n)
        self._at += n
        if self._at - self._begun >= _BEGIN:
            end = self._at // _ALIGNED * _ALIGNED  # a page is not written while more is put into it
            _begin_to_write(self._fd, self._begun, end - self._begun)
            self._begun = end

    def _copy_through_memory(self, source: Source, offset: int, n: int) -> None:
        while n:
            part = source.read_at(offset, min(n, _COPY))
            self.write(part)
            offset, n = offset + len(part), n - len(part)


class BehindSink(FileSink):
    """A file sink whose large writes go on in a thread while the caller makes what comes next.

    What it is given must stay as it is until `flush` returns. An error of a write is raised by one of the next calls.
    Large stretches of files are copied by the kernel, or read here and written behind: whichever a trial shows to be
    the faster. Memory is copied faster by two threads, and a file server may copy without sending anything.
    """

    def __init__(self, fd: int, progress: Progress | None, pool: Pool) -> None:
        super().__init__(fd, progress)
        self._pool = pool  # of one thread, so that writes stay in their order
        self._under_way: deque[tuple[int, Future[None]]] = deque()
        self._left = 0  # bytes
        self._copy: Callable[[Source, int, int], None] | None = None

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

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        if self._copy is None and n >= 3 * _TRIAL and isinstance(source, FileSource):
            # Through memory it is the second time that counts: the first has to find the buffers.
            ways = self._copy_through_memory, super().copy_from, self._copy_through_memory
            _, *seconds = [self._try(way, source, offset + i * _TRIAL) for i, way in enumerate(ways)]
            self._copy = ways[1 + seconds.index(min(seconds))]
            offset, n = offset + 3 * _TRIAL, n - 3 * _TRIAL
        (self._copy or super().copy_from)(source, offset, n)

    def _try(self, copy: Callable[[Source, int, int], None], source: Source, offset: int) -> float:
        """The seconds that a way of copying takes."""
        self.flush()
        start = time.perf_counter()
        copy(source, offset, _TRIAL)
        self.flush()
        return time.perf_counter() - start

    def flush(self) -> None:
        super().flush()
        self._wait(-1)
