"""Many leaves read at once, whatever their size: each large one by all threads, the others by a thread each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..format.leaves import read_value
from ..format.records import Record, value_of
from ..format.wire import Source
from ..storage.huge_pages import rooms
from ..storage.threads import LARGE, all_done


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
