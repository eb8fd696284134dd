"""Local files as sources: positional reads and memory maps."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import mmap
import os
import stat
from collections.abc import Callable
from typing import Final

from ..format.errors import FormatError
from ..format.wire import BytesSource
from .threads import CORES, LARGE, all_done

Path_ = str | os.PathLike[str]
Progress = Callable[[int], None]  # told how many bytes have been moved since the last call

CALL: Final = 1 << 26  # bytes per system call, so that progress is shown and a signal is answered
_PAGE: Final = 1 << 21  # a huge page, which is touched first by one thread alone


class FileSource:
    """A regular file, read at given offsets."""

    def __init__(self, path: Path_) -> None:
        self.path = os.fspath(path)
        self._refuse_irregular(os.stat(self.path))  # before it is opened, which a device may notice
        self._file = io.FileIO(self.path, opener=_open)
        try:
            self.fd = self._file.fileno()
            info = self._status()
            self._refuse_irregular(info)
            self.size, self._changed = info.st_size, info.st_mtime_ns
        except BaseException:
            self._file.close()
            raise

    def _refuse_irregular(self, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            refuse_irregular(self.path, info.st_mode)

    def _status(self) -> os.stat_result:
        try:
            return os.fstat(self.fd)
        except OSError as error:
            error.filename = self.path
            raise

    def refuse_changes(self) -> None:
        """Refuse a file that somebody has written to since it was opened: what was read may be of two files.

        A file that another has taken the place of is good. Raises OSError.
        """
        info = self._status()
        if (info.st_size, info.st_mtime_ns) != (self.size, self._changed):
            text = "the file changed while it was read; read it again when nothing writes to it"
            raise OSError(errno.EBUSY, text, self.path)

    def read_at(self, offset: int, n: int) -> bytes:
        try:
            data = os.pread(self.fd, min(n, CALL), offset)
        except OSError as error:
            error.filename = self.path
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
        all_done([functools.partial(self._read_part, *part) for part in parts], len(view))

    def _read_part(self, offset: int, view: memoryview) -> None:
        while view:
            try:
                got = os.preadv(self.fd, (view[:CALL],), offset)
            except OSError as error:
                error.filename = self.path
                raise
            if not got:
                self._shrunk(offset)
            offset, view = offset + got, view[got:]

    def _shrunk(self, offset: int) -> None:
        detail = "the file became shorter while it was read"
        error = FormatError("STREAM-2", offset, None, detail, "read it again when nothing writes to it")
        error.file = self.path
        raise error

    def map(self) -> BytesSource:
        """The file as a read-only memory map; views of it stay valid after `close`."""
        return BytesSource(memoryview(mmap.mmap(self.fd, 0, access=mmap.ACCESS_READ)) if self.size else b"")

    def close(self) -> None:
        with contextlib.suppress(OSError):  # nothing was written that could be lost
            self._file.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO that has come there since would wait for a writer


def refuse_irregular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", path)
    raise OSError(errno.EINVAL, "this is not a regular file; copy its contents to one", path)
