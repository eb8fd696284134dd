"""Files that appear whole or not at all (spec STREAM-8)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..format.seals import DETACHED_SUFFIX, FOOTER, ends_as_detached
from .local_files import Path_, Progress, refuse_irregular
from .sinks import BehindSink, FileSink
from .threads import Pool

_ABANDONED: Final = 10.0  # seconds without a write after which a file that nobody has locked is left over


@contextlib.contextmanager
def replace(path: Path_, progress: Progress | None = None, behind: bool = False) -> Iterator[FileSink]:
    """Write a file that takes the place of `path` when the block ends, whole and synced; `behind` in a `BehindSink`.

    Where the block raises, or the process is killed, the old file stays as it was. Until then the new one
    has no name, so nothing is left to clean up; where the file system cannot do this it has a hidden one,
    which the next save of the same file removes. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target)
    _sweep(target)
    try:
        with contextlib.closing(_NewFile(target)) as new, Pool(1) as pool:
            new.open()
            with contextlib.suppress(OSError):  # some file systems have no locks; `_sweep` then removes nothing
                fcntl.flock(new.fd, fcntl.LOCK_EX)
            if mode is not None:
                os.fchmod(new.fd, mode)
            sink = BehindSink(new.fd, progress, pool) if behind else FileSink(new.fd, progress)
            yield sink
            sink.flush()
            os.fsync(new.fd)
            _remove_seal(target)
            new.take_place()
            _sync_directory(target.parent)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise


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
        refuse_irregular(os.fspath(target), mode)
    return stat.S_IMODE(mode)


def _hidden(target: Path, unique: str) -> str:
    """A hidden name of fixed length, which no other program gives to a file, for a save of `target`."""
    digest = hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
    return f".streamckpt-{digest}-{unique}.part"


def _sweep(target: Path) -> None:
    """Remove what a killed save of this file has left under a hidden name; others at work are spared."""
    pattern = re.compile(re.escape(_hidden(target, "@")).replace("@", "[0-9a-f]{12}"))
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_abandoned(entry)


def _remove_abandoned(entry: os.DirEntry[str]) -> None:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime < _ABANDONED:
        return
    fd = os.open(entry.path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(entry.path)
    finally:
        os.close(fd)


class _NewFile:
    """A new file beside `target`, without a name, or with a hidden one where the file system needs that.

    A name is noted before it exists, so that whatever fails, and wherever, `close` removes what is left of it.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._hidden: str | None = None
        self._file: io.FileIO | None = None  # closes its descriptor also where `close` is not come to

    @property
    def fd(self) -> int:
        assert self._file is not None
        return self._file.fileno()

    def open(self) -> None:
        """Make the file."""
        self._file = io.FileIO(self._target, "w", opener=lambda *_: self._open())

    def _open(self) -> int:
        if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
            try:
                return os.open(self._target.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                    raise
        while True:
            with contextlib.suppress(FileExistsError):
                return os.open(self._new_name(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def _new_name(self) -> str:
        self._hidden = os.fspath(self._target.parent / _hidden(self._target, os.urandom(6).hex()))
        return self._hidden

    def take_place(self) -> None:
        """Rename the file over the target."""
        if self._hidden is None:
            self._link()
        assert self._hidden is not None
        os.replace(self._hidden, self._target)
        self._hidden = None

    def _link(self) -> None:
        """Give a nameless file a hidden name, from which it can be renamed."""
        descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while True:
                with contextlib.suppress(FileExistsError):
                    return os.link(str(self.fd), self._new_name(), src_dir_fd=descriptors, follow_symlinks=True)
        except OSError as error:  # it names the descriptor, which says nothing to anybody
            error.filename, error.filename2 = os.fspath(self._target), None
            raise
        finally:
            os.close(descriptors)

    def close(self) -> None:
        """Close the file, and remove it unless it has taken its place."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._hidden is not None:
                with contextlib.suppress(OSError):  # what has gone wrong before is to be told, and not this
                    os.unlink(self._hidden)


# What a folder answers that cannot be read, or a file system that knows no such thing; the file itself is safe.
_NO_SYNC: Final = {errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP, errno.EACCES}


# DETACHED-3: "a program that writes a stream SHOULD remove the seal of the file that it replaces."
def _remove_seal(target: Path) -> None:
    """Remove the seal beside a file that is about to be replaced; another file of that name is left alone."""
    name = f"{os.fspath(target)}{DETACHED_SUFFIX}"
    with contextlib.suppress(OSError), open(name, "rb") as file:
        size = file.seek(-FOOTER, os.SEEK_END) + FOOTER
        if ends_as_detached(file.read(), size):
            os.unlink(name)


def _sync_directory(folder: Path) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
