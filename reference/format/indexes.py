"""Spec chapter 15 of version 2.0: the index of a sealed stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgpack

from .aligned import ALIGNMENTS
from .arrays import expect
from .checksums import BLOCK, WIDTH, count
from .dtypes import tag_of
from .errors import FormatError
from .index_rows import CanonicalCursor, Columns, read_rows
from .leaves import Leaf
from .metadata import read_metadata
from .wire import BytesSource, array_header, bin_header, encode_int, encode_str, map_header

_pack: Final[Callable[[Any], bytes]] = msgpack.Packer().pack
_NO_SUM: Final = bytes(WIDTH)
DIGEST: Final = 32  # bytes
DETACHED: Final = 1  # DETACHED-4: "The `alignment` of a detached seal is 1."
_KEYS: Final = ("alignment", "checksum", "leaves", "metadata", "digests")  # INDEX-1: "with these keys in this order"


class Index(NamedTuple):
    """An index: the alignment, the checksum of all records, what is said of the leaves, and what else is known.

    `digests` are those of the leaves and the tree's behind them, 32 bytes each, or None.
    """

    alignment: int
    checksum: int
    columns: Columns
    metadata: dict[str, Any]
    digests: bytes | None

    def leaf_digests(self) -> tuple[list[tuple[str, ...]], list[int], list[bytes]]:
        """The key path of each leaf, where its first record begins, and its digest; nothing where there are none."""
        paths, starts = self.columns.paths, [0, *itertools.accumulate(self.columns.sizes)]
        if self.digests is None:
            return [], [], []
        each = range(0, len(self.digests) - DIGEST, DIGEST)
        return paths, [starts[i] for i in self.columns.first[:-1]], [self.digests[at : at + DIGEST] for at in each]


def read_index(data: bytes, offset: int, seal_at: int, detached: bool = False) -> Index:
    """The index that stands at `offset` of a file whose records end at `seal_at`. Raises FormatError."""
    cursor = CanonicalCursor(BytesSource(data))
    region = cursor.enter(len(data))
    try:
        index = _read(cursor, seal_at, detached)
        cursor.leave(region)
    except FormatError as error:
        error.offset = None if error.offset is None else error.offset + offset
        raise
    return index


def _read(cursor: CanonicalCursor, seal_at: int, detached: bool) -> Index:
    # INDEX-1: "The index is a map of four or five entries, with these keys in this order."
    n = expect(cursor, "map", "INDEX-1", "the index")
    if n not in (4, 5):
        cursor.fail("INDEX-1", f"the index has {n} entries, neither 4 nor 5", at=0)
    _read_key(cursor, _KEYS[0])
    at = cursor.tell()
    alignment = expect(cursor, "int", "ALIGN-5", "the alignment")
    if alignment not in ((DETACHED,) if detached else ALIGNMENTS):
        cursor.fail("DETACHED-4" if detached else "ALIGN-5", f"{alignment} is not an alignment", at=at)
    _read_key(cursor, _KEYS[1])
    at = cursor.tell()
    if (length := expect(cursor, "bin", "INDEX-1", "the checksum of all records")) != WIDTH:
        cursor.fail("INDEX-1", f"the checksum of all records has {length} bytes, not {WIDTH}", at=at)
    checksum = int.from_bytes(cursor.take(WIDTH), "big")
    _read_key(cursor, _KEYS[2])
    at = cursor.tell()
    columns = read_rows(cursor, detached)
    # INDEX-4: "So the sizes of all records add up to the offset of the seal."
    if (total := sum(columns.sizes)) != seal_at:
        cursor.fail("INDEX-4", f"the records have {total} bytes together, and the seal begins at byte {seal_at}", at=at)
    _read_key(cursor, _KEYS[3])
    cursor.canonical = "META-2"
    metadata = read_metadata(cursor)
    cursor.canonical = "INDEX-5"
    digests = _read_digests(cursor, len(columns.leaves)) if n == 5 else None
    return Index(alignment, checksum, columns, metadata, digests)


def _read_key(cursor: CanonicalCursor, wanted: str) -> None:
    at = cursor.tell()
    length = expect(cursor, "str", "INDEX-1", "a key of the index")
    if length > len(wanted) or cursor.text(length, at) != wanted:
        cursor.fail("INDEX-1", f"expected the key {wanted!r} of the index, found another", at=at)


def _read_digests(cursor: CanonicalCursor, leaves: int) -> bytes:
    _read_key(cursor, _KEYS[4])
    at = cursor.tell()
    n = expect(cursor, "bin", "INDEX-9", "the entry `digests`")
    if n != DIGEST * (leaves + 1):
        # INDEX-9: "the leaf digest (DELTA-4) of each of `leaves`, in their order, and the tree digest (DELTA-5) behind
        #           them, 32 bytes each."
        cursor.fail("INDEX-9", f"the digests of {leaves} leaves and their tree have {n} bytes", at=at)
    return cursor.take(n)


# --- writing ------------------------------------------------------------------------------------------


class IndexPlan:
    """The bytes of an index whose checksums and digests are still to come; its length is known from the start."""

    def __init__(self, alignment: int, metadata: bytes, digests: bool, leaves: int) -> None:
        self._data = bytearray(map_header(5 if digests else 4))
        self._data += encode_str(_KEYS[0]) + encode_int(alignment) + encode_str(_KEYS[1]) + bin_header(WIDTH)
        self._checksum_at = len(self._data)
        self._data += bytes(WIDTH) + encode_str(_KEYS[2]) + array_header(leaves)
        self._sums_at: list[int] = []  # of each record
        self._tail = encode_str(_KEYS[3]) + metadata
        self._digests = DIGEST * (leaves + 1) if digests else 0
        self._heads: dict[int, tuple[bytes, Leaf]] = {}  # with the leaf, so that no other one gets its identity

    def add(self, key: bytes, leaf: Leaf, records: Sequence[tuple[int, int | None]]) -> None:
        """The next leaf, by its encoded key path, and the size and the place of the payload of each of its records."""
        known = self._heads.get(id(leaf))
        if known is None:
            self._heads[id(leaf)] = known = _row_head(leaf), leaf
        data = self._data
        data += b"\x95" + key + known[0] + array_header(len(records))
        for size, payload in records:
            sums = _NO_SUM if size <= BLOCK else bytes(WIDTH * count(size))
            data += _pack((size, payload, sums))
            self._sums_at.append(len(data) - len(sums))

    def size(self) -> int:
        more = len(encode_str(_KEYS[4]) + bin_header(self._digests)) + self._digests if self._digests else 0
        return len(self._data) + len(self._tail) + more

    def finish(self, checksum: bytes, sums: Sequence[bytes], digests: bytes | None) -> bytes:
        """The index, with the checksum of all records, those of each record, and the digests."""
        data = self._data
        data[self._checksum_at : self._checksum_at + WIDTH] = checksum
        for at, each in zip(self._sums_at, sums, strict=True):
            data[at : at + len(each)] = each
        data += self._tail
        if digests is not None:
            data += encode_str(_KEYS[4]) + bin_header(len(digests)) + digests
        return bytes(data)


def _row_head(leaf: Leaf) -> bytes:
    """What the index says of a leaf's kind, dtype and shape."""
    head = encode_str(leaf.kind)
    if leaf.dtype is None:
        return head + b"\xc0\xc0"
    return head + encode_str(tag_of(leaf.dtype)) + array_header(len(leaf.shape)) + b"".join(map(encode_int, leaf.shape))
