"""The container of orbax: what a folder of it holds as leaves, and leaves as such a folder (spec CONV-5, CONV-6)."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ..format.errors import FormatError
from ..format.keypaths import KeyPath
from ..format.payloads import BytesSink, MemoryPayload, Payload, Step, write_steps
from ..format.records import Item
from ..format.streams import check_paths
from ..format.wire import Source
from ..storage.folders import sync_folder
from .container import Container, Contents
from .orbax_arrays import MOST_DIMS, NewArrays, can_hold, tensorstore
from .orbax_boxes import chunk_of
from .orbax_folder import ADVICE, NUMBERS, ORBAX, OrbaxFolder
from .orbax_metadata import NONE, SCALAR, STRING, Described, encode_tree, name_of


def _begins(head: bytes, size: int) -> bool:
    return False  # it is a folder, which is told from the names in it


def read_orbax(source: Source) -> Contents:
    """The leaves of an `OrbaxFolder`; any other source is refused. Raises FormatError."""
    if not isinstance(source, OrbaxFolder):
        raise FormatError("CONV-6", 0, None, "this is a file, and a checkpoint of orbax is a folder", "name the folder")
    return source.contents()


# --- writing --------------------------------------------------------------------------------------------------


class NewArray(NamedTuple):
    """An array that is to be written."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


class NewOrbax(NamedTuple):
    """A folder that is to be written: its files by their names, and for each step the array that it fills."""

    files: dict[str, bytes]
    arrays: list[NewArray]
    steps: list[Step]


def planned_orbax(items: Sequence[Item], metadata: Mapping[str, Any] | None = None) -> NewOrbax:
    """The folder of these leaves, refused as a whole where one cannot be held (CONF-7). Raises FormatError, UsageError.

    `metadata` is what JSON has, and becomes the custom metadata; `PRNG_KEYS` in it makes typed keys of their data.
    """
    tensorstore()
    check_paths([item.path for item in items])
    taken: set[str] = set()
    described: list[Described] = []
    arrays: list[NewArray] = []
    steps: list[Step] = []
    for item in items:
        name = name_of(item.path)
        if name in taken:
            detail = f"orbax joins the parts of a key path with '.', and the name {name!r} is taken"
            raise FormatError("CONV-7", None, KeyPath(item.path), detail, "--rename gives one of them another")
        taken.add(name)
        leaf = item.leaf
        if leaf.kind in _MARKS:
            described.append(Described(item.path, _MARKS[leaf.kind]))
        elif leaf.kind == "str":
            described.append(Described(item.path, STRING, text=_text(item, name)))
        else:
            shape, dtype, payload = _as_array(item)
            arrays.append(NewArray(name, shape, dtype))
            steps.append(Step([(b"", dtype.itemsize * math.prod(shape))], payload))
            value_type = "np.ndarray" if leaf.kind == "ndarray" else SCALAR
            chunk = chunk_of(shape, dtype.itemsize)
            described.append(Described(item.path, value_type, shape, chunk, leaf.kind == "scalar"))
    return NewOrbax(encode_tree(described, metadata or {}), arrays, steps)


_MARKS: Final = {"nil": NONE, "empty": "Dict"}


def _as_array(item: Item) -> tuple[tuple[int, ...], np.dtype, Callable[[], Payload] | None]:
    """The shape, dtype and payload of a leaf as an array; a number of Python is one of shape (). Raises FormatError."""
    leaf = item.leaf
    if leaf.kind not in ("ndarray", "scalar", *NUMBERS.values()):
        detail = f"orbax holds arrays, numbers and texts, and this leaf is of kind {leaf.kind}"
        raise FormatError("CONV-9", None, KeyPath(item.path), detail, "leave it out (--exclude), or write a stream")
    if leaf.dtype is None:
        value = np.asarray(leaf.value)
        return (), value.dtype, functools.partial(MemoryPayload, value.tobytes())
    if len(leaf.shape) > MOST_DIMS:
        detail = f"it has {len(leaf.shape)} dimensions, and tensorstore holds at most {MOST_DIMS}"
        raise FormatError("CONV-9", None, KeyPath(item.path), detail)
    if not can_hold(leaf.dtype):
        raise FormatError("CONV-8", None, KeyPath(item.path), f"tensorstore has no dtype for {leaf.dtype}")
    return leaf.shape, leaf.dtype, item.payload


def _text(item: Item, name: str) -> str:
    if re.search("[/~]", name):
        detail = "orbax looks for a text by a JSON pointer, in which '/' and '~' have a meaning"
        raise FormatError("CONV-7", None, KeyPath(item.path), detail, "--rename gives it another name")
    held = BytesSink()
    if item.payload is not None:
        item.payload().move(item.leaf.nbytes, held)
    return held.data.decode()


def write_orbax(
    folder: str,
    arrays: Sequence[NewArray],
    steps: Iterable[Step],
    files: Mapping[str, bytes],
    moved: Callable[[int], None],
) -> None:
    """Write a planned checkpoint into an empty folder; all of it is on the disk afterwards. Raises OSError.

    `steps` are as many as arrays.
    """
    database = NewArrays(folder)
    for array, step in zip(arrays, steps, strict=True):
        write_steps(database.sink(*array), [step])
        moved(step.size())
    database.close()
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    for inner, _, _ in os.walk(folder):
        sync_folder(inner)


CONTAINER: Final = Container(ORBAX, ADVICE, "CONV-6", _begins, read_orbax, lambda items: planned_orbax(items).steps)
