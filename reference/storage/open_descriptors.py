"""Files that are open already, as standard input and output are: what /dev/stdin, /dev/stdout and /dev/fd/N name.

Such an output is written to, and never replaced: what is redirected with `>>` stays. So it is not whole or not at all;
whoever reads a pipe looks at the exit status, or reads a sealed stream, which shows that it was cut.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from typing import Final

from .copying import Copier
from .local_files import FileSource, Progress
from .sinks import FileSink

_NAMES: Final = {"stdin": 0, "stdout": 1, "stderr": 2}
_DESCRIPTOR: Final = re.compile(r"/dev/(stdin|stdout|stderr)|(?:/proc/(self|thread-self|\d+)|/dev)/fd/(\d+)")
_MOST_LINKS: Final = 40  # as many as the system itself follows
_PIECE: Final = 1 << 20  # bytes read from a pipe at a time


def descriptor_of(path: str) -> int | None:
    """The descriptor of this process that a path leads to, by links or by itself; None for any other path."""
    at = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        if found := _DESCRIPTOR.fullmatch(at):
            name, process, number = found.groups()
            if process and process.isdigit() and int(process) != os.getpid():
                return None
            return _NAMES[name] if name else int(number)
        try:
            at = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
        except OSError:
            return None
    return None


class OpenDescriptor:
    """The place of a file that is open already, as the descriptor `fd`. `name` is what errors call it."""

    def __init__(self, fd: int, name: str) -> None:
        self.name, self.fd = name, fd

    def open(self) -> FileSource:
        """Open it to be read. What cannot be read in any order is put into a temporary file first. Raises OSError."""
        info = self._status()
        if stat.S_ISREG(info.st_mode) and os.lseek(self.fd, 0, os.SEEK_CUR) == 0:
            return FileSource(self.name)
        if stat.S_ISDIR(info.st_mode) or os.isatty(self.fd):
            what = "a directory" if stat.S_ISDIR(info.st_mode) else "a terminal"
            raise OSError(errno.EINVAL, f"this is {what}; redirect a file or a pipe to it", self.name)
        return FileSource(f"/dev/fd/{_kept(self.fd, info, self.name)}", self.name)

    def make_folder(self) -> None:
        """There is none to be made."""

    def check_output(self) -> None:
        """Refuse what is not open to be written to, and terminals. Raises OSError."""
        info = self._status()
        if fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY or stat.S_ISDIR(info.st_mode):
            raise OSError(errno.EBADF, "this is open for reading only; redirect it to a file or a pipe", self.name)
        if os.isatty(self.fd):
            raise OSError(errno.EINVAL, "this is a terminal; redirect it to a file or a pipe", self.name)

    @contextlib.contextmanager
    def replace(self, progress: Progress | None = None, behind: bool = False, size: int = 0) -> Iterator[FileSink]:
        """A block that writes to it, from where it stands on. Nothing is written before the block. Raises OSError."""
        self.check_output()
        try:
            sink = _StreamSink(self.fd, progress)
            yield sink
            sink.flush()
            if stat.S_ISREG(self._status().st_mode):
                os.fsync(self.fd)
        except OSError as error:
            error.filename = error.filename or self.name
            raise

    def _status(self) -> os.stat_result:
        try:
            return os.fstat(self.fd)
        except OSError as error:
            raise OSError(
                error.errno, "this descriptor is not open; redirect a file or a pipe to it", self.name
            ) from None


class _StreamSink(FileSink):
    """A sink over what may have no offsets, into which the kernel does not copy."""

    def __init__(self, fd: int, progress: Progress | None) -> None:
        super().__init__(fd, progress)
        self._copier = Copier(self, by_kernel=False)


# What pipes held, by descriptor and inode: it is asked for more than once. The files have no names.
_read: Final[dict[tuple[int, int, int], int]] = {}


def _kept(fd: int, info: os.stat_result, name: str) -> int:
    """A descriptor of a temporary file with all that a pipe gives."""
    key = fd, info.st_dev, info.st_ino
    if key not in _read:
        with tempfile.TemporaryFile(buffering=0) as file:
            try:
                while data := os.read(fd, _PIECE):
                    view = memoryview(data)
                    while view:
                        view = view[file.write(view) :]
            except OSError as error:
                text = (
                    f"it could not be put into {tempfile.gettempdir()} ({error.strerror}); TMPDIR names another folder"
                )
                raise OSError(error.errno, text, name) from None
            _read[key] = os.dup(file.fileno())
    return _read[key]
