"""The dialect of split leaves: an encoded leaf cut into pieces, each a record whose path has one more part, `chunk_N`.

A fork of EasyLM writes leaves over 2 GiB so (see the dialects of the specification). Nothing is copied to join them:
where a payload stands is a list of stretches, here as it is for a chunked array.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..format.errors import FormatError
from ..format.keypaths import KeyPath, display, read_keypath
from ..format.leaves import Leaf, read_leaf
from ..format.records import Record, read_record, with_path
from ..format.streams import check_records, read_stream
from ..format.wire import Cursor, Source
from ..storage.joined_ranges import JoinedRanges
from .container import Contents

SPLIT_LEAVES: Final = "split-leaves"
_PIECE: Final = "piece"
_LAST_PART: Final = re.compile(r"chunk_(0|[1-9][0-9]{0,8})")


def read_split_leaves(source: Source) -> Contents:
    """The records of a stream, the pieces of each leaf joined; a stream without pieces is read as it is.

    Raises FormatError.
    """
    if source.size == 0:
        return Contents(read_stream(source))
    joined = join_pieces(source, records_and_pieces(Cursor(source)))
    if joined.faults:
        raise min((fault.error for fault in joined.faults), key=lambda error: error.offset or 0)
    check_records(joined.records)
    return Contents(joined.records)


def records_and_pieces(cursor: Cursor) -> Iterator[Record]:
    """The records of a stream from a cursor on, pieces among them. Raises FormatError."""
    while cursor.tell() < cursor.end:
        yield read_record_or_piece(cursor)


def read_record_or_piece(cursor: Cursor) -> Record:
    """One record; of a piece the leaf is not read, for it is not a leaf by itself. Raises FormatError."""
    offset = cursor.tell()
    piece = _read_piece(cursor)
    if piece is not None:
        return piece
    cursor.skip(offset - cursor.tell())
    return read_record(cursor)


def _read_piece(cursor: Cursor) -> Record | None:
    offset = cursor.tell()
    if cursor.header() != ("array", 2):
        return None
    path = read_keypath(cursor)
    if len(path) < 2 or not _LAST_PART.fullmatch(path[-1]):
        return None
    kind, length = cursor.header()
    if kind != "bin":
        return None
    at = cursor.tell()
    cursor.skip(length)
    return Record(path, Leaf(_PIECE, nbytes=length, extents=((0, length),)), offset, at, cursor.tell())


class Fault(NamedTuple):
    """Pieces that make no leaf, and why."""

    pieces: list[Record]
    error: FormatError


class Joined(NamedTuple):
    """The records of a stream, each leaf in the place of its first piece, and the pieces that make none."""

    records: list[Record]
    faults: list[Fault]


def join_pieces(source: Source, records: Iterable[Record]) -> Joined:
    """Join the pieces among records. Raises nothing of its own."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    order: list[Record | tuple[str, ...]] = []
    for record in records:
        if record.kind != _PIECE:
            order.append(record)
            continue
        path = record.path[:-1]
        if path not in groups:
            order.append(path)
        groups.setdefault(path, []).append(record)
    found, faults = [], []
    for entry in order:
        if isinstance(entry, Record):
            found.append(entry)
            continue
        try:
            found.append(_leaf_of(source, entry, groups[entry]))
        except FormatError as error:
            faults.append(Fault(groups[entry], with_path(KeyPath(entry), error)))
    return Joined(found, faults)


def _leaf_of(source: Source, path: tuple[str, ...], pieces: Sequence[Record]) -> Record:
    """The record of a leaf, whose extents are counted from its first piece. Raises FormatError."""
    in_order = sorted(pieces, key=_number)
    for i, piece in enumerate(in_order):
        if _number(piece) != i:
            where = f"the piece after chunk_{i - 1}" if i else "the first piece"
            twice = bool(i) and _number(piece) == i - 1
            detail = f"{piece.path[-1]} occurs twice" if twice else f"{where} is missing, and {piece.path[-1]} is there"
            raise FormatError("REC-2", piece.offset, None, detail)
    ranges = JoinedRanges([(source, piece.leaf_offset, piece.nbytes) for piece in in_order])
    cursor = Cursor(ranges)
    try:
        region = cursor.enter(ranges.size)
        leaf = read_leaf(cursor)
        cursor.leave(region)
    except FormatError as error:
        error.offset = None if error.offset is None else ranges.locate(error.offset)[1]
        error.advice = f"{len(in_order)} pieces of it are there, the last of them {display(in_order[-1].path[-1:])}"
        raise
    base = in_order[0].leaf_offset
    extents = tuple((at - base, part) for start, n in leaf.extents for _, at, part in ranges.parts(start, n))
    first, end = min(piece.offset for piece in pieces), max(piece.end for piece in pieces)
    return Record(path, leaf._replace(extents=extents), first, base, end)


def _number(piece: Record) -> int:
    return int(piece.path[-1].removeprefix("chunk_"))
