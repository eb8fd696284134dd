"""Sets of files that appear in a folder as a whole: none of an older set stays beside one of the new."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .folders import sync_folder
from .hidden_names import Hidden

_OLD: Final = "replaced"  # what the files of the older set are moved into while the new ones take their places


def _may_be_left(entry: os.DirEntry[str]) -> bool:
    """One that was killed between two moves is kept: its old files may be all there is."""
    return entry.is_dir(follow_symlinks=False) and not os.path.exists(os.path.join(entry.path, _OLD))


HIDDEN_SET: Final = Hidden(".parts", _may_be_left, os.O_RDONLY | os.O_DIRECTORY, shutil.rmtree)


@contextlib.contextmanager
def replace_set(folder: str, belongs: Callable[[str], bool], index: str) -> Iterator[str]:
    """A block that is given a hidden folder to write files into, which take the place of a set when it ends.

    A folder that is not there appears whole. In one that is, the files go whose names `belongs` says are of the set,
    and the others stay. `index` is the file without which nobody reads the others: of the old set it is the first that
    goes, and of the new one the last that comes. Where the block raises, or the files cannot take their places, the
    folder is as it was. Raises OSError.
    """
    target = os.path.realpath(folder)
    exists = os.path.isdir(target)
    home = target if exists else os.path.dirname(target)
    HIDDEN_SET.sweep(Path(home), Path(target))
    stage = os.path.join(home, HIDDEN_SET.name(Path(target), os.urandom(6).hex()))
    os.mkdir(stage)
    try:
        fd = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # some file systems have no locks; `sweep` then removes nothing
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield stage
            sync_folder(stage)
            if exists:
                _swap(target, stage, belongs, index)
            else:
                os.rename(stage, target)
            sync_folder(home)
        finally:
            os.close(fd)
    except OSError as error:
        error.filename = error.filename or folder
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check_folder(folder: str) -> None:
    """Refuse a folder that cannot be written, before any work is done. Raises OSError."""
    target = os.path.realpath(folder)
    home = target if os.path.exists(target) else os.path.dirname(target)
    if not os.path.exists(home):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder; make it first", home)
    if not stat.S_ISDIR(os.stat(home).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "this is a file, and a folder is to be written", home)
    if not os.access(home, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "no permission to write in this folder", home)


def _swap(target: str, stage: str, belongs: Callable[[str], bool], index: str) -> None:
    """Move the old set out of a folder and the new one in; on an error all go back to where they were."""
    old = sorted((name for name in os.listdir(target) if belongs(name)), key=lambda name: name != index)
    new = sorted((name for name in os.listdir(stage)), key=lambda name: name == index)
    os.mkdir(os.path.join(stage, _OLD))
    moves = [(os.path.join(target, name), os.path.join(stage, _OLD, name)) for name in old]
    moves += [(os.path.join(stage, name), os.path.join(target, name)) for name in new]
    done: list[tuple[str, str]] = []
    try:
        for source, to in moves:
            if source.startswith(stage) and os.path.lexists(to):
                raise FileExistsError(errno.EEXIST, "something else of this name is in the folder", to)
            os.rename(source, to)
            done.append((source, to))
    except BaseException:
        for source, to in reversed(done):
            os.rename(to, source)
        raise
