"""Outputs that cannot be written, or that would be the end of an input, refused before any work is done."""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from .file_attributes import attributes_of
from .file_systems import is_mount_point
from .local_files import Path_
from .new_files import NewFile

# Linux's request for the flags of a file, and two of them.
_GET_FLAGS: Final = 0x80086601 if sys.maxsize > 1 << 32 else 0x80046601
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


def check_output(path: Path_) -> None:
    """Refuse an output that cannot be written, before any work is done. Raises OSError."""
    name = os.fspath(path)
    if os.fsdecode(name).endswith("/"):
        raise IsADirectoryError(errno.EISDIR, "this names a directory; name a file in it", name)
    target = Path(os.path.realpath(path))
    old = [target] if attributes_of(target) is not None else []
    _check_home(target.parent, target, old, bool(old))


def check_folder(path: Path_, belongs: Callable[[str], bool]) -> None:
    """Refuse a folder into which a set of files cannot be written, for the old ones whose names `belongs` knows.

    One that is not there is made. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if not os.path.lexists(target):
        _check_home(target.parent, target, [], False)
        return
    if not target.is_dir():
        text = "this is a file, and a folder is to be written; name another folder, or remove the file first"
        raise NotADirectoryError(errno.ENOTDIR, text, os.fspath(path))
    old = [target / name for name in os.listdir(target) if belongs(name)]
    _check_home(target, target / "new", old, True)


def _check_home(folder: Path, target: Path, old: Sequence[Path], changes_names: bool) -> None:
    """Refuse a folder in which `target` cannot be made, or what takes the places of `old`. Raises OSError."""
    if not folder.is_dir():
        what = "this is a file and not a folder" if folder.exists() else "there is no such folder; make it first"
        raise FileNotFoundError(errno.ENOENT, what, os.fspath(folder))
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, "this file system is mounted read-only; write to another", os.fspath(folder))
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, "no permission to write in this folder", os.fspath(folder))
    _refuse_folder_that_keeps_names(folder, target, changes_names)
    try:
        with contextlib.closing(NewFile(target, private=True)) as trial:
            trial.open_nameless()  # one with a name would be seen
    except OSError as error:
        raise OSError(error.errno, f"no file can be made in this folder: {error.strerror}", os.fspath(folder)) from None
    for each in old:
        _refuse_file_that_keeps_its_name(each)


def _refuse_folder_that_keeps_names(folder: Path, target: Path, is_there: bool) -> None:
    """A folder in which names are only made (append-only), or not even that (immutable): see chattr(1)."""
    flags = _flags(folder)
    if flags & _IMMUTABLE:
        raise PermissionError(errno.EPERM, "this folder is immutable (chattr +i); write to another", os.fspath(folder))
    if flags & _APPEND_ONLY and (is_there or not hasattr(os, "O_TMPFILE")):
        text = "nothing in this folder can be replaced (chattr +a); write a file of a new name, or to another folder"
        raise PermissionError(errno.EPERM, text, os.fspath(target))


def _refuse_file_that_keeps_its_name(target: Path) -> None:
    """A file whose name this process may not take away: another's in a sticky folder, an immutable or a mounted one."""
    if is_mount_point(target):
        text = "this file is a mount of its own, which no other can take the place of; mount its folder instead"
        raise OSError(errno.EBUSY, text, os.fspath(target))
    try:
        os.rmdir(target)  # refused because it is a file, once all that would refuse a rename as well has been asked
    except PermissionError as error:
        text = "no permission to replace this file: it is another user's in a sticky folder, or cannot be changed"
        raise PermissionError(error.errno, text, os.fspath(target)) from None
    except OSError:
        pass


def _flags(path: Path) -> int:
    """The flags of a file or folder, 0 where the file system has none."""
    if not sys.platform.startswith("linux"):
        return 0
    found = array.array("l", [0])
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, _GET_FLAGS, found)
        finally:
            os.close(fd)
    except OSError:
        return 0
    return found[0] & 0xFFFFFFFF
