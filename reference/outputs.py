"""Files that appear whole or not at all (spec STREAM-8)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .files import FileSink, Path_, Progress, refuse_irregular

_ABANDONED: Final = 10.0  # seconds without a write after which a file that nobody has locked is left over


@contextlib.contextmanager
def replace(path: Path_, progress: Progress | None = None) -> Iterator[FileSink]:
    """Write a file that takes the place of `path` when the block ends, whole and synced.

    Where the block raises, or the process is killed, the old file stays as it was. Until then the new one
    has no name, so nothing is left to clean up; where the file system cannot do this it has a hidden one,
    which the next save of the same file removes. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_of(target)
    _sweep(target)
    fd, hidden = _open_new(target)
    try:
        with contextlib.suppress(OSError):  # some file systems have no locks; `_sweep` then removes nothing
            fcntl.flock(fd, fcntl.LOCK_EX)
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


def _open_new(target: Path) -> tuple[int, str | None]:
    """A new file beside `target`: its descriptor, and its hidden name if it has one."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(target.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666), None
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
    while True:
        name = os.fspath(target.parent / _hidden(target, os.urandom(6).hex()))
        with contextlib.suppress(FileExistsError):
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), name


def _name(fd: int, target: Path) -> str:
    """Give a nameless file a hidden name beside `target`, from which it can be renamed over it."""
    descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            hidden = os.fspath(target.parent / _hidden(target, os.urandom(6).hex()))
            with contextlib.suppress(FileExistsError):
                os.link(str(fd), hidden, src_dir_fd=descriptors, follow_symlinks=True)
                return hidden
    except OSError as error:  # it names the descriptor, which says nothing to anybody
        error.filename, error.filename2 = os.fspath(target), None
        raise
    finally:
        os.close(descriptors)


# What a folder answers that cannot be read, or a file system that knows no such thing; the file itself is safe.
_NO_SYNC: Final = {errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP, errno.EACCES}


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
