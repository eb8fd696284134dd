"""Spec chapter 05: one key path with one leaf, read from a cursor and framed for a writer."""

from __future__ import annotations

import functools
import html
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from .chunked import Part
from .collector import no_collection
from .errors import FormatError
from .keypaths import KeyPath, display, encode_keypath, read_keypath, sort_key
from .later_leaves import LaterLeaf, as_read
from .leaves import Leaf, frame, leaf_text, read_leaf, read_value, size_text, stored
from .payloads import Payload, Step
from .small_records import Run, SeenArrays, arrays_in, read_run
from .wire import NEAR, BytesSource, Cursor, Source, bin_header

MAX_BLOB: Final = (1 << 32) - 1  # REC-3: "A leaf blob has at most 2^32 - 1 bytes."
MAX_OLD_BLOB: Final = (1 << 31) - 1  # REC-4: "Loaders built on msgpack-python stop at 2^31 - 1 bytes."


class Record(NamedTuple):
    """A key path, its leaf, and where they are: offsets of the record, of the leaf, and of what follows it."""

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

    def payload_place(self) -> int | None:
        """How many bytes of the record stand before its payload; None where that is not an array in one piece."""
        if self.leaf.dtype is None or len(self.leaf.extents) != 1:
            return None
        return self.leaf_offset + self.leaf.extents[0][0] - self.offset

    def extents(self) -> list[tuple[int, int]]:
        """Where the payload stands in the file, as (offset, bytes)."""
        return [(self.leaf_offset + at, n) for at, n in self.leaf.extents]

    def stored_size(self) -> int:
        """Its payload in bytes; 0 where that cannot be known without reading it."""
        return 0 if self._is_later() else self.leaf.nbytes

    def _is_later(self) -> bool:
        return isinstance(self.leaf, LaterLeaf) and self.leaf.dtype is None

    def described(self) -> str:
        """What the leaf is, as far as that is known without reading it: float32[2,3], int 3, str."""
        return self.leaf.kind if self._is_later() else leaf_text(self.leaf)

    def __repr__(self) -> str:
        size = f", {size_text(self.stored_size())}" if self.stored_size() else ""
        what = f"{self.described()}{size}, bytes {self.offset} to {self.end}"
        return f"<Record {display(self.path)}: {what}>"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self)[1:-1])}</code>"


def extents_of(records: Iterable[Record]) -> Iterator[tuple[int, int]]:
    """Where the payloads of records stand in the file, as (offset, bytes), in the order in which they are read."""
    return (extent for record in records for extent in record.extents())


def with_path(path: tuple[str, ...], error: FormatError) -> FormatError:
    """The error, naming the key path at which it happened."""
    error.path = KeyPath(path)
    return error


def read_record(cursor: Cursor, room: tuple[int, int] = (0, 0)) -> Record:
    """Read one record, skipping its payload. `room` is that of `read_keypath`. Raises REC, KEY, LEAF, DTYPE and WIRE
    clauses.
    """
    offset = cursor.tell()
    kind = cursor.kind()
    count = cursor.header()[1] if kind == "array" else 0
    # REC-1: "A record is an array of exactly two elements: a key path and a leaf blob."
    if count != 2:
        what = f"an array of {count} elements" if kind == "array" else f"a value of kind {kind}"
        cursor.fail("REC-1", f"expected a record (an array of 2 elements), found {what}", at=offset)
    path = read_keypath(cursor, room)
    try:
        # REC-2: "The leaf blob is a bin whose body is exactly one encoded leaf."
        if (kind := cursor.kind()) != "bin":
            cursor.fail("REC-2", f"a leaf blob is of kind {kind}, not bin")
        _, length = cursor.header()
        leaf_offset = cursor.tell()
        region = cursor.enter(length)
        leaf = read_leaf(cursor)
        cursor.leave(region)
    except FormatError as error:
        if path[-1].startswith("chunk_") and error.clause in ("WIRE-3", "WIRE-6", "LEAF-1"):
            error.advice = (
                "if a fork of EasyLM has split its leaves over several records, --dialect=split-leaves reads them"
            )
        raise with_path(path, error) from None
    return Record(path, leaf, offset, leaf_offset, cursor.tell())


def read_records(source: Source) -> tuple[list[Record], list[str]]:
    """Read all records of a source up to its end, and the sort key of each key path (`keypaths.sort_key`)."""
    records: list[Record] = []
    keys: list[str] = []
    for found in read_runs(source):
        if isinstance(found, Record):
            records.append(found)
            keys.append(sort_key(found.path))
        else:
            with no_collection():
                records += records_of(found)
                keys += found.keys
    return records, keys


