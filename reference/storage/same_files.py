"""Outputs that are an input under whatever name: links, mounts and descriptors lead to one file."""

from __future__ import annotations

import os
from typing import Final

from ..format.errors import UsageError
from ..format.seals import DETACHED_SUFFIX
from .local_files import Path_
from .open_descriptors import OpenDescriptor
from .place import Place
from .places import LocalPlace, place_of

_ADVICE: Final = "name another output"
_HERE: Final = (LocalPlace, OpenDescriptor)


def refuse_an_input(output: Place, inputs: dict[str, Path_]) -> None:
    """Refuse to write to a file that is also read, or to the seal beside one: it would be gone.

    `inputs` are the files by what errors call them: the base, the delta. Raises UsageError, before anything is written.
    """
    for what, path in inputs.items():
        name = os.fspath(path)
        if is_same_file(output, name):
            also = "" if output.name == name else f" ({name})"
            raise UsageError(f"{output.name} is {what}{also}, which would be replaced and lost; {_ADVICE}")
        if is_same_file(output, name + DETACHED_SUFFIX):
            raise UsageError(f"{output.name} is the seal of {what}, which would be replaced and lost; {_ADVICE}")


def refuse_itself(output: Place, path: Path_) -> None:
    """Refuse to write into the file that is read, where the output is open already and cannot take its place."""
    if isinstance(output, OpenDescriptor) and is_same_file(output, path):
        text = f"{output.name} is the file that is read ({os.fspath(path)}), and would be written over while it is"
        raise UsageError(f"{text}; {_ADVICE}")


def is_same_file(place: Place, path: Path_) -> bool:
    """Whether a place is the file that a path names: by what the system says of local ones, else by the name."""
    other = place_of(path)
    if not isinstance(place, _HERE) or not isinstance(other, _HERE):
        return place.name == other.name
    try:
        return os.path.samefile(place.name, other.name)
    except OSError:  # one of them is not there yet
        return False
