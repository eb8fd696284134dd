"""Spec chapter 04, LEAF-2 to LEAF-6: the body of an array, [shape, dtype tag, payload]."""

from __future__ import annotations

import functools
from typing import Any, Final, NamedTuple

import numpy as np

from .dtypes import dtype_of
from .errors import FormatError
from .wire import Cursor, array_header, bin_header, encode_int, encode_str, ext_header

NDARRAY: Final = 1  # ext types
COMPLEX: Final = 2
SCALAR: Final = 3
MAX_DIMS: Final = 64  # LEAF-3: "A shape is an array of 0 to 64 integers, each of 0 or more."
HELD: Final[int] = getattr(np, "MAXDIMS", MAX_DIMS)  # numpy 1 holds arrays of 32 dimensions


class Array(NamedTuple):
    """What an array's body says, and the offsets in the file of its shape, tag and `nbytes` payload bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int
    shape_at: int
    tag_at: int
    payload_at: int


def expect(cursor: Cursor, wanted: str, clause: str, what: str) -> Any:
    """The value, length or count of a header that has to be of kind `wanted`; refuses by `clause`."""
    if (kind := cursor.kind()) != wanted:
        cursor.fail(clause, f"{what} is of kind {kind}, not {wanted}")
    return cursor.header()[1]


def read_array(cursor: Cursor, code: int) -> Array:
    """Read the body of ext type 1 or 3, skipping the payload. Raises LEAF, DTYPE and WIRE clauses."""
    at = cursor.tell()
    # LEAF-2: "The body of ext type 1 is an array of exactly three elements: shape, dtype tag, payload."
    if (count := expect(cursor, "array", "LEAF-2", "the body of an array")) != 3:
        cursor.fail("LEAF-2", f"the body of an array has {count} elements, not 3", at=at)
    shape_at = cursor.tell()
    dims = check_dims(cursor, expect(cursor, "array", "LEAF-3", "a shape"), shape_at)
    if code == SCALAR and dims:
        # LEAF-6: "The body of ext type 3 is that of ext type 1 with a shape of 0 dimensions."
        cursor.fail("LEAF-6", f"a scalar has {dims} dimensions, not 0", at=shape_at)
    shape = tuple([read_dimension(cursor) for _ in range(dims)])
    tag_at = cursor.tell()
    dtype = _read_tag(cursor)
    needed = payload_bytes(cursor, shape, dtype, shape_at)
    at = cursor.tell()
    nbytes = expect(cursor, "bin", "LEAF-5", "a payload")
    # LEAF-5: "The payload is a bin of exactly the product of the dimensions times the width, in bytes, and
    #          holds the elements in C order."
    if nbytes != needed:
        cursor.fail("LEAF-5", f"shape {shape} of {dtype} takes {needed} bytes and the payload has {nbytes}", at=at)
    payload_at = cursor.tell()
    cursor.skip(nbytes)
    return Array(shape, dtype, nbytes, shape_at, tag_at, payload_at)


def check_dims(cursor: Cursor, dims: int, at: int) -> int:
    if dims > MAX_DIMS:
        cursor.fail("LEAF-3", f"a shape has {dims} dimensions; at most {MAX_DIMS} are allowed", at=at)
    check_held(dims, at)
    return dims


def check_held(dims: int, at: int) -> None:
    """Refuse, by LEAF-3, a shape of more dimensions than the installed numpy has."""
    if dims > HELD:
        detail = f"numpy {np.__version__} holds arrays of at most {HELD} dimensions, and this one has {dims}"
        raise FormatError("LEAF-3", at, None, detail, "pip install 'numpy>=2'")


def read_dimension(cursor: Cursor) -> int:
    """One dimension of a shape. Raises LEAF-3."""
    at = cursor.tell()
    size = expect(cursor, "int", "LEAF-3", "a dimension")
    if size < 0:
        cursor.fail("LEAF-3", f"a dimension is {size}", at=at)
    return size


def _read_tag(cursor: Cursor) -> np.dtype:
    at = cursor.tell()
    # DTYPE-2: "The dtype tag is a str; a reader MUST also accept a bin of the same bytes."
    if (kind := cursor.kind()) not in ("str", "bin"):
        cursor.fail("DTYPE-2", f"a dtype tag is of kind {kind}, not str")
    _, length = cursor.header()
    if length > 64:
        cursor.fail("DTYPE-1", f"a text of {length} bytes is not a dtype tag", at=at)
    # WIRE-5 is for a str; a bin that is not UTF-8 is another tag (DTYPE-1).
    tag = cursor.text(length, at) if kind == "str" else cursor.take(length).decode(errors="replace")
    return dtype_of(tag, at)


# LEAF-4: "The product of the dimensions that are not 0, times the width, is at most 2^63 - 1."
def size_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """How many bytes a shape takes. Raises LEAF-4."""
    size = dtype.itemsize
    for n in shape:
        size *= n or 1
        if size >= 1 << 63:
            raise FormatError("LEAF-4", None, None, f"a shape of {dtype} takes more than 2^63 - 1 bytes")
    return 0 if 0 in shape else size


def payload_bytes(cursor: Cursor, shape: tuple[int, ...], dtype: np.dtype, at: int) -> int:
    """`size_of` a shape that has been read at offset `at`."""
    try:
        return size_of(shape, dtype)
    except FormatError as error:
        error.offset = at
        raise


@functools.lru_cache(1024)
def array_head(code: int, shape: tuple[int, ...], tag: str, nbytes: int) -> bytes:
    """The canonical bytes of an array before its payload."""
    dims = b"".join(map(encode_int, shape))
    head = array_header(3) + array_header(len(shape)) + dims + encode_str(tag) + bin_header(nbytes)
    return ext_header(len(head) + nbytes, code) + head
