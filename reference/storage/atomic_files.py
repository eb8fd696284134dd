"""Files that appear whole or not at all (spec STREAM-8)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ..format.seals import DETACHED_SUFFIX, FOOTER, ends_as_detached
from .file_attributes import attributes_of
from .folders import sync_folder
from .local_files import Path_, Progress
from .new_files import HIDDEN_FILE, NewFile
from .sinks import BehindSink, FileSink
from .threads import Pool


@contextlib.contextmanager
def replace(path: Path_, progress: Progress | None = None, behind: bool = False) -> Iterator[FileSink]:
    """Write a file that takes the place of `path` when the block ends, whole and synced; `behind` in a `BehindSink`.

    Where the block raises, or the process is killed, or the power fails, the old file stays as it was. Until then the
    new one has no name, so nothing is left to clean up; where the file system cannot do this it has a hidden one,
    which the next save of the same file removes. It has the permissions, owner, group, access list and extended
    attributes of the old one, as far as this process may give them, and never lets anybody do more. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    old = attributes_of(target)
    HIDDEN_FILE.sweep(target.parent, target)
    try:
        with contextlib.closing(NewFile(target, private=old is not None)) as new, Pool(1) as pool:
            new.open()
            with contextlib.suppress(OSError):  # some file systems have no locks; `sweep` then removes nothing
                fcntl.flock(new.fd, fcntl.LOCK_EX)
            sink = BehindSink(new.fd, progress, pool) if behind else FileSink(new.fd, progress)
            yield sink
            sink.flush()
            if (attributes := attributes_of(target) or old) is not None:  # they may have been changed meanwhile
                attributes.give_to(new.fd)
            os.fsync(new.fd)
            remove_seal(target)
            new.take_place()
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise


# DETACHED-3: "a program that writes a stream SHOULD remove the seal of the file that it replaces."
def remove_seal(target: Path) -> None:
    """Remove the seal beside a file that is about to be replaced; another file of that name is left alone.

    It is gone from the disk before the new file comes there: it would contradict it.
    """
    name = f"{os.fspath(target)}{DETACHED_SUFFIX}"
    with contextlib.suppress(OSError), open(name, "rb") as file:
        size = file.seek(-FOOTER, os.SEEK_END) + FOOTER
        if ends_as_detached(file.read(), size):
            os.unlink(name)
            sync_folder(target.parent)
