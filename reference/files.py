"""The one module that opens files: positional reads, memory maps, and outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import mmap
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .errors import FormatError
from .wire import BytesSource, Source

Path_ = str | os.PathLike[str]
Progress = Callable[[int], None]  # told how many bytes have been moved since the last call

_CALL: Final = 1 << 26  # bytes per system call, so that progress is shown and a signal is answered
_COPY: Final = 1 << 20  # the buffer where the kernel cannot copy from file to file
_HELD: Final = 1 << 18  # small writes held back and joined
# What copy_file_range answers where it cannot serve these two files; a plain buffer then does.
_CANNOT_COPY: Final = {
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EPERM,
    errno.ETXTBSY,
}


class FileSource:
    """A regular file, read at given offsets."""

    def __init__(self, path: Path_) -> None:
        self.path = os.fspath(path)
        info = os.stat(self.path)
        if not stat.S_ISREG(info.st_mode):  # before it is opened: a FIFO would wait for a writer
            _not_regular(self.path, info.st_mode)
        self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115 (closed below)
        self.fd = self._file.fileno()
        self.size = os.fstat(self.fd).st_size

    def read_at(self, offset: int, n: int) -> bytes:
        data = os.pread(self.fd, min(n, _CALL), offset)
        if len(data) == n:
            return data
        whole = bytearray(n)
        self.read_into(offset, memoryview(whole))
        return bytes(whole)

    def read_into(self, offset: int, view: memoryview) -> None:
        while view:
            got = os.preadv(self.fd, (view[:_CALL],), offset)
            if not got:
                self._shrunk(offset)
            offset, view = offset + got, view[got:]

    def _shrunk(self, offset: int) -> None:
        detail = "the file became shorter while it was read"
        raise FormatError("STREAM-2", offset, None, detail, "read it again when nothing writes to it")

    def map(self) -> BytesSource:
        """The file as a read-only memory map; views of it stay valid after `close`."""
        return BytesSource(memoryview(mmap.mmap(self.fd, 0, access=mmap.ACCESS_READ)) if self.size else b"")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_regular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", path)
    raise OSError(errno.EINVAL, "this is not a regular file; copy its contents to one", path)


class FileSink:
    """A sink over a file descriptor, written front to back."""

    def __init__(self, fd: int, progress: Progress | None = None) -> None:
        self._fd = fd
        self._held = bytearray()
        self._progress = progress or (lambda n: None)
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
            self._progress(wrote)
            while views and wrote >= len(views[0]):
                wrote -= len(views.pop(0))
            if wrote:
                views[0] = views[0][wrote:]

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        if n < _HELD or not isinstance(source, FileSource):
            self._copy_through_memory(source, offset, n)
            return
        self.flush()
        while n and self._kernel_copies:
            try:
                moved = os.copy_file_range(source.fd, self._fd, min(n, _CALL), offset)
            except OSError as error:
                if error.errno not in _CANNOT_COPY:
                    raise
                self._kernel_copies = False
                break
            if not moved:
                source._shrunk(offset)
            self._progress(moved)
            offset, n = offset + moved, n - moved
        self._copy_through_memory(source, offset, n)

    def _copy_through_memory(self, source: Source, offset: int, n: int) -> None:
        while n:
            part = source.read_at(offset, min(n, _COPY))
            self.write(part)
            offset, n = offset + len(part), n - len(part)


@contextlib.contextmanager
def replace(path: Path_, progress: Progress | None = None) -> Iterator[FileSink]:
    """Write a file that takes the place of `path` when the block ends, whole and synced (STREAM-8).

    Where the block raises, or the process is killed, the old file stays as it was. Until then the new one
    has no name, so nothing is left to clean up; where the file system cannot do this it has a hidden one.
    Raises OSError.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target)
    _sweep(target)
    fd, hidden = _open_new(target)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # says to `_sweep` that somebody is still at work on it
        if mode is not None:
            os.fchmod(fd, mode)
        sink = FileSink(fd, progress)
        yield sink
        sink.flush()
        os.fsync(fd)
        hidden = hidden or _name(fd, target)
        os.replace(hidden, target)
        hidden = None
        _sync_directory(target.parent)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise
    finally:
        os.close(fd)
        if hidden is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(hidden)


def check_output(path: Path_) -> None:
    """Refuse an output that cannot be written, before any work is done. Raises OSError."""
    target = Path(os.path.realpath(path))
    _mode_of(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder; make it first", os.fspath(target.parent))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "no permission to write in this folder", os.fspath(target.parent))


def _mode_of(target: Path) -> int | None:
    """The permissions of the file that is to be replaced, None where there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        _not_regular(os.fspath(target), mode)
    return stat.S_IMODE(mode)


def _hidden(target: Path) -> str:
    return f".{target.name[:60]}."


def _sweep(target: Path) -> None:
    """Remove what a killed save of this file has left where new files need a name; others at work are spared."""
    for left in target.parent.glob(f"{glob.escape(_hidden(target))}*.part"):
        with contextlib.suppress(OSError), open(left, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(left)


def _open_new(target: Path) -> tuple[int, str | None]:
    """A new file beside `target`: its descriptor, and its name if it has one."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(target.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666), None
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
    fd, name = tempfile.mkstemp(prefix=_hidden(target), suffix=".part", dir=target.parent)
    umask = os.umask(0)
    os.umask(umask)
    os.fchmod(fd, 0o666 & ~umask)
    return fd, name


def _name(fd: int, target: Path) -> str:
    """Give a nameless file a hidden name beside `target`, from which it can be renamed over it."""
    descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            hidden = os.fspath(target.parent / f"{_hidden(target)}{os.urandom(6).hex()}.part")
            with contextlib.suppress(FileExistsError):
                os.link(str(fd), hidden, src_dir_fd=descriptors, follow_symlinks=True)
                return hidden
    finally:
        os.close(descriptors)


def _sync_directory(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP):  # no such thing on this file system
            raise
    finally:
        os.close(fd)
