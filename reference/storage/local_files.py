"""Local files as sources: positional reads and memory maps."""

from __future__ import annotations

import errno
import functools
import mmap
import os
import stat
from collections.abc import Callable
from typing import Final

from ..format.errors import FormatError, UsageError
from ..format.wire import BytesSource
from .descriptors import Descriptor
from .threads import CORES, LARGE, all_done

Path_ = str | os.PathLike[str]
Progress = Callable[[int], None]  # told how many bytes have been moved since the last call

CALL: Final = 1 << 26  # bytes per system call, so that progress is shown and a signal is answered
_NO_MAPS: Final = {errno.ENODEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES}
_PAGE: Final = 1 << 21  # a huge page, which is touched first by one thread alone


class FileSource:
    """A regular file, read at given offsets. After `close` every call raises ValueError.

    `name` is what errors call it, if not by its path.
    """

    def __init__(self, path: Path_, name: str | None = None) -> None:
        path = os.fspath(path)
        self.name = path if name is None else name
        self._refuse_irregular(os.stat(path))  # before it is opened, which a device may notice
        self.descriptor = Descriptor(path)
        try:
            info = self._status()
            self._refuse_irregular(info)
        except BaseException:
            self.close()
            raise
        self.size, self._changed = info.st_size, info.st_mtime_ns

    def _refuse_irregular(self, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            refuse_irregular(self.name, info.st_mode)

    def _status(self) -> os.stat_result:
        with self.descriptor as fd:
            try:
                return os.fstat(fd)
            except OSError as error:
                error.filename = self.name
                raise

    def refuse_changes(self) -> None:
        """Refuse a file that somebody has written to since it was opened: what was read may be of two files.

        A file that another has taken the place of is good. Raises OSError.
        """
        info = self._status()
        if (info.st_size, info.st_mtime_ns) != (self.size, self._changed):
            text = "the file changed while it was read; read it again when nothing writes to it"
            raise OSError(errno.EBUSY, text, self.name)

    def read_at(self, offset: int, n: int) -> bytes:
        with self.descriptor as fd:
            try:
                data = os.pread(fd, min(n, CALL), offset)
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
        all_done([functools.partial(self._read_part, *part) for part in parts], len(view))

    def _read_part(self, offset: int, view: memoryview) -> None:
        while view:
            with self.descriptor as fd:
                try:
                    got = os.preadv(fd, (view[:CALL],), offset)
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
        """The file as a read-only memory map; views of it stay valid after `close`.

        Raises UsageError where the file system has no maps, OSError.
        """
        with self.descriptor as fd:
            try:
                return BytesSource(memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ)) if self.size else b"")
            except OSError as error:
                if error.errno not in _NO_MAPS:
                    error.filename = self.name
                    raise
                text = f"{self.name}: this file system has no memory maps ({error.strerror}); leave mmap=True out"
                raise UsageError(f"{text}, or copy the file to a local disk") from None

    def close(self) -> None:
        self.descriptor.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_irregular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", path)
    raise OSError(errno.EINVAL, "this is not a regular file; copy its contents to one", path)
