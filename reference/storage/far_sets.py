"""Sets of files in a bucket, where they cannot take their places together: what names the others comes last of all."""

from __future__ import annotations

import contextlib
import errno
import warnings
from collections.abc import Callable, Iterator, Sequence

from .object_places import ObjectPlace
from .other_filesystems import FilesystemPlace
from .place import Place


@contextlib.contextmanager
def new_set(is_read: Callable[[], bool]) -> Iterator[list[Place]]:
    """A block that is given a list, and puts into it each file that it has written; where it raises, these are removed.

    What cannot be removed stays, and a warning names it: without the file that names the others nobody reads it. Where
    that one is there all the same, which `is_read` finds out, or nobody knows, all stay.
    """
    written: list[Place] = []
    try:
        yield written
    except BaseException:
        try:
            stays = is_read()
        except OSError:
            stays = True
        if not stays:
            remove_all(written, "the save has failed, and of what it has written")
        raise


def remove_all(places: Sequence[Place], what: str) -> None:
    """Remove files that nobody reads any more; a warning names those that could not be, which are some of `what`."""
    left = [place.name for place in places if not _is_removed(place)]
    if left:
        warnings.warn(f"{what} {', '.join(left)} could not be removed; remove it yourself", stacklevel=5)


def remove(place: Place) -> None:
    """Have a file gone. Raises OSError."""
    if not isinstance(place, ObjectPlace | FilesystemPlace):
        raise OSError(errno.ENOTSUP, "nothing can be removed there", place.name)
    place.remove()


def _is_removed(place: Place) -> bool:
    try:
        remove(place)
    except OSError:
        return False
    return True
