"""Spec chapter 04: the closed table of leaf kinds, read from a cursor and framed for a writer."""

from __future__ import annotations

import codecs
import functools
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from .dtypes import WIDTHS, dtype_of, tag_of
from .errors import FormatError
from .payloads import bytes_of
from .wire import (
    BytesSource,
    Cursor,
    Source,
    array_header,
    bin_header,
    encode_float,
    encode_int,
    encode_str,
    ext_header,
    map_header,
    str_header,
)

NDARRAY, COMPLEX, SCALAR = 1, 2, 3  # ext types
MAX_DIMS: Final = 64  # LEAF-3: "A shape is an array of 0 to 64 integers, each of 0 or more."
CHUNK: Final = 1 << 30  # LEAF-13: "A writer MUST chunk an array whose payload is larger than 2^30 bytes, and no other."
MARKER: Final = "__msgpack_chunked_array__"


class Leaf(NamedTuple):
    """What a leaf is, without its payload.

    `kind` is a kind of LEAF-1. `dtype` and `shape` are those of an ndarray or scalar. `nbytes` counts the
    payload of an ndarray, scalar, str or bin; `extents` says where it stands, as (offset, bytes) counted
    from the start of the leaf. Leaves of the other kinds have their `value` here.
    """

    kind: str
    dtype: np.dtype | None = None
    shape: tuple[int, ...] = ()
    nbytes: int = 0
    extents: tuple[tuple[int, int], ...] = ()
    value: Any = None

    @property
    def is_array(self) -> bool:
        return self.dtype is not None


# --- reading ------------------------------------------------------------------------------------------


def read_leaf(cursor: Cursor) -> Leaf:
    """Read one leaf, skipping its payload. Raises LEAF, DTYPE and WIRE clauses."""
    at = cursor.tell()
    kind, value = cursor.header()
    return read_leaf_after(cursor, at, kind, value)


def read_leaf_after(cursor: Cursor, at: int, kind: str, value: Any) -> Leaf:
    """`read_leaf` where the header, at offset `at`, has been read already."""
    if kind == "ext":
        return _read_ext(cursor, at, *value)
    if kind == "str" or kind == "bin":
        extent = (cursor.tell() - at, value)
        _check_text(cursor, value, at) if kind == "str" else cursor.skip(value)
        return Leaf(kind, nbytes=value, extents=(extent,))
    if kind == "map":
        # LEAF-9: "A map of 0 entries is an empty node: a branch of the tree with nothing under it."
        return Leaf("empty", value={}) if value == 0 else _read_chunked(cursor, at, value)
    if kind == "array":
        # LEAF-1: "A leaf MUST be one of these."
        cursor.fail("LEAF-1", "an array is no leaf", at=at)
    return Leaf(kind, value=value)


def _read_ext(cursor: Cursor, at: int, length: int, code: int) -> Leaf:
    region = cursor.enter(length)
    if code == NDARRAY or code == SCALAR:
        leaf = _read_array(cursor, at, code)
    elif code == COMPLEX:
        leaf = Leaf("complex", value=_read_complex(cursor))
    else:
        cursor.fail("LEAF-1", f"an ext of type {code} is no leaf", at=at)
    cursor.leave(region)
    return leaf


def _expect(cursor: Cursor, wanted: str, clause: str, what: str) -> Any:
    at = cursor.tell()
    kind, value = cursor.header()
    if kind != wanted:
        cursor.fail(clause, f"{what} is of kind {kind}, not {wanted}", at=at)
    return value


