"""Spec chapter 04: the closed table of leaf kinds, read from a cursor and framed for a writer."""

from __future__ import annotations

import codecs
import functools
import math
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from .arrays import COMPLEX, MAX_DIMS, NDARRAY, SCALAR, array_head, expect, read_array
from .chunked import CHUNK, Part, chunked_frame, marker_follows, read_chunked
from .dtypes import BITS, dtype_of, tag_of
from .errors import FormatError
from .payloads import StoredPayload, bytes_of, settle
from .wire import (
    BytesSource,
    Cursor,
    Source,
    array_header,
    bin_header,
    encode_float,
    encode_int,
    ext_header,
    map_header,
    str_header,
)

KINDS: Final = ("ndarray", "scalar", "complex", "nil", "bool", "int", "float", "str", "bin", "empty")  # of LEAF-1


class Leaf(NamedTuple):
    """What a leaf is, without its payload.

    `kind` is a kind of LEAF-1. `dtype` and `shape` are those of an ndarray or scalar. `nbytes` counts the
    payload of an ndarray, scalar, str or bin; `extents` says where it stands, as (offset, bytes) counted
    from the start of the leaf. Leaves of other kinds have their `value` here.
    """

    kind: str
    dtype: np.dtype | None = None
    shape: tuple[int, ...] = ()
    nbytes: int = 0
    extents: tuple[tuple[int, int], ...] = ()
    value: Any = None


def leaf_text(leaf: Leaf) -> str:
    """A leaf as a short text: float32[2,3], float32 scalar, int 3, nil."""
    if leaf.dtype is not None:
        return f"{leaf.dtype} scalar" if leaf.kind == "scalar" else f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
    return leaf.kind if leaf.value in (None, {}) else f"{leaf.kind} {leaf.value}"


def size_text(n: int) -> str:
    """Bytes for people: 512 B, 1.5 MB (powers of 1000)."""
    if n < 1000:
        return f"{n} B"
    scaled = n / 1000
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        if scaled < 999.5:
            return f"{scaled:.3g} {unit}"
        scaled /= 1000
    return f"{scaled:,.0f} EB"


# --- reading ------------------------------------------------------------------------------------------


def read_leaf(cursor: Cursor) -> Leaf:
    """Read one leaf, skipping its payload. Raises LEAF, DTYPE and WIRE clauses."""
    at = cursor.tell()
    if cursor.kind() == "array":
        # LEAF-1: "A leaf MUST be one of these."
        cursor.fail("LEAF-1", "an array is not a leaf")
    return read_leaf_after(cursor, at, *cursor.header())


def read_leaf_after(cursor: Cursor, at: int, kind: str, value: Any) -> Leaf:
    """`read_leaf` where the header, at offset `at` and not that of an array, has been read already."""
    if kind == "ext":
        return _read_ext(cursor, at, *value)
    if kind in ("str", "bin"):
        extent = (cursor.tell() - at, value)
        _check_text(cursor, value, at) if kind == "str" else cursor.skip(value)
        return Leaf(kind, nbytes=value, extents=(extent,))
    if kind == "map":
        return _read_map(cursor, at, value)
    return Leaf(kind, value=value)


def _read_ext(cursor: Cursor, at: int, length: int, code: int) -> Leaf:
    region = cursor.enter(length)
    if code in (NDARRAY, SCALAR):
        shape, dtype, nbytes, _, _, payload_at = read_array(cursor, code)
        kind = "ndarray" if code == NDARRAY else "scalar"
        leaf = Leaf(kind, dtype, shape, nbytes, ((payload_at - at, nbytes),))
    elif code == COMPLEX:
        leaf = Leaf("complex", value=_read_complex(cursor))
    else:
        cursor.fail("LEAF-1", f"an ext of type {code} is not a leaf", at=at)
    cursor.leave(region)
    return leaf


def _read_complex(cursor: Cursor) -> complex:
    at = cursor.tell()
    # LEAF-7: "The body of ext type 2 is an array of exactly two floats, the real and the imaginary part."
    if (count := expect(cursor, "array", "LEAF-7", "the body of a complex")) != 2:
        cursor.fail("LEAF-7", f"the body of a complex has {count} elements, not 2", at=at)
    return complex(*[expect(cursor, "float", "LEAF-7", "a part of a complex") for _ in range(2)])


