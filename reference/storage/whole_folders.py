"""Sets of files that appear in a folder as a whole: none of an older set stays beside one of the new."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .folders import sync_folder
from .hidden_names import Hidden

_OLD: Final = "replaced"  # what the files of the older set are moved into while the new ones take their places
_TAKING: Final = "taking"  # a folder that is made when all of those are there, before the first new one comes


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
    if exists:
        settle_set(target)
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


def settle_set(folder: str) -> bool:
    """Put the files of a set in their places where a save was killed while it did: the old ones, or the new.

    The new ones, once all the old are out of their way. Whether there was such a save; one that is at it now is waited
    for. Raises OSError.
    """
    target = Path(os.path.realpath(folder))
    killed = [entry.path for entry in HIDDEN_SET.found(target, target) if _is_swapping(entry.path)]
    for stage in killed:
        try:
            fd = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # the save has ended, or another has settled it
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if _is_swapping(stage):
                _settle(os.fspath(target), stage)
        finally:
            os.close(fd)
    return bool(killed)


def _is_swapping(stage: str) -> bool:
    return os.path.isdir(os.path.join(stage, _OLD))


def _settle(target: str, stage: str) -> None:
    source = stage if os.path.isdir(os.path.join(stage, _TAKING)) else os.path.join(stage, _OLD)
    for name in sorted(os.listdir(source)):  # an index stands behind its shards in that order
        if name not in (_OLD, _TAKING):
            os.rename(os.path.join(source, name), os.path.join(target, name))
    sync_folder(target)
    _forget(stage)
    shutil.rmtree(stage)


def _swap(target: str, stage: str, belongs: Callable[[str], bool], index: str) -> None:
    """Move the old set out of a folder and the new one in; on an error all go back to where they were.

    Wherever it is killed, `settle_set` finds all files of one of the two sets, and which.
    """
    replaced, taking = os.path.join(stage, _OLD), os.path.join(stage, _TAKING)
    old = sorted((name for name in os.listdir(target) if belongs(name)), key=lambda name: name != index)
    new = sorted((name for name in os.listdir(stage)), key=lambda name: name == index)
    os.mkdir(replaced)
    out = [(os.path.join(target, name), os.path.join(replaced, name)) for name in old]
    in_ = [(os.path.join(stage, name), os.path.join(target, name)) for name in new]
    done: list[tuple[str, str]] = []
    try:
        for source, to in out:
            os.rename(source, to)
            done.append((source, to))
        for folder in (replaced, target):  # on the disk, before what follows can be there
            sync_folder(folder)
        os.mkdir(taking)
        sync_folder(stage)
        for source, to in in_:
            if os.path.lexists(to):
                raise FileExistsError(errno.EEXIST, "something else of this name is in the folder", to)
            os.rename(source, to)
            done.append((source, to))
        sync_folder(target)
    except BaseException:
        for source, to in reversed(done[len(out) :]):
            os.rename(to, source)
        if os.path.isdir(taking):
            os.rmdir(taking)
        for source, to in reversed(done[: len(out)]):
            os.rename(to, source)
        raise
    finally:
        _forget(stage)


def _forget(stage: str) -> None:
    """Have nobody take what is left of a set whose files are in their places for one that has to be settled."""
    os.rename(os.path.join(stage, _OLD), os.path.join(stage, "over"))
