"""Many leaves read at once, whatever their size: each large one by all threads, the others by a thread each."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ..format.leaves import filled, read_value, stored, unfilled
from ..format.payloads import bytes_of
from ..format.records import Record, value_of
from ..format.wire import Source
from ..storage.huge_pages import rooms
from ..storage.place import ManyRanges
from ..storage.reading_ahead import far_away
from ..storage.threads import LARGE, all_done

_READ_TOGETHER: Final = 1 << 16  # leaves up to this size are read together
_READ_AT_ONCE: Final = 1 << 19


def read_together(source: Source, records: Sequence[Record]) -> list[Any]:
    """The values of records, in their order. Raises FormatError, OSError.

    Memory that is fresh takes longer to be touched for the first time than to be filled, so that a leaf of some MB, too
    small to be shared by threads, is read by one while another reads the next.
    """
    memory = rooms([record.nbytes if record.kind == "ndarray" else 0 for record in records])
    if (far := far_away(source)) is not None:
        return _read_ranges(far, source, records, memory)
    found: list[Any] = [None] * len(records)

    def read(i: int) -> None:
        found[i] = value_of(source, records[i], read=functools.partial(read_value, memory=memory[i]))

    small = []
    for i, record in enumerate(records):
        if record.nbytes >= LARGE:
            read(i)
        else:
            small.append(i)
    all_done([functools.partial(read, i) for i in small], sum(records[i].nbytes for i in small))
    return found


def _read_ranges(
    far: ManyRanges, source: Source, records: Sequence[Record], memory: Sequence[np.ndarray | None]
) -> list[Any]:
    """All arrays by as few requests as they need, put where they belong."""
    ranges: list[tuple[int, memoryview]] = []
    arrays: list[np.ndarray | None] = []
    for record, room in zip(records, memory, strict=True):
        array = None
        if record.dtype is not None:
            array = unfilled(record.shape, record.dtype, room)
            ranges += stored(source, record.leaf_offset, record.leaf).ranges(0, bytes_of(array))
        arrays.append(array)
    far.read_ranges(ranges)
    return [
        value_of(source, record) if array is None else filled(array, record.kind)
        for record, array in zip(records, arrays, strict=True)
    ]


def is_large(record: Record) -> bool:
    return record.end - record.leaf_offset > _READ_TOGETHER


def block_of(records: list[Record], first: int, bridges: bool) -> tuple[int, int]:
    """The run of small neighbouring leaves that starts with record `first`: the record after it, and its end.

    With `bridges` what lies between two of them is read, too; in a sealed stream it would be compared.
    """
    start, end = records[first].leaf_offset, records[first].end
    i = first
    for i, (_, _, offset, _, stop) in enumerate(itertools.islice(records, first + 1, None), first + 1):
        if offset < end or stop - end > _READ_TOGETHER or stop - start > _READ_AT_ONCE:
            return i, end
        if offset > end and not bridges:
            return i, end
        end = stop
    return i + 1, end
