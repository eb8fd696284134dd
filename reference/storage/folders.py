"""Folders that are on the disk when a call returns."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final

from .local_files import Path_

# What a folder answers that cannot be read, or a file system that knows no such thing.
_NO_SYNC: Final = {errno.EINVAL, errno.EROFS, errno.EOPNOTSUPP, errno.EACCES}


def sync_folder(folder: Path_) -> bool:
    """Have the names in a folder reach the disk; False where it cannot be asked for. Raises OSError."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            error.filename = os.fspath(folder)
            raise
        return False
    return True


def make_folder(folder: Path_) -> None:
    """Make a folder, and those above it, each on the disk with its name. Raises OSError."""
    at, missing = os.path.abspath(folder), []
    while not os.path.isdir(at):
        missing.append(at)
        at = os.path.dirname(at)
    for each in reversed(missing):
        try:
            os.mkdir(each)
        except FileExistsError:  # somebody else was quicker, unless it is not a folder
            if not os.path.isdir(each):
                raise
        with contextlib.suppress(PermissionError):  # a folder above may be another's
            sync_folder(each)
            sync_folder(os.path.dirname(each))
