"""Outputs that are an input under whatever name: links, mounts and descriptors lead to one file."""

from __future__ import annotations

import os
from typing import Final

from ..format.errors import UsageError
from ..format.seals import DETACHED_SUFFIX
from .local_files import Path_
from .object_places import ObjectPlace
from .open_descriptors import OpenDescriptor
from .place import Place
from .places import LocalPlace, place_of

_ADVICE: Final = "name another output"
_INDEX: Final = ".index.json"
_OF_SET: Final = (_INDEX, ".safetensors", ".msgpack")
_HERE: Final = (LocalPlace, OpenDescriptor)
_OTHER_NAMES: Final = {"gcs": "gs", "s3a": "s3"}  # of schemes, and what they are called else


def refuse_an_input(output: Place, inputs: dict[str, Path_]) -> None:
    """Refuse to write to a file that is also read, or to the seal beside one: it would be gone.

    `inputs` are the files by what errors call them: the base, the delta. Raises UsageError, before anything is written.
    """
    for what, path in inputs.items():
        name = os.fspath(path)
        if is_same_file(output, name):
            shown = place_of(name).name  # without what is secret in a URL
            also = "" if output.name == shown else f" ({shown})"
            raise UsageError(f"{output.name} is {what}{also}, which would be replaced and lost; {_ADVICE}")
        refuse_what_belongs_to(output, what, name)


def refuse_what_belongs_to(output: Place, what: str, path: Path_) -> None:
    """Refuse to write to the seal beside a file that is read, or to one of the files of a folder that is. Raises
    UsageError."""
    name = os.fspath(path)
    if is_same_file(output, name + DETACHED_SUFFIX):
        raise UsageError(f"{output.name} is the seal of {what}, which would be replaced and lost; {_ADVICE}")
    if any(is_same_file(output, each) for each in _files_of_set(name)):
        raise UsageError(f"{output.name} is one of the files of {what}, and would be replaced and lost; {_ADVICE}")


def _files_of_set(name: str) -> list[str]:
    """The shards, and their index, of a folder on this machine, or of the index that is named."""
    place = place_of(name)
    folder = os.path.dirname(name) if name.endswith(_INDEX) else name
    if not isinstance(place, LocalPlace) or not os.path.isdir(folder or "."):
        return []
    return [os.path.join(folder, each) for each in os.listdir(folder or ".") if each.endswith(_OF_SET)]


def refuse_itself(output: Place, path: Path_) -> None:
    """Refuse to write into the file that is read, where the output is open already and cannot take its place."""
    if isinstance(output, OpenDescriptor) and is_same_file(output, path):
        text = f"{output.name} is the file that is read ({place_of(path).name}), and would be written over while it is"
        raise UsageError(f"{text}; {_ADVICE}")


def is_same_file(place: Place, path: Path_) -> bool:
    """Whether a place is the file that a path names: by what the system says of local ones, of objects by their stores,
    else by the name.
    """
    other = place_of(path)
    if isinstance(place, ObjectPlace) and isinstance(other, ObjectPlace):
        return place.is_at(other)
    if not isinstance(place, _HERE) or not isinstance(other, _HERE):
        return _plain(place.name) == _plain(other.name)
    try:
        return os.path.samefile(place.name, other.name)
    except OSError:  # one of them is not there yet
        return False


def _plain(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower() if separator else scheme
    return f"{_OTHER_NAMES.get(scheme, scheme)}{separator}{rest}"