def _read_array(cursor: Cursor, leaf_at: int, code: int) -> Leaf:
    at = cursor.tell()
    # LEAF-2: "The body of ext type 1 is an array of exactly three elements: shape, dtype tag, payload."
    if (count := _expect(cursor, "array", "LEAF-2", "the body of an array")) != 3:
        cursor.fail("LEAF-2", f"the body of an array has {count} elements, not 3", at=at)
    at = cursor.tell()
    dims = _expect(cursor, "array", "LEAF-3", "a shape")
    if dims > MAX_DIMS:
        cursor.fail("LEAF-3", f"a shape has {dims} dimensions; at most {MAX_DIMS} are allowed", at=at)
    shape = tuple([_read_dimension(cursor) for _ in range(dims)])
    if code == SCALAR and dims:
        # LEAF-6: "The body of ext type 3 is that of ext type 1 with a shape of 0 dimensions."
        cursor.fail("LEAF-6", f"a scalar has the shape {shape}, not ()", at=at)
    dtype = _read_tag(cursor)
    needed = _payload_bytes(cursor, shape, dtype, at)
    at = cursor.tell()
    nbytes = _expect(cursor, "bin", "LEAF-5", "a payload")
    if nbytes != needed:
        # LEAF-5: "The payload is a bin of exactly the product of the dimensions times the width, in bytes,
        #          and holds the elements in C order."
        cursor.fail("LEAF-5", f"shape {shape} of {dtype} takes {needed} bytes and the payload has {nbytes}", at=at)
    extent = (cursor.tell() - leaf_at, nbytes)
    cursor.skip(nbytes)
    return Leaf("ndarray" if code == NDARRAY else "scalar", dtype, shape, nbytes, (extent,))


def _read_dimension(cursor: Cursor) -> int:
    at = cursor.tell()
    size = _expect(cursor, "int", "LEAF-3", "a dimension")
    if size < 0:
        cursor.fail("LEAF-3", f"a dimension is {size}", at=at)
    return size


def _read_tag(cursor: Cursor) -> np.dtype:
    at = cursor.tell()
    kind, length = cursor.header()
    # DTYPE-2: "The dtype tag is a str; a reader MUST also accept a bin of the same bytes."
    if kind not in ("str", "bin"):
        cursor.fail("DTYPE-2", f"a dtype tag is of kind {kind}, not str", at=at)
    if length > 64:
        cursor.fail("DTYPE-1", f"a text of {length} bytes is no dtype tag", at=at)
    return dtype_of(cursor.text(length, at), at)


# LEAF-4: "The product of the dimensions that are not 0, times the width, is at most 2^63 - 1."
def _payload_bytes(cursor: Cursor, shape: tuple[int, ...], dtype: np.dtype, at: int) -> int:
    size = dtype.itemsize
    for n in shape:
        size *= n or 1
        if size >= 1 << 63:
            cursor.fail("LEAF-4", f"shape {shape} of {dtype} takes more than 2^63 - 1 bytes", at=at)
    return 0 if 0 in shape else size


def _read_complex(cursor: Cursor) -> complex:
    at = cursor.tell()
    # LEAF-7: "The body of ext type 2 is an array of exactly two floats, the real and the imaginary part."
    if (count := _expect(cursor, "array", "LEAF-7", "the body of a complex")) != 2:
        cursor.fail("LEAF-7", f"the body of a complex has {count} elements, not 2", at=at)
    return complex(*[_expect(cursor, "float", "LEAF-7", "a part of a complex") for _ in range(2)])


def _check_text(cursor: Cursor, length: int, at: int) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for left in range(length, 0, -(1 << 20)):
            decoder.decode(cursor.take(min(left, 1 << 20)))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        cursor.fail("WIRE-5", f"a str is not UTF-8: {error.reason}", at=at)


def _read_key(cursor: Cursor, clause: str, wanted: str) -> None:
    at = cursor.tell()
    kind, length = cursor.header()
    text = cursor.text(length, at) if kind == "str" and length <= len(MARKER) else None
    if text != wanted:
        cursor.fail(clause, f"the key {wanted!r} is due in a chunked array, and another stands here", at=at)


