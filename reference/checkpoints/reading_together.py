"""Many leaves read at once, whatever their size: each large one by all threads, the others by a thread each."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, Final

from ..format.leaves import read_value
from ..format.records import Record, value_of
from ..format.wire import Source
from ..storage.huge_pages import rooms
from ..storage.threads import LARGE, all_done

_READ_TOGETHER: Final = 1 << 16  # leaves up to this size are read together
_READ_AT_ONCE: Final = 1 << 19


def read_together(source: Source, records: Sequence[Record]) -> list[Any]:
    """The values of records, in their order. Raises FormatError, OSError.

    Memory that is fresh takes longer to be touched for the first time than to be filled, so that a leaf of some MB, too
    small to be shared by threads, is read by one while another reads the next.
    """
    found: list[Any] = [None] * len(records)
    memory = rooms([record.nbytes if record.kind == "ndarray" else 0 for record in records])

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


def is_large(record: Record) -> bool:
    return record.end - record.leaf_offset > _READ_TOGETHER


def block_of(records: list[Record], first: int, bridges: bool) -> tuple[int, int]:
    """The run of small neighbouring leaves that starts with record `first`: the record after it, and its end.

    With `bridges` what stands between two of them is read, too. Of a sealed stream it would be compared.
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
