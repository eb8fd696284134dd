"""Spec chapter 04, LEAF-10 to LEAF-13: an array too large for one ext, as a map of chunks."""

from __future__ import annotations

from typing import Final

from .arrays import NDARRAY, Array, array_head, check_dims, expect, payload_bytes, read_array, read_dimension
from .dtypes import WIDTHS
from .wire import Cursor, encode_int, encode_str, map_header

MARKER: Final = "__msgpack_chunked_array__"
PAD: Final = "pad"  # a further entry in a sealed stream (chapter 11)
_LONGEST_PAD: Final = 4095
CHUNK: Final = 1 << 30  # LEAF-13: "A writer MUST chunk an array whose payload is larger than 2^30 bytes, and no other."

Part = tuple[bytes, int]  # header bytes, and how many payload bytes follow them
Chunks = tuple[tuple[int, ...], list[Array]]


def marker_follows(cursor: Cursor) -> bool:
    """Whether the next value is the text that marks a chunked array; it is not consumed."""
    at = cursor.tell()
    if cursor.kind() != "str":
        return False
    _, length = cursor.header()
    found = length == len(MARKER) and cursor.take(length) == MARKER.encode()
    cursor.skip(at - cursor.tell())
    return found


# LEAF-10: "A chunked array is a map of exactly three entries, in this order: `__msgpack_chunked_array__`,
#           whose value is true, `shape`, and `chunks`."
def read_chunked(cursor: Cursor, at: int, entries: int) -> Chunks:
    """The shape and the chunks of a chunked array whose map header stands at offset `at`. Raises LEAF clauses."""
    # ALIGN-1: "In a sealed stream a chunked array MAY have a fourth entry: `pad`, which stands between the marker and
    #           `shape`."
    padded = entries == 4 and cursor.alignment is not None
    if entries != 3 and not padded:
        cursor.fail("LEAF-10", f"a chunked array has {entries} entries, not 3", at=at)
    _read_key(cursor, "LEAF-10", MARKER)
    marker_at = cursor.tell()
    if expect(cursor, "bool", "LEAF-10", "the marker of a chunked array") is not True:
        cursor.fail("LEAF-10", "the marker of a chunked array is false", at=marker_at)
    if padded:
        _read_key(cursor, "ALIGN-1", PAD)
        _read_padding(cursor)
    _read_key(cursor, "LEAF-10", "shape")
    shape_at = cursor.tell()
    # LEAF-11: "The `shape` of a chunked array is a map from the texts `0`, `1`, ... in decimal and in
    #           ascending order, without gaps, to the dimensions."
    shape = []
    for i in range(check_dims(cursor, expect(cursor, "map", "LEAF-11", "the shape of a chunked array"), shape_at)):
        _read_key(cursor, "LEAF-11", str(i))
        shape.append(read_dimension(cursor))
    _read_key(cursor, "LEAF-10", "chunks")
    chunks_at = cursor.tell()
    chunks = _read_chunks(cursor)
    # LEAF-12: "Joined in this order they are the payload, and their elements together MUST be as many as the
    #           shape says."
    needed = payload_bytes(cursor, tuple(shape), chunks[0].dtype, shape_at)
    nbytes = sum(chunk.nbytes for chunk in chunks)
    if nbytes != needed:
        detail = f"shape {tuple(shape)} of {chunks[0].dtype} takes {needed} bytes and the chunks have {nbytes}"
        cursor.fail("LEAF-12", detail, at=chunks_at)
    if padded and chunks[0].payload_at % (cursor.alignment or 1):
        # ALIGN-5: "the payload of every array that has the entry `pad` MUST stand at a multiple of it."
        detail = f"a padded payload begins at byte {chunks[0].payload_at}, not at a multiple of {cursor.alignment}"
        cursor.fail("ALIGN-5", detail, at=chunks[0].payload_at)
    return tuple(shape), chunks


# ALIGN-2: "The value of `pad` is a bin of at most 4,095 bytes, all of which are zero."
def _read_padding(cursor: Cursor) -> None:
    at = cursor.tell()
    n = expect(cursor, "bin", "ALIGN-2", "the padding of an array")
    if n > _LONGEST_PAD:
        cursor.fail("ALIGN-2", f"the padding of an array has {n} bytes; at most {_LONGEST_PAD} are allowed", at=at)
    if any(cursor.take(n)):
        cursor.fail("ALIGN-2", "the padding of an array is not zero", at=at)


def _read_key(cursor: Cursor, clause: str, wanted: str) -> None:
    at = cursor.tell()
    length = cursor.header()[1] if cursor.kind() == "str" else None
    text = cursor.text(length, at) if length is not None and length <= len(MARKER) else None
    if text != wanted:
        cursor.fail(clause, f"expected the key {wanted!r} of a chunked array, found another", at=at)


def _read_chunks(cursor: Cursor) -> list[Array]:
    at = cursor.tell()
    count = expect(cursor, "map", "LEAF-12", "the chunks of a chunked array")
    if count == 0:
        cursor.fail("LEAF-12", "a chunked array has no chunk", at=at)
    chunks: list[Array] = []
    for i in range(count):
        _read_key(cursor, "LEAF-12", str(i))
        at = cursor.tell()
        length, code = expect(cursor, "ext", "LEAF-12", "a chunk")
        if code != NDARRAY:
            cursor.fail("LEAF-12", f"a chunk is an ext of type {code}, not 1", at=at)
        region = cursor.enter(length)
        chunk = read_array(cursor, code)
        cursor.leave(region)
        if len(chunk.shape) != 1:
            cursor.fail("LEAF-12", f"chunk {i} has {len(chunk.shape)} dimensions, not 1", at=chunk.shape_at)
        if chunk.dtype != (chunks or [chunk])[0].dtype:
            cursor.fail("LEAF-12", f"chunk {i} is of {chunk.dtype}, and chunk 0 is not", at=chunk.tag_at)
        chunks.append(chunk)
    return chunks


def chunked_frame(shape: tuple[int, ...], tag: str, nbytes: int) -> list[Part]:
    """The canonical bytes of a chunked array around its payload (LEAF-13)."""
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
        head += encode_str(str(i)) + array_head(NDARRAY, (n,), tag, n * width)
        parts.append((head, n * width))
        head = b""
    return parts