def _read_map(cursor: Cursor, at: int, entries: int) -> Leaf:
    # LEAF-9: "A map of 0 entries is an empty node: a branch of the tree with nothing under it."
    if entries == 0:
        return Leaf("empty", value={})
    if not marker_follows(cursor):
        cursor.fail("LEAF-1", "a map that is neither empty nor a chunked array is not a leaf", at=at)
    shape, chunks = read_chunked(cursor, at, entries)
    extents = tuple((chunk.payload_at - at, chunk.nbytes) for chunk in chunks)
    return Leaf("ndarray", chunks[0].dtype, shape, sum(n for _, n in extents), extents)


def _check_text(cursor: Cursor, length: int, at: int) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for left in range(length, 0, -(1 << 20)):
            decoder.decode(cursor.take(min(left, 1 << 20)))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        cursor.fail("WIRE-5", f"a str is not UTF-8: {error.reason}", at=at)


def stored(source: Source, at: int, leaf: Leaf) -> StoredPayload:
    """The payload of a leaf that starts at offset `at` of a source."""
    return StoredPayload(source, [(at + offset, n) for offset, n in leaf.extents])


def read_value(source: Source, at: int, leaf: Leaf, memory: np.ndarray | None = None) -> Any:
    """The value of a leaf that starts at offset `at`: a new numpy array or scalar, or a Python value.

    An array is made in `memory`, uint8 of the payload's size, where that is given.
    """
    if leaf.dtype is not None:
        array = unfilled(leaf.shape, leaf.dtype, memory)
        stored(source, at, leaf).read_into(0, bytes_of(array))
        return filled(array, leaf.kind)
    if leaf.kind in ("str", "bin"):
        raw = stored(source, at, leaf).read()
        return _text(raw, at + leaf.extents[0][0]) if leaf.kind == "str" else raw
    value = leaf.value  # also of an empty node, which may not be one
    return {} if leaf.kind == "empty" else value


def unfilled(shape: tuple[int, ...], dtype: np.dtype, memory: np.ndarray | None = None) -> np.ndarray:
    """An array to read into, in `memory`, uint8 of its size, where that is given."""
    return np.empty(shape, dtype) if memory is None else np.ndarray(shape, dtype, memory)


def filled(array: np.ndarray, kind: str) -> Any:
    """The value of a leaf of a kind, "ndarray" or "scalar", whose payload has been read into an array."""
    return settle(array) if kind == "ndarray" else settle(array)[()]


