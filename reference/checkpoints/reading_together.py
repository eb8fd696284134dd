"""Many leaves read at once, whatever their size: each large one by all threads, the others by a thread each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..format.leaves import stored
from ..format.payloads import bytes_of, settle
from ..format.records import Record, value_of
from ..format.wire import Source
from ..storage.place import ManyRanges
from ..storage.reading_ahead import far_away
from ..storage.threads import LARGE, all_done


def read_together(source: Source, records: Sequence[Record]) -> list[Any]:
    """The values of records, in their order. Raises FormatError, OSError.

    Memory that is fresh takes longer to be touched for the first time than to be filled, so that a leaf of some MB, too
    small to be shared by threads, is read by one while another reads the next.
    """
    if (far := far_away(source)) is not None:
        return _read_ranges(far, source, records)
    found: list[Any] = [None] * len(records)

    def read(i: int) -> None:
        found[i] = value_of(source, records[i])

    small = []
    for i, record in enumerate(records):
        if record.nbytes >= LARGE:
            read(i)
        else:
            small.append(i)
    all_done([functools.partial(read, i) for i in small], sum(records[i].nbytes for i in small))
    return found


def _read_ranges(far: ManyRanges, source: Source, records: Sequence[Record]) -> list[Any]:
    """All arrays by as few requests as they need, put where they belong."""
    ranges: list[tuple[int, memoryview]] = []
    arrays: list[np.ndarray | None] = []
    for record in records:
        array = np.empty(record.shape, record.dtype) if record.dtype is not None else None
        arrays.append(array)
        if array is not None:
            ranges += stored(source, record.leaf_offset, record.leaf).ranges(0, bytes_of(array))
    far.read_ranges(ranges)
    return [
        value_of(source, record) if array is None else settle(array)[() if record.kind == "scalar" else ...]
        for record, array in zip(records, arrays, strict=True)
    ]
