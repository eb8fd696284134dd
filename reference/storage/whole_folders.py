"""Sets of files that appear in a folder as a whole: none of an older set stays beside one of the new."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from typing import Final

_ABANDONED: Final = 10.0  # seconds without a change after which a folder that nobody has locked is left over
_OLD: Final = "replaced"  # what the files of the older set are moved into while the new ones take their places


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
    _sweep(home, target)
    stage = os.path.join(home, _hidden(target, os.urandom(6).hex()))
    os.mkdir(stage)
    try:
        fd = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # some file systems have no locks; `_sweep` then removes nothing
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield stage
            _sync(stage)
            if exists:
                _swap(target, stage, belongs, index)
            else:
                os.rename(stage, target)
            _sync(home)
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


def _hidden(target: str, unique: str) -> str:
    digest = hashlib.blake2b(os.fsencode(os.path.basename(target)), digest_size=8).hexdigest()
    return f".streamckpt-{digest}-{unique}.parts"


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


def _sweep(home: str, target: str) -> None:
    """Remove what killed runs have left of sets for this folder; others at work are spared, and so are old sets."""
    pattern = re.compile(re.escape(_hidden(target, "@")).replace("@", "[0-9a-f]{12}"))
    with contextlib.suppress(OSError), os.scandir(home) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_abandoned(entry)


def _remove_abandoned(entry: os.DirEntry[str]) -> None:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime < _ABANDONED:
        return
    if os.path.exists(os.path.join(entry.path, _OLD)):  # it was killed between two moves: these may be all there is
        return
    fd = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(entry.path)
    finally:
        os.close(fd)


def _sync(folder: str) -> None:
    """Have the names in a folder stand on the disk, where the file system can say so."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
