"""What is left of a damaged checkpoint: every record that is whole, and the stretches between them that are lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..format.errors import FormatError
from ..format.flax_msgpack import read_flax
from ..format.keypaths import read_keypath
from ..format.records import Record, read_record, read_records
from ..format.streams import find_clashes
from ..format.wire import Cursor, Source
from .flax_file import FLAX
from .registry import begins_as
from .stream import STREAM

# An array of two whose first element is an array: where a record may begin (REC-1, KEY-1).
_START: Final = re.compile(rb"(?:\x92|\xdc\0\x02|\xdd\0\0\0\x02)[\x91-\x9f\xdc\xdd]")
_LONGEST_START: Final = 6
_BLOCK: Final = 1 << 22  # bytes searched at a time


class Loss(NamedTuple):
    """A stretch of the file, from `offset` up to `end`, that holds no whole record, and the refusal of what it is."""

    offset: int
    end: int
    error: FormatError


def read_what_is_whole(source: Source) -> tuple[str, list[Record], list[Loss]]:
    """The kind of a file, its whole records and what is lost, in the order of the file. Raises nothing of its own.

    A file that does not begin as a flax file is taken for a stream, for its first bytes may be what is damaged.
    """
    if begins_as(source, FLAX):
        return FLAX, *_flax(source)
    return STREAM, *_stream(source)


def _flax(source: Source) -> tuple[list[Record], list[Loss]]:
    """A flax file has no frame around a leaf: behind its first fault nothing is known."""
    records: list[Record] = []
    try:
        read_flax(source, records)
    except FormatError as error:
        return records, [Loss(records[-1].end if records else 0, source.size, error)]
    return records, []


def _stream(source: Source) -> tuple[list[Record], list[Loss]]:
    records: list[Record] = []
    losses: list[Loss] = []
    at = 0
    while at < source.size:
        try:
            read_records(source, records, at)
            break
        except FormatError as error:
            begins = max(at, records[-1].end if records else 0)
            at = _next(source, begins)
            losses.append(Loss(begins, at, error))
    clashes = find_clashes(records)
    whole = [record for record in records if record.offset not in clashes]
    losses += [Loss(record.offset, record.end, error) for record in records if (error := clashes.get(record.offset))]
    return whole, sorted(losses, key=lambda loss: loss.offset)


def _next(source: Source, at: int) -> int:
    """Where the record after a damaged one begins, or the end of the file."""
    end = _frame_end(source, at)
    if end is not None and (end == source.size or _frame_end(source, end) is not None):
        return end
    return next(_starts(source, at + 1), source.size)


def _frame_end(source: Source, at: int) -> int | None:
    """Where a record would end by the length of its leaf blob; None where there is no such frame."""
    cursor = Cursor(source)
    cursor.skip(at)
    try:
        if cursor.header() != ("array", 2):
            return None
        read_keypath(cursor)
        kind, length = cursor.header()
    except FormatError:
        return None
    return cursor.tell() + length if kind == "bin" else None


def _starts(source: Source, at: int) -> Iterator[int]:
    """The places from `at` on where a whole record stands that is no chance of the payload around it."""
    while at < source.size:
        block = source.read_at(at, min(_BLOCK + _LONGEST_START, source.size - at))
        for found in _START.finditer(block):
            if found.start() < _BLOCK and _is_record(source, at + found.start()):
                yield at + found.start()
        at += _BLOCK


def _is_record(source: Source, at: int) -> bool:
    """A small value may look like a record by chance; an array with its tag and sizes does not, nor do two in a row."""
    cursor = Cursor(source)
    cursor.skip(at)
    try:
        record = read_record(cursor)
        if record.dtype is None and record.end != source.size:
            read_record(cursor)
    except FormatError:
        return False
    return True