def read_runs(source: Source) -> Iterator[Run | Record]:
    """The records of a source up to its end: runs of small ones, read at once, and each of the others by itself."""
    return runs_from(Cursor(source), SeenArrays())


def runs_from(cursor: Cursor, seen: SeenArrays) -> Iterator[Run | Record]:
    """`read_runs` from a cursor on, which is left at what has been given last.

    Runs take a short cut through msgpack; whatever it does not take, and every fault, goes to `read_record`.
    """
    while cursor.tell() < cursor.end:
        run = read_run(cursor, seen) if cursor.ahead > NEAR else None
        if run is not None and run.paths:
            yield run
        else:
            yield read_record(cursor)


def records_of(run: Run) -> list[Record]:
    """The records of a run."""
    fields = zip(run.paths, run.leaves, (run.start, *run.ends[:-1]), run.starts, run.ends, strict=True)
    return list(map(tuple.__new__, itertools.repeat(Record), fields))  # as `Record(...)`, in a third of the time


def copies(data: bytes, base: int, records: Sequence[Record]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Key paths and values of records whose leaves lie in `data`, which was read at offset `base`.

    What `leaves.read_value` gives, in less time for many small arrays. Raises FormatError.
    """
    paths, leaves, _, offsets, _ = zip(*records, strict=True)
    arrays = arrays_in(data, base, offsets, leaves)
    source = BytesSource(data)
    for i, (path, value) in enumerate(zip(paths, arrays, strict=True)):
        yield path, value_of(source, records[i], base) if value is None else value


def value_of(source: Source, record: Record, base: int = 0, read: Callable[[Any, int, Leaf], Any] = read_value) -> Any:
    """The value of a record's leaf, out of a source that begins at offset `base` of the file. Raises FormatError."""
    try:
        return read(source, record.leaf_offset - base, record.leaf)
    except FormatError as error:
        raise with_path(record.path, error) from None


class Item(NamedTuple):
    """A leaf that is to be written, and the way to its payload."""

    path: tuple[str, ...]
    leaf: Leaf
    payload: Callable[[], Payload] | None = None


def item_of_closed(item: Item, where: str) -> Item:
    """The item without its payload: who asks for it is told that what it stood in is closed. Raises ValueError."""

    def closed() -> Payload:
        raise ValueError(f"{where} is closed; read {display(item.path)} from the file that was written")

    return item if item.payload is None else item._replace(payload=closed)


def item_in(source: Source, record: Record) -> Item:
    """A leaf that stands in a source, ready to be read or written; of it all but the payload is read now. Raises what
    that raises (`LaterLeaf`)."""
    leaf = as_read(record.leaf)
    payload = functools.partial(stored, source, record.leaf_offset, leaf) if leaf.extents else None
    return Item(record.path, leaf, payload)


def record_steps(items: Iterable[Item]) -> list[Step]:
    """`record_step` of each item, in less time where many leaves are alike."""
    framed: dict[int, tuple[list[Part], Leaf]] = {}  # with the leaf, so that no other one gets its identity
    last: Leaf | None = None
    head, n, more = b"", 0, list[Part]()
    steps: list[Step] = []
    for item in items:
        path, leaf, payload = item
        if leaf is not last:
            known = framed.get(id(leaf))  # the leaf of all arrays of a dtype and shape
            if known is None:
                framed[id(leaf)] = known = blob_parts(path, leaf), leaf
            ((head, n), *more), last = known
        first = b"\x92" + encode_keypath(path) + head, n
        steps.append(_step(((first, *more) if more else (first,), payload)))
    return steps


# As `Step(...)`, in two thirds of the time.
_step: Final[Callable[[tuple[tuple[Part, ...], Any]], Step]] = functools.partial(tuple.__new__, Step)


def record_step(item: Item) -> Step:
    """The canonical bytes of a record around its payload. Raises KEY clauses, REC-3."""
    return record_steps([item])[0]


def blob_parts(path: tuple[str, ...], leaf: Leaf) -> list[Part]:
    """The canonical bytes of a leaf blob around its payload. Raises REC-3."""
    try:
        parts = frame(leaf)
        return [(bin_header(sum(len(head) + n for head, n in parts)) + parts[0][0], parts[0][1]), *parts[1:]]
    except OverflowError:
        raise FormatError(
            "REC-3",
            None,
            KeyPath(path),
            f"a leaf of {leaf.nbytes} payload bytes does not fit in a record, which holds at most {MAX_BLOB}",
            "split the tensor, or write a flax file (--streaming=False)",
        ) from None