def _read_chunked(cursor: Cursor, at: int, entries: int) -> Leaf:
    key_at = cursor.tell()
    kind, length = cursor.header()
    if kind != "str" or length != len(MARKER) or cursor.take(length) != MARKER.encode():
        cursor.fail("LEAF-1", "a map that is neither empty nor a chunked array is no leaf", at=at)
    # LEAF-10: "A chunked array is a map of exactly three entries, in this order: `__msgpack_chunked_array__`,
    #           whose value is true, `shape`, and `chunks`."
    if entries != 3:
        cursor.fail("LEAF-10", f"a chunked array has {entries} entries, not 3", at=at)
    if _expect(cursor, "bool", "LEAF-10", "the marker of a chunked array") is not True:
        cursor.fail("LEAF-10", "the marker of a chunked array is false", at=key_at)
    _read_key(cursor, "LEAF-10", "shape")
    shape_at = cursor.tell()
    # LEAF-11: "The `shape` of a chunked array is a map from the texts `0`, `1`, ... in decimal and in
    #           ascending order, without gaps, to the dimensions."
    dims = _expect(cursor, "map", "LEAF-11", "the shape of a chunked array")
    if dims > MAX_DIMS:
        cursor.fail("LEAF-3", f"a shape has {dims} dimensions; at most {MAX_DIMS} are allowed", at=shape_at)
    shape = []
    for i in range(dims):
        _read_key(cursor, "LEAF-11", str(i))
        shape.append(_read_dimension(cursor))
    _read_key(cursor, "LEAF-10", "chunks")
    return _read_chunks(cursor, at, tuple(shape), shape_at)


# LEAF-12: "Joined in this order they are the payload, and their elements together MUST be as many as the
#           shape says."
def _read_chunks(cursor: Cursor, leaf_at: int, shape: tuple[int, ...], shape_at: int) -> Leaf:
    at = cursor.tell()
    count = _expect(cursor, "map", "LEAF-12", "the chunks of a chunked array")
    if count == 0:
        cursor.fail("LEAF-12", "a chunked array has no chunk", at=at)
    extents: list[tuple[int, int]] = []
    dtype: np.dtype | None = None
    for i in range(count):
        _read_key(cursor, "LEAF-12", str(i))
        chunk_at = cursor.tell()
        chunk = read_leaf_after(cursor, chunk_at, *_chunk_header(cursor))
        if len(chunk.shape) != 1 or dtype not in (None, chunk.dtype):
            cursor.fail("LEAF-12", f"chunk {i} has shape {chunk.shape} of {chunk.dtype}", at=chunk_at)
        dtype = chunk.dtype
        extents.append((chunk_at - leaf_at + chunk.extents[0][0], chunk.nbytes))
    assert dtype is not None
    needed = _payload_bytes(cursor, shape, dtype, shape_at)
    nbytes = sum(n for _, n in extents)
    if nbytes != needed:
        cursor.fail("LEAF-12", f"shape {shape} of {dtype} takes {needed} bytes and the chunks have {nbytes}", at=shape_at)
    return Leaf("ndarray", dtype, shape, nbytes, tuple(extents))


def _chunk_header(cursor: Cursor) -> tuple[str, Any]:
    at = cursor.tell()
    kind, value = cursor.header()
    if kind != "ext" or value[1] != NDARRAY:
        cursor.fail("LEAF-12", "a chunk is not an ext of type 1", at=at)
    return kind, value


def read_value(source: Source, at: int, leaf: Leaf) -> Any:
    """The value of a leaf that starts at offset `at`: a new numpy array or scalar, or a Python value."""
    if leaf.dtype is not None:
        array = np.empty(leaf.shape, leaf.dtype)
        view, done = bytes_of(array), 0
        for offset, n in leaf.extents:
            source.read_into(at + offset, view[done : done + n])
            done += n
        return array if leaf.kind == "ndarray" else array[()]
    if leaf.kind in ("str", "bin"):
        raw = source.read_at(at + leaf.extents[0][0], leaf.nbytes)
        return raw.decode() if leaf.kind == "str" else raw
    return {} if leaf.kind == "empty" else leaf.value


def view_value(source: BytesSource, at: int, leaf: Leaf) -> Any:
    """`read_value`, but an array in one piece is a view of the source's memory, as aligned as it stands there."""
    if leaf.kind != "ndarray" or len(leaf.extents) != 1 or not leaf.nbytes:
        return read_value(source, at, leaf)
    return np.ndarray(leaf.shape, leaf.dtype, source.view, at + leaf.extents[0][0])


