"""What is left of a damaged checkpoint: every intact record, and the stretches between them that are lost."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ..format.errors import FormatError
from ..format.flax_msgpack import read_flax
from ..format.keypaths import read_keypath
from ..format.records import Record, no_collection, read_record, records_of, runs_from
from ..format.seals import Seal, ends_sealed
from ..format.small_records import Run, SeenArrays
from ..format.streams import find_clashes
from ..format.wire import NEAR, Cursor, Source
from .container import Departure, Loss
from .damaged_sealed import read_by_index, read_by_seal
from .flax_file import FLAX, departure
from .registry import begins_as, dialect_called
from .shards import Shards
from .split_leaves import SPLIT_LEAVES, join_pieces, read_record_or_piece, records_and_pieces
from .stream import STREAM, begins_sealed

# An array of two whose first element is an array: where a record may begin (REC-1, KEY-1).
_START: Final = re.compile(rb"(?:\x92|\xdc\0\x02|\xdd\0\0\0\x02)[\x91-\x9f\xdc\xdd]")
_LONGEST_START: Final = 6
_SEARCHED: Final = 1 << 22  # bytes searched at a time
# What may be read in vain, in headers: so many for each byte of the file, and a number for small files. Measured:
# random bytes take 0.001 for each, a damaged array for every whole one 0.17, nils of 7 bytes with a byte of junk behind
# each 0.75. A file that is made to look like records everywhere would take its size squared.
_HEADERS_PER_BYTE, _FEWEST_HEADERS = 2, 100_000
_TEXT_PER_HEADER: Final = 64  # bytes of text that count as a header


class Whole(NamedTuple):
    """The intact records of a file, what is lost, and its seal and its departure, where it has one."""

    kind: str
    records: list[Record]
    losses: list[Loss]
    seal: Seal | None = None
    departure: Departure | None = None


def read_what_is_whole(source: Source, dialect: str | None = None, beside: Seal | FormatError | None = None) -> Whole:
    """The kind of a file, its whole records and what is lost, in the order of the file.

    `dialect` is that of `registry.read_contents`. Raises UsageError for one that does not exist, and nothing else. A
    file that does not begin as a flax file is taken for a stream, for its first bytes may be what is damaged. Those
    in shards are flax files. `beside` is a seal in a file of its own, or what is wrong with it.
    """
    dialect_called(dialect)
    if isinstance(beside, Seal):
        return Whole(STREAM, *read_by_seal(source, beside, source.size))
    ints: list[FormatError] = []
    if isinstance(source, Shards):
        return Whole(FLAX, *source.read_damaged(lambda shard: _flax(shard, ints)), None, departure(ints))
    if (found := read_by_index(source)) is not None:  # also where the mark itself is damaged
        return Whole(STREAM, *found)
    if begins_as(source, FLAX):
        return Whole(FLAX, *_flax(source, ints), None, departure(ints))
    records, losses = _stream(source, split=dialect == SPLIT_LEAVES)
    return Whole(STREAM, records, losses + ([Loss(source.size, source.size, beside)] if beside is not None else []))


def read_up_to_fault(source: Source, dialect: str | None = None) -> list[Record]:
    """The records in front of the first fault of a damaged stream or flax file; what follows is not searched."""
    if isinstance(source, Shards):
        return []
    if begins_as(source, FLAX):
        found, losses = _flax(source, [])
        return [record for record in found if not losses or record.offset < losses[0].offset]  # lists are skipped
    records: list[Record] = []
    split = dialect == SPLIT_LEAVES
    with contextlib.suppress(FormatError), no_collection():
        for found in _Search(source, split).runs(0):
            records += [found] if isinstance(found, Record) else records_of(found)
    return join_pieces(source, records)[0] if split else records


def _flax(source: Source, ints: list[FormatError]) -> tuple[list[Record], list[Loss]]:
    """A flax file has no frame around a leaf: behind its first fault nothing is known, but for lists and
    for keys that a map has twice.

    The refusals of keys that are ints, which become texts, are added to `ints`.
    """
    records: list[Record] = []
    losses: list[Loss] = []
    try:
        read_flax(source, records, int_key=ints.append, skipped=lambda *loss: losses.append(Loss(*loss)))
    except FormatError as error:
        if (first := next((loss for loss in losses if loss.error.clause == "FLAX-5"), None)) is not None:
            # What came twice was a copy of bytes, and what is behind it stands where others belong.
            before = [record for record in records if record.end <= first.offset]
            lists = [loss for loss in losses if loss.offset < first.offset]
            return before, [*lists, Loss(first.offset, source.size, first.error)]
        ends = [records[-1].end if records else 0, losses[-1].end if losses else 0]
        return records, [*losses, Loss(max(ends), source.size, error)]
    return records, losses


@no_collection()
def _stream(source: Source, split: bool) -> tuple[list[Record], list[Loss]]:
    search = _Search(source, split)
    records: list[Record] = []
    losses: list[Loss] = []
    at = 0
    while at < source.size:
        try:
            for found in search.runs(at):
                records += [found] if isinstance(found, Record) else records_of(found)
            break
        except FormatError as error:
            begins = max(at, records[-1].end if records else 0)
            at = search.next(begins)
            if at == source.size and search.is_over():
                error.detail += "; too much of what follows looks like records and is not, and was not searched further"
            losses.append(Loss(begins, at, error))
    if split:
        records, faults = join_pieces(source, records)
        losses += [Loss(piece.offset, piece.end, error) for pieces, error in faults for piece in pieces]
    clashes = find_clashes(records)
    whole = [record for record in records if record.offset not in clashes]
    losses += [Loss(record.offset, record.end, error) for record in records if (error := clashes.get(record.offset))]
    return whole, sorted(losses, key=lambda loss: loss.offset)


class _Search:
    """Finds the whole records of a stream. All that is read goes through one cursor, and through one block of the file
    that is searched, so that a loss takes no more than the bytes near it.
    """

    def __init__(self, source: Source, split: bool = False) -> None:
        self._source = source
        is_sealed = begins_sealed(source) or ends_sealed(source)  # then its arrays are padded
        self._cursor = _TallyCursor(source, alignment=1 if is_sealed else None)
        seen = SeenArrays()
        self._read = read_record_or_piece if split else read_record
        self._runs_from = records_and_pieces if split else lambda cursor: runs_from(cursor, seen)
        self._left = _HEADERS_PER_BYTE * source.size + _FEWEST_HEADERS
        self._block, self._base = b"", 0

    def runs(self, at: int) -> Iterator[Run | Record]:
        """The records from `at` on, up to a fault. Raises FormatError."""
        self._cursor.seek(at)
        for found in self._runs_from(self._cursor):
            self._cursor.headers = 0
            yield found

    def next(self, at: int) -> int:
        """Where the record after a damaged one begins, or the end of the file."""
        end = self._frame_end(at)
        if end is not None and (end == self._source.size or self._frame_end(end) is not None):
            return end
        return self._source.size if self.is_over() else next(self._starts(at + 1), self._source.size)

    def is_over(self) -> bool:
        """Whether so much has been read in vain that nothing more is looked for."""
        return self._left < 0

    def _failed(self) -> None:
        self._left -= self._cursor.headers
        self._cursor.headers = 0

    def _frame_end(self, at: int) -> int | None:
        """Where a record would end by the length of its leaf blob; None where there is no such frame."""
        cursor = self._cursor
        self._failed()
        cursor.seek(at)
        try:
            if cursor.header() != ("array", 2):
                return None
            read_keypath(cursor)
            kind, length = cursor.header()
        except FormatError:
            return None
        return cursor.tell() + length if kind == "bin" else None

    def _starts(self, at: int) -> Iterator[int]:
        """The places from `at` on where an intact record begins that is not a coincidence in the payload around it."""
        while at < self._source.size:
            if not self._block or at >= self._base + _SEARCHED:
                n = min(_SEARCHED + _LONGEST_START, self._source.size - at)
                self._block, self._base = self._source.read_at(at, n), at
            for found in _START.finditer(self._block, at - self._base):
                if found.start() >= _SEARCHED:
                    break
                if self._is_record(self._base + found.start()):
                    yield self._base + found.start()
                if self.is_over():
                    return
            at = self._base + _SEARCHED

    def _is_record(self, at: int) -> bool:
        """A small value may look like a record by chance; an array with its tag and sizes does not, nor do two in a
        row.
        """
        cursor = self._cursor
        self._failed()
        cursor.seek(at)
        try:
            record = self._read(cursor)
            if record.dtype is None and record.end != self._source.size:
                self._read(cursor)
        except FormatError:
            return False
        cursor.headers = 0
        return True


class _TallyCursor(Cursor):
    """A cursor that goes where it is sent, and counts what it reads."""

    def __init__(self, source: Source, alignment: int | None) -> None:
        super().__init__(source, alignment=alignment)
        self.headers = 0  # that have been read or looked at, and text, as headers
        self._counted = -1  # the offset of the last

    def seek(self, at: int) -> None:
        """Go on at offset `at`, out of all that encloses the cursor. What has been read ahead is kept."""
        self.end, self._depth = self.source.size, 0
        self._pos = at - self._base
        self.ahead = NEAR // 2  # records are read one by one until some have been good

    def kind(self) -> str:
        self._count()
        return super().kind()

    def header(self) -> tuple[str, Any]:
        self._count()
        return super().header()

    def _count(self) -> None:
        """Count the header here, once for its kind and its length."""
        if self._counted != self.tell():
            self._counted = self.tell()
            self.headers += 1

    def take(self, n: int) -> bytes:
        self.headers += n // _TEXT_PER_HEADER
        return super().take(n)
