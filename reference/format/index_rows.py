"""Spec chapter 15 of version 2.0, INDEX-2 and INDEX-3: what an index says of each leaf, read into columns."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgpack

from .arrays import check_dims, expect, read_dimension, size_of
from .checksums import BLOCK, WIDTH, count
from .collector import no_collection
from .dtypes import dtype_of
from .errors import FormatError
from .keypaths import MAX_BYTES, MAX_PARTS, KeyPath, brief, read_keypath, sort_key
from .leaves import KINDS, Leaf
from .parts import PREFIX, box_count, has_part_name, is_in_parts
from .streams import clash_error, find_clash
from .wire import BytesSource, Cursor, array_header, encode_int, header_size

_packed: Final[Callable[[Any], bytes]] = msgpack.Packer().pack
_FED: Final = 1 << 20  # bytes given to msgpack at a time, which bounds what it makes of them
_ARRAYS: Final = frozenset(("ndarray", "scalar"))


class CanonicalCursor(Cursor):
    """A cursor that refuses, by `canonical`, a header that is longer than needed (INDEX-5, META-2)."""

    canonical = "INDEX-5"

    def header(self) -> tuple[str, Any]:
        at = self.tell()
        kind, value = super().header()
        size = self.tell() - at
        if size != header_size(kind, value) and kind != "float":
            self.fail(self.canonical, "a header is longer than needed", at=at)
        # WIRE-1: "An integer of zero or more takes the shortest of int 0 to 127, `cc`, `cd`, `ce`, `cf`"
        if kind == "int" and self._window[self._pos - size : self._pos] != encode_int(value):
            self.fail(self.canonical, "an int of zero or more is written in the form of a negative one", at=at)
        return kind, value


class Columns(NamedTuple):
    """What an index says of the leaves: a value for each of them, and for each of their records.

    The records of leaf `i` are those from `first[i]` up to `first[i + 1]`.
    """

    paths: list[tuple[str, ...]]
    keys: list[str]  # to sort by (`keypaths.sort_key`)
    leaves: list[Leaf]  # without extents and values
    first: list[int]
    sizes: list[int]
    payloads: list[int | None]
    sums: list[bytes]

    def sums_of_leaves(self) -> list[bytes]:
        """The checksums of each leaf: those of its records, one behind the other."""
        return [b"".join(self.sums[a:b]) for a, b in itertools.pairwise(self.first)]


def read_rows(cursor: Cursor, detached: bool = False) -> Columns:
    """The leaves of an index; in a detached seal a key may look like a part.

    Raises INDEX, KEY, DTYPE, LEAF, PART, STREAM and WIRE clauses.
    """
    at = cursor.tell()
    rows = expect(cursor, "array", "INDEX-1", "the entry `leaves`")
    if rows == 0:
        cursor.fail("STREAM-3", "the index lists no leaf", at=at)
    start = cursor.tell()
    with no_collection():
        columns = _read_quickly(cursor, rows)
    if columns is not None:
        return columns
    cursor.skip(start - cursor.tell())  # something is odd: what it is, and where, shows one value at a time
    return _read_slowly(cursor, rows, detached)


# --- value by value -----------------------------------------------------------------------------------


def _read_slowly(cursor: Cursor, rows: int, detached: bool) -> Columns:
    columns = Columns([], [], [], [0], [], [], [])
    offsets = []
    for _ in range(rows):
        offsets.append(cursor.tell())
        _read_row(cursor, columns, detached)
    if (clash := find_clash(columns.keys)) is not None:
        first, second = sorted(clash)
        raise clash_error(columns.paths[first], columns.paths[second], offsets[second])
    return columns


def _array_of(cursor: Cursor, n: int, clause: str, what: str) -> None:
    at = cursor.tell()
    if (found := expect(cursor, "array", clause, what)) != n:
        cursor.fail(clause, f"{what} has {found} elements, not {n}", at=at)


def _read_row(cursor: Cursor, columns: Columns, detached: bool) -> None:
    row_at = cursor.tell()
    # INDEX-2: "Each of `leaves` is an array of five: key path, kind, dtype, shape, records."
    _array_of(cursor, 5, "INDEX-2", "what the index says of a leaf")
    path = read_keypath(cursor)
    try:
        if not detached and has_part_name(path):
            cursor.fail("PART-3", "a key of this leaf looks like the name of a part", at=row_at)
        leaf = _read_leaf(cursor)
        at = cursor.tell()
        n = expect(cursor, "array", "INDEX-2", "the records of a leaf")
        if n != (wanted := _record_count(leaf)) and (n != 1 or not is_in_parts(leaf)):
            # PART-2: "A reader MUST refuse parts of other shapes, in another order, or of another number or dtype."
            cursor.fail("PART-2", f"the leaf has {n} records; {wanted} are expected", at=at)
        for _ in range(n):
            _read_record(cursor, columns, leaf, n)
    except FormatError as error:
        error.path = error.path or KeyPath(path)
        raise
    columns.paths.append(path)
    columns.keys.append(sort_key(path))
    columns.leaves.append(leaf)
    columns.first.append(len(columns.sizes))


def _record_count(leaf: Leaf) -> int:
    return box_count(leaf.shape, leaf.dtype.itemsize) if leaf.dtype is not None and is_in_parts(leaf) else 1


def _read_leaf(cursor: Cursor) -> Leaf:
    at = cursor.tell()
    kind = cursor.text(expect(cursor, "str", "INDEX-2", "the kind of a leaf"), at)
    if kind not in KINDS:
        cursor.fail("LEAF-1", f"{brief((kind,))!r} is not a kind of leaf", at=at)
    is_array = kind in _ARRAYS
    at = cursor.tell()
    if (found := cursor.kind()) != ("str" if is_array else "nil"):
        cursor.fail("INDEX-2", f"the dtype of a leaf of kind {kind} is of kind {found}", at=at)
    _, length = cursor.header()
    tag = cursor.text(length, at) if is_array else ""
    dtype = dtype_of(tag[:64], at) if is_array else None
    at = cursor.tell()
    if (found := cursor.kind()) != ("array" if is_array else "nil"):
        cursor.fail("INDEX-2", f"the shape of a leaf of kind {kind} is of kind {found}", at=at)
    _, dims = cursor.header()
    if dtype is None:
        return Leaf(kind)
    if kind == "scalar" and dims:
        cursor.fail("LEAF-6", f"a scalar has {dims} dimensions, not 0", at=at)
    shape = tuple([read_dimension(cursor) for _ in range(check_dims(cursor, dims, at))])
    try:
        return Leaf(kind, dtype, shape, size_of(shape, dtype))
    except FormatError as error:
        error.offset = at
        raise


def _read_record(cursor: Cursor, columns: Columns, leaf: Leaf, records: int) -> None:
    # INDEX-3: "Each record is an array of three: size, payload, checksums."
    _array_of(cursor, 3, "INDEX-3", "what the index says of a record")
    at = cursor.tell()
    size = expect(cursor, "int", "INDEX-3", "the size of a record")
    if not 0 < size < 1 << 63:
        cursor.fail("INDEX-3", f"the size of a record is {size}", at=at)
    at = cursor.tell()
    if (kind := cursor.kind()) not in ("int", "nil"):
        cursor.fail("INDEX-3", f"the place of a payload is of kind {kind}, neither int nor nil")
    _, payload = cursor.header()
    if payload is None and records > 1:
        cursor.fail("INDEX-3", "the place of the payload of a part is nil", at=at)
    if payload is not None and (leaf.dtype is None or payload < 0):
        cursor.fail("INDEX-3", f"a leaf of kind {leaf.kind} has its payload at {payload}", at=at)
    if records == 1 and (payload or 0) + leaf.nbytes > size:
        cursor.fail("INDEX-4", "a payload reaches beyond its record", at=at)
    at = cursor.tell()
    n = expect(cursor, "bin", "INDEX-3", "the checksums of a record")
    if n != WIDTH * count(size):
        # INDEX-4: "in which a record has not ceil(size / 2^22) checksums"
        cursor.fail("INDEX-4", f"a record of {size} bytes has {n} bytes of checksums", at=at)
    columns.sizes.append(size)
    columns.payloads.append(payload)
    columns.sums.append(cursor.take(n))


# --- many at once -------------------------------------------------------------------------------------


def _read_quickly(cursor: Cursor, rows: int) -> Columns | None:
    """`_read_slowly` through msgpack, of an index in memory whose leaves have one record each; None where it is not."""
    if not isinstance(cursor.source, BytesSource):
        return None
    columns = Columns([], [], [], [0], [], [], [])
    with contextlib.suppress(msgpack.UnpackException, FormatError, ValueError, TypeError):
        end = _read_through_msgpack(cursor.source.view, cursor.tell(), rows, columns)
        columns.keys.extend(map(sort_key, columns.paths))
        odd = any(PREFIX in key or 4 * len(key) > MAX_BYTES for key in columns.keys)
        if end is not None and not odd and find_clash(columns.keys) is None:
            columns.first.extend(range(1, rows + 1))
            cursor.skip(end - cursor.tell())
            return columns
    return None


def _read_through_msgpack(view: memoryview, start: int, rows: int, columns: Columns) -> int | None:
    """Where the rows end, when all of them are in the columns; None, or an error, where something is odd."""
    limits = {"max_array_len": MAX_PARTS, "max_map_len": 0, "max_ext_len": 0, "max_bin_len": _FED, "max_str_len": 65535}
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=2 * _FED, **limits)
    known: dict[Any, Leaf] = {}
    fed = begin = start
    while len(columns.paths) < rows:
        if fed - begin > _FED or fed == len(view):
            return None
        unpacker.feed(view[fed : fed + _FED])
        fed = min(fed + _FED, len(view))
        chunk = tuple(itertools.islice(unpacker, rows - len(columns.paths)))
        packed = _packed(chunk)[len(array_header(len(chunk))) :]
        if view[begin : begin + len(packed)] != packed:  # it is not in the shortest form
            return None
        begin += len(packed)  # and not by `tell`, which counts the beginning of the next row
        if chunk and not _add_rows(chunk, known, columns):
            return None
    return begin


def _add_rows(rows: tuple[Any, ...], known: dict[Any, Leaf], columns: Columns) -> bool:
    """Put rows into the columns, unless one of them is odd."""
    paths, kinds, tags, shapes, records = zip(*rows, strict=True)
    records = [record for (record,) in records]
    sizes, payloads, sums = zip(*records, strict=True)
    described = list(zip(kinds, tags, shapes, strict=True))
    for each in set(described).difference(known):
        known[each] = _leaf_of(each)
    types = set(map(type, itertools.chain.from_iterable(shape for shape in shapes if shape)))
    if types - {int} or {*map(type, paths), *map(type, sizes), *map(type, sums)} != {tuple, int, bytes}:
        return False
    if set(map(type, payloads)) - {int, type(None)} or not all(paths):
        return False
    leaves = [known[each] for each in described]
    if min(sizes) <= 0 or list(map(len, sums)) != [WIDTH * -(-size // BLOCK) for size in sizes]:
        return False
    if any(
        size < leaf.nbytes if payload is None else leaf.dtype is None or not 0 <= payload <= size - leaf.nbytes
        for leaf, size, payload in zip(leaves, sizes, payloads, strict=True)
    ):
        return False
    columns.paths.extend(paths)
    columns.leaves.extend(leaves)
    columns.sizes.extend(sizes)
    columns.payloads.extend(payloads)
    columns.sums.extend(sums)
    return True


def _leaf_of(described: tuple[Any, ...]) -> Leaf:
    """The leaf of a kind, dtype and shape that msgpack has read. Raises FormatError, ValueError, TypeError."""
    cursor = CanonicalCursor(BytesSource(_packed(described)))
    cursor.skip(1)
    return _read_leaf(cursor)