# --- writing ------------------------------------------------------------------------------------------


def _refuse(detail: str, clause: str = "LEAF-1") -> NoReturn:
    raise FormatError(clause, None, None, detail)


def describe(value: Any) -> Leaf:
    """The leaf that stands for a value, not looking at its elements. Raises DTYPE-7, LEAF-1, LEAF-3.

    Takes numpy arrays and scalars, anything with a numpy `dtype` and `__array__` (a jax array), and None,
    bool, int, float, complex, str, bytes, bytearray, memoryview and the empty dict. Subclasses of Python's
    own types are refused: an enumeration would come back as a bare number.
    """
    if isinstance(value, np.generic):
        dtype = dtype_of(tag_of(value.dtype))
        return Leaf("scalar", dtype, (), dtype.itemsize)
    if isinstance(getattr(value, "dtype", None), np.dtype) and hasattr(value, "__array__"):
        if isinstance(value, np.ma.MaskedArray):
            _refuse("a masked array cannot be stored: its mask would be lost")
        if len(value.shape) > MAX_DIMS:
            _refuse(f"an array has {len(value.shape)} dimensions; at most {MAX_DIMS} are allowed", "LEAF-3")
        dtype = dtype_of(tag_of(value.dtype))
        return Leaf("ndarray", dtype, tuple(value.shape), value.size * dtype.itemsize)
    kind = _KINDS.get(type(value))
    if kind is None:
        _refuse(f"a value of type {type(value).__name__} cannot be stored")
    if kind == "int" and not -(1 << 63) <= value < 1 << 64:
        _refuse(f"the int {value} is outside -2^63 to 2^64 - 1")
    if kind == "empty" and len(value):
        _refuse("a map that is not empty is a subtree, not a leaf")
    if kind == "str":
        return Leaf(kind, nbytes=len(text_bytes(value)))
    if kind == "bin":
        return Leaf(kind, nbytes=memoryview(value).nbytes)
    return Leaf(kind, value=value)


_KINDS: Final = {
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


def frame(leaf: Leaf) -> list[tuple[bytes, int]]:
    """The canonical bytes of a leaf around its payload: pairs of header bytes and how many payload bytes follow.

    Raises OverflowError where a str or bin is too long for any header.
    """
    if leaf.dtype is not None:
        code = NDARRAY if leaf.kind == "ndarray" else SCALAR
        if leaf.nbytes <= CHUNK:
            return [(_array_head(code, leaf.shape, tag_of(leaf.dtype), leaf.nbytes), leaf.nbytes)]
        return _chunked_frame(leaf.shape, tag_of(leaf.dtype), leaf.nbytes)
    if leaf.kind == "str":
        return [(str_header(leaf.nbytes), leaf.nbytes)]
    if leaf.kind == "bin":
        return [(bin_header(leaf.nbytes), leaf.nbytes)]
    return [(_encode_value(leaf.kind, leaf.value), 0)]


def _encode_value(kind: str, value: Any) -> bytes:
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


@functools.lru_cache(1024)
def _array_head(code: int, shape: tuple[int, ...], tag: str, nbytes: int) -> bytes:
    dims = b"".join(map(encode_int, shape))
    head = array_header(3) + array_header(len(shape)) + dims + encode_str(tag) + bin_header(nbytes)
    return ext_header(len(head) + nbytes, code) + head


def _chunked_frame(shape: tuple[int, ...], tag: str, nbytes: int) -> list[tuple[bytes, int]]:
    width = WIDTHS[tag]
    per = CHUNK // width
    total = nbytes // width
    starts = range(0, total, per)
    head = map_header(3) + encode_str(MARKER) + b"\xc3" + encode_str("shape") + map_header(len(shape))
    head += b"".join(encode_str(str(i)) + encode_int(n) for i, n in enumerate(shape))
    head += encode_str("chunks") + map_header(len(starts))
    parts = []
    for i, start in enumerate(starts):
        n = min(per, total - start)
        head += encode_str(str(i)) + _array_head(NDARRAY, (n,), tag, n * width)
        parts.append((head, n * width))
        head = b""
    return parts
