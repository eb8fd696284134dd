"""Spec chapter 05: one key path with one leaf, read from a cursor and written to a sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from .errors import FormatError
from .keypaths import KeyPath, encode_keypath, encode_parts, read_keypath
from .leaves import Leaf, frame, read_leaf
from .payloads import Payload
from .wire import Cursor, Sink, Source, array_header, bin_header

MAX_BLOB: Final = (1 << 32) - 1  # REC-3: "A leaf blob has at most 2^32 - 1 bytes."
MAX_OLD_BLOB: Final = (1 << 31) - 1  # REC-4: "Loaders built on msgpack-python stop at 2^31 - 1 bytes."


class Record(NamedTuple):
    """A key path, its leaf, and where they stand: offsets of the record, of the leaf, and of what follows."""

    path: tuple[str, ...]
    leaf: Leaf
    offset: int
    leaf_offset: int
    end: int

    @property
    def kind(self) -> str:
        return self.leaf.kind

    @property
    def dtype(self) -> np.dtype | None:
        return self.leaf.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.leaf.shape

    @property
    def nbytes(self) -> int:
        return self.leaf.nbytes

    def extents(self) -> list[tuple[int, int]]:
        """Where the payload stands in the file, as (offset, bytes)."""
        return [(self.leaf_offset + at, n) for at, n in self.leaf.extents]


def with_path(path: tuple[str, ...], error: FormatError) -> FormatError:
    """The error, naming the key path at which it happened."""
    error.path = KeyPath(path)
    return error


def read_record(cursor: Cursor) -> Record:
    """Read one record, skipping its payload. Raises REC, KEY, LEAF, DTYPE and WIRE clauses."""
    offset = cursor.tell()
    kind, count = cursor.header()
    # REC-1: "A record is an array of exactly two elements: a key path and a leaf blob."
    if kind != "array" or count != 2:
        what = f"an array of {count} elements" if kind == "array" else f"a value of kind {kind}"
        cursor.fail("REC-1", f"a record, an array of 2 elements, is due, and here stands {what}", at=offset)
    path = read_keypath(cursor)
    try:
        blob_at = cursor.tell()
        kind, length = cursor.header()
        # REC-2: "The leaf blob is a bin whose body is exactly one encoded leaf."
        if kind != "bin":
            cursor.fail("REC-2", f"a leaf blob is a bin, and here stands a value of kind {kind}", at=blob_at)
        leaf_offset = cursor.tell()
        region = cursor.enter(length)
        leaf = read_leaf(cursor)
        cursor.leave(region)
    except FormatError as error:
        if path[-1].startswith("chunk_") and error.clause in ("WIRE-3", "WIRE-6", "LEAF-1"):
            error.advice = "the leaves of this file may be split over records: see the dialects of the specification"
        raise with_path(path, error) from None
    return Record(path, leaf, offset, leaf_offset, cursor.tell())


def read_records(source: Source) -> tuple[list[Record], list[bytes]]:
    """Read all records of a source up to its end, and the bytes of each key path (see `encode_parts`).

    Records in the common form take a short cut through the window; whatever it does not know, and every
    fault, goes to `read_record`.
    """
    cursor = Cursor(source)
    records: list[Record] = []
    keys: list[bytes] = []
    known: _Known = {}
    parents: dict[bytes, tuple[str, ...]] = {}
    ahead = 1 << 12
    while cursor.tell() < source.size:
        before = len(records)
        window, pos = cursor.window(1, ahead)
        gap = _read_common(cursor, window, pos, records, keys, known, parents)
        if len(records) == before:
            record = read_record(cursor)
            records.append(record)
            keys.append(encode_parts(record.path))
            _learn(source, record, known)
            gap = record.leaf.nbytes
        # read further ahead while records are small; after a large payload, only a header's worth
        ahead = 1 << 12 if gap > 1 << 16 else min(ahead * 2, 1 << 18)
    return records, keys


_Known = dict[int, list[tuple[bytes, Leaf]]]  # length of a leaf blob -> headers seen with it, and their leaf


def _learn(source: Source, record: Record, known: _Known) -> None:
    leaf, length = record.leaf, record.end - record.leaf_offset
    if leaf.kind in ("str", "empty") or len(leaf.extents) > 1:  # a str has to be looked at each time
        return
    head = leaf.extents[0][0] if leaf.extents else length
    heads = known.setdefault(length, [])
    if head <= 256 and len(heads) < 8 and len(known) < 4096:
        heads.append((source.read_at(record.leaf_offset, head), leaf))


def _read_common(
    cursor: Cursor,
    window: bytes,
    p: int,
    records: list[Record],
    keys: list[bytes],
    known: _Known,
    parents: dict[bytes, tuple[str, ...]],
) -> int:
    """Read records of the common form that begin in the window, and leave the cursor after the last.

    Common form: fixed-size headers around a key path of up to 15 parts of up to 255 bytes, and a leaf whose
    header is known. Returns how far the cursor stands beyond the window.
    """
    base, end, top = cursor.tell() - p, cursor.end, len(window)
    add_record, add_key, decode = records.append, keys.append, bytes.decode
    try:
        while p < top:
            count = window[p + 1]
            if window[p] != 0x92 or not 0x91 <= count <= 0x9F:
                break
            q = p + 2
            for _ in range(count - 0x91):
                size = window[q]
                if 0xA0 <= size <= 0xBF:
                    q += size - 0x9F
                elif size == 0xD9 and window[q + 1] >= 32:
                    q += window[q + 1] + 2
                else:
                    return 0
            size = window[q]
            if 0xA0 <= size <= 0xBF:
                text, e = q + 1, q + size - 0x9F
            elif size == 0xD9 and window[q + 1] >= 32:
                text, e = q + 2, q + window[q + 1] + 2
            else:
                return 0
            code = window[e]
            if code == 0xC4:
                leaf_at, length = e + 2, window[e + 1]
            elif code == 0xC5 and e + 3 <= top:
                leaf_at, length = e + 3, window[e + 1] << 8 | window[e + 2]
            elif code == 0xC6 and e + 5 <= top:
                leaf_at, length = e + 5, int.from_bytes(window[e + 1 : e + 5], "big")
            else:
                return 0
            for head, leaf in known.get(length, ()):
                if window.startswith(head, leaf_at):
                    break
            else:
                return 0
            after = leaf_at + length
            if base + after > end:
                return 0
            raw = window[p + 2 : q]
            parent = parents.get(raw)
            if parent is None:
                parent = parents[raw] = _decode_parts(raw, count - 0x91)
            add_record(Record((*parent, decode(window[text:e])), leaf, base + p, base + leaf_at, base + after))
            add_key(window[p + 2 : e])
            p = after
            cursor.skip(base + p - cursor.tell())
    except (IndexError, UnicodeDecodeError):
        return 0
    return max(0, p - top)


def _decode_parts(raw: bytes, count: int) -> tuple[str, ...]:
    parts, q = [], 0
    for _ in range(count):
        start, size = (q + 2, raw[q + 1]) if raw[q] == 0xD9 else (q + 1, raw[q] - 0xA0)
        q = start + size
        parts.append(raw[start:q].decode())
    return tuple(parts)


def encode_record(path: tuple[str, ...], leaf: Leaf) -> list[tuple[bytes, int]]:
    """The canonical bytes of a record around its payload, as `leaves.frame` gives them. Raises KEY clauses, REC-3."""
    head = array_header(2) + encode_keypath(path)
    try:
        parts = frame(leaf)
        size = sum(len(header) + n for header, n in parts)
        head += bin_header(size)
    except OverflowError:
        raise FormatError(
            "REC-3",
            None,
            KeyPath(path),
            f"a leaf of {leaf.nbytes} payload bytes does not fit in a record, which holds at most {MAX_BLOB}",
            "split the tensor, or write a flax file (--streaming=False)",
        ) from None
    return [(head + parts[0][0], parts[0][1]), *parts[1:]]


def write_parts(sink: Sink, parts: list[tuple[bytes, int]], payload: Payload | None) -> None:
    """Write header bytes and payload bytes in turn."""
    for head, n in parts:
        sink.write(head)
        if n:
            assert payload is not None
            payload.move(n, sink)


Writable = tuple[tuple[str, ...], Leaf, Callable[[], Payload | None]]  # the payload is opened when it is due


def write_record(sink: Sink, item: Writable) -> None:
    """Write one record in canonical form."""
    path, leaf, payload = item
    write_parts(sink, encode_record(path, leaf), payload())
