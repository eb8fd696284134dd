"""Sets of files in a bucket, where they cannot take their places together: what names the others comes last of all."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence

from ..format.errors import UsageError
from .object_places import ObjectPlace
from .place import Place
from .places import place_of


def check_set(folder: str, firsts: Sequence[str]) -> None:
    """Refuse a folder that cannot be written to, or holds a set: the files of two would be mixed.

    `firsts` are the names by which a set is found. Raises OSError, UsageError.
    """
    place_of(folder + firsts[0]).check_output()
    for name in firsts:
        place = place_of(folder + name)
        with contextlib.suppress(FileNotFoundError):
            place.open().close()
            text = f"{place.name} is there already, and the files of two checkpoints would be mixed"
            raise UsageError(f"{text}; name another folder, or remove it first")


@contextlib.contextmanager
def new_set() -> Iterator[list[Place]]:
    """A block that is given a list, and puts into it each file that it has written; where it raises, these are removed.

    What cannot be removed stays, and a warning names it: without the file that names the others nobody reads it.
    """
    written: list[Place] = []
    try:
        yield written
    except BaseException:
        left = [place.name for place in written if not _is_removed(place)]
        if left:
            text = f"the save has failed, and {', '.join(left)} could not be removed; remove it, or save there again"
            warnings.warn(text, stacklevel=4)
        raise


def _is_removed(place: Place) -> bool:
    try:
        if isinstance(place, ObjectPlace):
            place.remove()
            return True
    except OSError:
        pass
    return False
