"""One file written by all processes that its arrays span, each its own bytes."""

from __future__ import annotations

import bisect
import functools
import itertools
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import jax

from ..devices.boxes import Box
from ..devices.file_plans import WRITER, FilePlan
from ..devices.meetings import Meetings
from ..devices.shared_arrays import SharedArrays
from ..format.casts import CastPayload, Tally
from ..format.checksums import RecordSums, of_ranges
from ..format.payloads import Step
from ..format.records import Item
from ..format.sealing import Sealer
from ..format.wire import Source
from ..storage.copying import through_memory
from ..storage.interrupts import answer, held_back
from ..storage.progress import Show
from ..storage.shared_output import PlacedBytes, SharedOutput

_RANGE: Final = struct.Struct(">QQI")  # where a range of the file begins, its bytes, and those of its checksums
_SUMS: Final = "sums"
_STEP: Final = 1 << 23  # bytes summed up while a thread writes those before them, as in `format.sealing`


class FileOfAll:
    """A file that all processes write; all of them make the same calls.

    `name` is what errors call it. `items` are its leaves, those of `arrays` without a payload, and `steps` are their
    stream, the seal behind it where there is a `sealer`.
    """

    def __init__(
        self,
        name: str,
        output: SharedOutput,
        items: Sequence[Item],
        steps: Sequence[Step],
        sealer: Sealer | None,
        arrays: SharedArrays,
        meetings: Meetings,
    ) -> None:
        self._name, self._items, self._steps, self._sealer = name, items, steps, sealer
        self._arrays, self._meetings = arrays, meetings
        sizes = [[(len(head), n) for head, n in step.parts] for step in steps[: len(items)]]
        size = sum(step.size() for step in steps)
        spreads = [arrays.spread(i) for i in range(len(items))]
        self._plan = FilePlan(sizes, spreads, jax.process_count(), output.part(size))
        self._is_writer = jax.process_index() == WRITER
        self._file = output
        output.divide(self._plan.ranges, size, jax.process_index())
        arrays.begin(self._plan, meetings)

    def begin(self) -> None:
        """Make the file in one process, and find it in the others. Raises OSError, the same in all."""
        what = f"the save of {self._name}"
        error, name = None, ""
        try:
            if self._is_writer:
                name = self._file.begin()
        except OSError as failed:
            error = failed
        try:
            self._find(what, name, error)
        except BaseException:
            self._file.close()
            raise

    def _find(self, what: str, name: str, error: OSError | None) -> None:
        name = self._meetings.meet(what, error, name)[WRITER]
        seen, host = "", socket.gethostname()
        if not self._is_writer:
            try:
                self._file.join(name)
            except OSError as failed:
                seen = failed.strerror or type(failed).__name__
        found = self._meetings.meet(what, word=[seen, host])
        apart = [(i, text, where) for i, (text, where) in enumerate(found) if text]
        if apart:
            raise OSError(_not_shared(apart, found[WRITER][1], self._name))

    def keep(self) -> None:
        """Copy what this process writes, so that it can be written while the arrays are donated or deleted."""
        try:
            with held_back():
                self._arrays.keep()
        except BaseException:
            self._file.close()
            raise

    def write(self, show: Show, tally: Tally, afterwards: Callable[[], None] | None) -> None:
        """Write this process's bytes, and leave when the file is in its place. Raises OSError, FormatError."""
        with held_back(), closing(self._file), self._meetings:
            try:
                with self._arrays.joint.work():
                    self._write_own(show, tally)
                    answer()
                self._finish(tally, afterwards)
                self._file.settle()
            finally:
                self._arrays.release()

    # --- this process's bytes -------------------------------------------------------------------------

    def _write_own(self, show: Show, tally: Tally) -> None:
        me = jax.process_index()
        starts = None
        if self._sealer is not None:
            starts = [at for leaf in self._plan.leaves for at, _ in leaf.heads]
        with show("save", self._plan.loads[me]) as moved, self._file.sink(moved) as sink:
            written = _Written(sink, starts)
            moves = self._arrays.moves()
            move = next(moves, None)
            for number, leaf in enumerate(self._plan.leaves):
                if leaf.owner == me:
                    self._write_heads(written, number)
                while move is not None and move.number == number:
                    answer()
                    self._write_box(written, number, move.box, move.payload, tally)
                    move = next(moves, None)
        self._meetings.give(_SUMS, written.packed())
        self._file.give(self._meetings.give)

    def _write_heads(self, written: _Written, number: int) -> None:
        """What stands before the payload of a leaf, and the payload itself where it is not one that processes share."""
        leaf, item = self._plan.leaves[number], self._items[number]
        is_own = leaf.shares is None and item.payload is not None and any(n for _, n in leaf.extents)
        payload = item.payload() if is_own and item.payload is not None else None
        for (head, n), (at, _) in zip(self._steps[number].parts, leaf.heads, strict=True):
            written.at(at)
            written.write(head)
            if payload is not None and n:
                payload.move(n, written)

    def _write_box(self, written: _Written, number: int, box: Box, payload: Callable[[], Any], tally: Tally) -> None:
        path, leaf, _ = self._items[number]
        old, new = self._arrays.dtype(number), leaf.dtype
        assert new is not None
        opened = payload() if old == new else CastPayload(payload(), old, new, functools.partial(tally.add, path))
        for at, n in self._plan.leaves[number].places(box):
            written.at(at)
            opened.move(n, written)

    # --- the end --------------------------------------------------------------------------------------

    def _finish(self, tally: Tally, afterwards: Callable[[], None] | None) -> None:
        with self._meetings.together(f"the last bytes of {self._name}"):
            self._file.fill(self._meetings.give, self._meetings.take)
        self._arrays.tell(tally.add)
        told = self._meetings.meet("what casts have cost", word=tally.told())
        if self._is_writer:
            for i, each in enumerate(told):
                if i != WRITER:
                    for path, infinite, zero in each:
                        tally.add(tuple(path), infinite, zero)
        with self._meetings.together(f"the end of the save of {self._name}"):
            if self._is_writer:
                if self._sealer is not None:
                    self._write_seal(self._sealer)
                self._file.take_place(self._meetings.take)
                if afterwards is not None:
                    afterwards()

    def _write_seal(self, sealer: Sealer) -> None:
        ranges = sorted(each for i in range(jax.process_count()) for each in _unpacked(self._meetings.take(i, _SUMS)))
        records = [
            (at, size + n)
            for leaf in self._plan.leaves
            for (at, size), (_, n) in zip(leaf.heads, leaf.extents, strict=True)
        ]
        with self._file.sink(lambda n: None) as sink:
            sink.at(self._plan.end)
            sink.write(sealer.seal_of(_summed(records, ranges)))


