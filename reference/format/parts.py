"""Spec chapter 12 of version 2.0: an array in several records, each of which is a box of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from .keypaths import encode_keypath
from .leaves import Leaf
from .wire import array_header, encode_str

# PART-1: "A writer MUST write an array whose payload has more than 2^31 - 2^17 bytes in parts, and no other leaf."
LARGEST_WHOLE: Final = (1 << 31) - (1 << 17)
_ROWS: Final = 1 << 30  # bytes that the rows of one part take at most
_NAME: Final = re.compile(r"__part_(0|[1-9][0-9]*)_of_([1-9][0-9]*)__")
PREFIX: Final = "__part_"


def is_in_parts(leaf: Leaf) -> bool:
    """Whether a writer writes a leaf in parts."""
    return leaf.kind == "ndarray" and leaf.nbytes > LARGEST_WHOLE


# PART-2: "A part is a box of the array: all of the later dimensions, a range of one, and one index of each of those
#          before it."
def boxes(shape: tuple[int, ...], width: int) -> Iterator[tuple[int, ...]]:
    """The shapes of the parts, in order, of an array that has parts and elements of `width` bytes."""
    axis, rows = _cut(shape, width)
    for _ in range(math.prod(shape[:axis])):
        for start in range(0, shape[axis], rows):
            yield (*[1] * axis, min(rows, shape[axis] - start), *shape[axis + 1 :])


def box_count(shape: tuple[int, ...], width: int) -> int:
    """How many boxes there are, without making them."""
    axis, rows = _cut(shape, width)
    return math.prod(shape[:axis]) * -(-shape[axis] // rows)


def _cut(shape: tuple[int, ...], width: int) -> tuple[int, int]:
    """The dimension that is cut, and how many rows of it a box takes."""
    row, axis = next((row, a) for a in range(len(shape)) if (row := math.prod(shape[a + 1 :]) * width) <= _ROWS)
    return axis, _ROWS // row


def parts_of(leaf: Leaf) -> list[Leaf]:
    """The arrays that the parts of a leaf are, in their order."""
    assert leaf.dtype is not None
    width = leaf.dtype.itemsize
    shapes = boxes(leaf.shape, width)
    return [leaf._replace(shape=shape, nbytes=math.prod(shape) * width, extents=()) for shape in shapes]


# PART-3: "The key path of a part is that of the leaf and one more key, `__part_I_of_N__`"
def part_name(i: int, n: int) -> str:
    return f"__part_{i}_of_{n}__"


def is_part_name(key: str) -> bool:
    """Whether a key is the name of a part."""
    if not key.startswith(PREFIX):  # nearly all keys
        return False
    found = _NAME.fullmatch(key)
    if found is None:
        return False
    i, n = found.groups()  # of any number of digits, of which Python makes no numbers
    return (len(i), i) < (len(n), n)


# PART-3: "Replaces KEY-3 and KEY-4 for the key path of a part, in which the last key counts for nothing"
def encode_record_path(path: tuple[str, ...]) -> bytes:
    """The canonical bytes of the key path of a record, a part or any other. Raises what `encode_keypath` raises."""
    if not is_part_name(path[-1]):
        return encode_keypath(path)
    header, leaf = array_header(len(path) - 1), encode_keypath(path[:-1])
    return array_header(len(path)) + leaf[len(header) :] + encode_str(path[-1])


def room_for(path: tuple[str, ...]) -> tuple[int, int]:
    """How many parts, and bytes, the key path of a record may have above the limits of one of a leaf."""
    return (1, len(path[-1])) if is_part_name(path[-1]) else (0, 0)


def has_part_name(path: tuple[str, ...]) -> bool:
    return any(map(is_part_name, path))