def _text(raw: bytes, offset: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:  # it was UTF-8 when the leaf was read
        detail = f"a str is not UTF-8: {error.reason}; the file changed while it was read"
        raise FormatError("WIRE-5", offset, None, detail, "read it again when nothing writes to it") from None


def is_viewed(leaf: Leaf) -> bool:
    """Whether `view_value` gives a view, and not a copy.

    Elements with bits that carry no meaning (DTYPE-4, DTYPE-5) are copied: numpy and jax take these for a part of them.
    """
    has_loose_bits = leaf.dtype is not None and (leaf.dtype == np.bool_ or leaf.dtype.name in BITS)
    return leaf.kind == "ndarray" and len(leaf.extents) == 1 and leaf.nbytes > 0 and not has_loose_bits


def view_value(source: BytesSource, at: int, leaf: Leaf) -> Any:
    """`read_value`, but an array in one piece is a view of the source's memory.

    It is as aligned as it stands there.
    """
    view = stored(source, at, leaf).view(leaf.shape, leaf.dtype) if leaf.dtype and is_viewed(leaf) else None
    return read_value(source, at, leaf) if view is None else view


# --- writing ------------------------------------------------------------------------------------------


def _refuse(detail: str, clause: str = "LEAF-1") -> NoReturn:
    raise FormatError(clause, None, None, detail)


def describe(value: Any) -> Leaf:
    """The leaf that stands for a value, not looking at its elements. Raises DTYPE-7, LEAF-1, LEAF-3.

    Takes numpy arrays and scalars, anything with a numpy `dtype` and `__array__` (a jax array), and None,
    bool, int, float, complex, str, bytes, bytearray, memoryview and the empty dict. Subclasses of Python's
    own types are refused: an enumeration would come back as a bare number.
    """
    if type(value) in _ARRAY_TYPES and value.ndim <= MAX_DIMS:
        return _array_leaf(value.dtype, value.shape)
    if isinstance(value, np.generic):
        dtype = dtype_of(tag_of(value.dtype))
        return Leaf("scalar", dtype, (), dtype.itemsize)
    if isinstance(getattr(value, "dtype", None), np.dtype) and hasattr(value, "__array__"):
        if isinstance(value, np.ma.MaskedArray):
            _refuse("a masked array cannot be stored: its mask would be lost")
        if len(value.shape) > MAX_DIMS:
            _refuse(f"an array has {len(value.shape)} dimensions; at most {MAX_DIMS} are allowed", "LEAF-3")
        return _array_leaf(value.dtype, tuple(value.shape))
    kind = _KIND_OF_TYPE.get(type(value))
    if kind is None and str(getattr(value, "dtype", "")).startswith("key<"):
        _refuse(
            "a plain stream cannot hold a typed PRNG key, nor can a flax or safetensors file: pass format='2.0' "
            "(a sealed stream, which keeps it) or keys='data' (stores its numbers)"
        )
    if kind is None:
        _refuse(f"a value of type {type(value).__name__} cannot be stored")
    if kind == "int" and not -(1 << 63) <= value < 1 << 64:
        _refuse(f"the int {int_text(value)} is outside -2^63 to 2^64 - 1")
    if kind == "empty" and len(value):
        _refuse("a map that is not empty is a subtree, not a leaf")
    if kind == "str":
        return Leaf(kind, nbytes=len(text_bytes(value)))
    if kind == "bin":
        return Leaf(kind, nbytes=memoryview(value).nbytes)
    return Leaf(kind, value=value)


def int_text(value: int) -> str:
    """An int for an error; of one that is longer than anybody reads, and than Python turns into a text, its length."""
    return str(value) if value.bit_length() <= 256 else f"of {value.bit_length()} bits"


_ARRAY_TYPES: Final = frozenset((np.ndarray,))  # not what is derived of it, such as masked arrays


@functools.lru_cache(1024)
def _array_leaf(dtype: np.dtype, shape: tuple[int, ...]) -> Leaf:
    """The leaf of all arrays of a dtype and shape, of which a tree mostly has few."""
    dtype = dtype_of(tag_of(dtype))
    return Leaf("ndarray", dtype, shape, math.prod(shape) * dtype.itemsize)


_KIND_OF_TYPE: Final = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    float: "float",
    complex: "complex",
    str: "str",
    bytes: "bin",
    bytearray: "bin",
    memoryview: "bin",
    dict: "empty",
}


def text_bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        _refuse(f"a text cannot be encoded: {error.reason}", "WIRE-5")


def frame(leaf: Leaf) -> list[Part]:
    """The canonical bytes of a leaf around its payload: pairs of header bytes and how many payload bytes follow.

    Raises OverflowError where a str or bin is too long for any header.
    """
    if leaf.dtype is not None:
        if leaf.nbytes > CHUNK:
            return chunked_frame(leaf.shape, tag_of(leaf.dtype), leaf.nbytes)
        code = NDARRAY if leaf.kind == "ndarray" else SCALAR
        return [(array_head(code, leaf.shape, tag_of(leaf.dtype), leaf.nbytes), leaf.nbytes)]
    if leaf.kind == "str":
        return [(str_header(leaf.nbytes), leaf.nbytes)]
    if leaf.kind == "bin":
        return [(bin_header(leaf.nbytes), leaf.nbytes)]
    return [(encode_value(leaf.kind, leaf.value), 0)]


def encode_value(kind: str, value: Any) -> bytes:
    if kind == "int":
        return encode_int(value)
    if kind == "float":
        return encode_float(value)
    if kind == "complex":
        body = array_header(2) + encode_float(value.real) + encode_float(value.imag)
        return ext_header(len(body), COMPLEX) + body
    if kind == "bool":
        return b"\xc3" if value else b"\xc2"
    return b"\xc0" if kind == "nil" else map_header(0)