class _Written:
    """A sink at offsets of the file, and the checksums of what goes through it where records have any.

    `starts` are those of the records.
    """

    def __init__(self, sink: PlacedBytes, starts: list[int] | None) -> None:
        self._sink, self._starts = sink, starts
        self._record = -1
        self._begin = self._end = 0
        self._sums = RecordSums()
        self._ranges = bytearray()

    def at(self, offset: int) -> None:
        self._sink.at(offset)
        if self._starts is not None:
            record = bisect.bisect_right(self._starts, offset) - 1
            if record != self._record or offset != self._end:
                self._close()
                self._record, self._begin = record, offset
                self._sums = RecordSums(offset - self._starts[record])
        self._end = offset

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        for at in range(0, len(view), _STEP):
            part = view[at : at + _STEP]
            self._sink.write(part)
            if self._starts is not None:
                self._sums.update(part)
        self._end += len(view)

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        through_memory(self, source, offset, n)

    def _close(self) -> None:
        if self._end > self._begin:
            sums = self._sums.sums()
            self._ranges += _RANGE.pack(self._begin, self._end - self._begin, len(sums)) + sums

    def packed(self) -> bytes:
        """Of each range its place and checksums."""
        if self._starts is not None:
            self._close()
        return bytes(self._ranges)


def _unpacked(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        start, n, size = _RANGE.unpack_from(data, at)
        at += _RANGE.size
        yield start, n, data[at : at + size]
        at += size


def _summed(
    records: Sequence[tuple[int, int]], ranges: Sequence[tuple[int, int, bytes]]
) -> Iterator[tuple[int, bytes]]:
    """The size of each record, and its checksums, from those of all ranges in their order."""
    i = 0
    for at, size in records:
        first = i
        while i < len(ranges) and ranges[i][0] < at + size:
            i += 1
        yield size, of_ranges(size, ((start - at, n, sums) for start, n, sums in itertools.islice(ranges, first, i)))


def _not_shared(apart: list[tuple[int, str, str]], host: str, name: str) -> str:
    told = ", ".join(f"process {i} on {where} ({text})" for i, text, where in apart[:4])
    more = f" and {len(apart) - 4} more" if len(apart) > 4 else ""
    hosts = ", ".join(sorted({host, *(where for _, _, where in apart)}))
    return (
        f"{name}: the file that process 0 on {host} has begun there is not seen by {told}{more}; save to a folder that "
        f"all processes share (hosts: {hosts}), or have process 0 alone write it: writers='first'"
    )
