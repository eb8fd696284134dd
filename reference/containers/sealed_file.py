"""A file with a seal, opened: what is read from it is compared with its index and checksums (spec 2.0, SUM-3, INDEX-7).

It stands where any other opened file does, so that nothing that reads has to know of seals.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

from ..format.checksums import BLOCK, checksum, combined
from ..format.records import Record
from ..format.seals import Seal
from ..format.wire import BytesSource, Source
from ..storage.place import OpenedFile
from ..storage.reading_ahead import expect, far_away
from ..storage.threads import CORES, LARGE, all_done
from .sealed_records import SealedRecords

_READ: Final = 1 << 19  # bytes read at a time, and summed while they are in the processor's cache
_MOST_SEGMENTS: Final = 64  # of a block that is read in pieces; with more of them it is read as a whole, once

Segment = tuple[int, int, "int | None"]  # from an offset up to another, and the checksum between, where it is known
_COMPARED: Final[list[Segment]] = []  # stands for a block that was read as a whole


class SealedFile:
    """An opened file with its seal, whose bytes are checked as they are read.

    A record's header is compared with the index before any byte of the record is handed over, and each block (SUM-2)
    with its checksum as soon as all of it has been read, in whatever order and by whatever thread. Without `check` the
    checksums are left out.
    """

    def __init__(self, file: Source, seal: Seal, detached: bool = False, check: bool = True) -> None:
        self.name, self.size = getattr(file, "name", "bytes"), file.size
        self.seal, self.check = seal, check
        self._file = file
        self._records = SealedRecords(file, seal, detached)
        self._frames: dict[int, list[Segment]] = {}  # of records that were read in part: all but the payload
        self._open: dict[int, list[Segment]] = {}  # blocks, by their offset, of which a part has been read
        self._lock = threading.Lock()
        self._far = far_away(file)
        self.read_ranges = self._read_ranges if self._far is not None else None  # see `storage.place.ManyRanges`

    @property
    def requests(self) -> int:
        """How many requests have been made for the file, 0 where it is not far away."""
        return getattr(self._file, "requests", 0)

    def records(self) -> list[Record]:
        """The leaves, in the order of the file. What is not an array in one piece is read, and checked, here."""
        return self._records.all(self.check)

    def read_at(self, offset: int, n: int) -> bytes:
        data = self._file.read_at(offset, n)
        self._compare(offset, memoryview(data))
        return data

    def read_into(self, offset: int, view: memoryview) -> None:
        n = len(view)
        if self._far is not None:
            self._read_ranges([(offset, view)])
            return
        if n < LARGE or CORES < 2:
            self._read_part(offset, view)
            return
        step = -(-n // CORES // BLOCK) * BLOCK
        starts = range(0, n, step)
        tasks = [functools.partial(self._read_part, offset + at, view[at : at + step]) for at in starts]
        all_done(tasks, n)

    def _read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        """Fill many views in as few requests as they need; the headers of their records come with them."""
        assert self._far is not None
        heads: dict[int, bytearray] = {}
        for offset, view in ranges:
            heads |= {i: bytearray(n) for i, n in self._heads(offset, len(view)) if i not in self._frames}
        starts = self._records.starts
        blocks = self._crowded(ranges)
        direct = [each for each in ranges if self._block_of(each[0]) not in blocks]
        first = [(starts[i], memoryview(head)) for i, head in heads.items()]
        self._far.read_ranges([*first, *((at, memoryview(data)) for at, data in blocks.items()), *direct])
        for i, head in heads.items():
            self._read_frame(i, memoryview(head))
        read = [*direct, *((at, memoryview(data)) for at, data in blocks.items())]
        all_done([functools.partial(self._sum, *each) for each in read], sum(len(view) for _, view in read))
        for offset, view in ranges if blocks else ():
            if (block := self._block_of(offset)) in blocks:
                view[:] = memoryview(blocks[block])[offset - block : offset - block + len(view)]

    def _crowded(self, ranges: Sequence[tuple[int, memoryview]]) -> dict[int, bytearray]:
        """Blocks of which so many parts are read that they would be read again, to be compared: these are read whole.

        By the offset of each, as memory for it. A part that reaches into another block is not counted.
        """
        if not self.check or len(ranges) < _MOST_SEGMENTS:
            return {}
        counts = Counter(self._block_of(offset) for offset, _ in ranges)
        crowded = {at for at, count in counts.items() if count >= _MOST_SEGMENTS}
        crowded -= {
            self._block_of(at) for at, view in ranges if self._block_of(at) != self._block_of(at + len(view) - 1)
        }
        ends = {at: min(at + BLOCK, self._records.starts[self._number(at) + 1]) for at in crowded}
        return {at: bytearray(end - at) for at, end in ends.items()}

    def _number(self, offset: int) -> int:
        return bisect.bisect_right(self._records.starts, offset) - 1

    def _block_of(self, offset: int) -> int:
        """The offset of the block in which a byte stands."""
        start = self._records.starts[self._number(offset)]
        return start + (offset - start) // BLOCK * BLOCK

    def _heads(self, offset: int, n: int) -> Iterator[tuple[int, int]]:
        """The records in a stretch of the file, and how many bytes stand before the payload of each."""
        for i in dict.fromkeys(i for i, _, _ in self._blocks(offset, n)):
            if (size := self._records.head_size(i)) is not None:
                yield i, size

    def _sum(self, offset: int, view: memoryview) -> None:
        for i, start, stop in self._blocks(offset, len(view)):
            self._add(i, start, stop, checksum(view[start - offset : stop - offset]) if self.check else 0)

    def expect(self, extents: Iterable[tuple[int, int]]) -> None:
        """See `reading_ahead.expect`: the headers of records are read with what stands in them."""
        expect(self._file, self._with_heads(extents))

    def _with_heads(self, extents: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        seen: set[int] = set()
        for offset, n in extents:
            for i, size in self._heads(offset, n):
                if i not in seen and i not in self._frames:
                    seen.add(i)
                    yield self._records.starts[i], size
            yield offset, n

    def _read_part(self, offset: int, view: memoryview) -> None:
        for i, start, stop in self._blocks(offset, len(view)):
            crc = 0
            for at in range(start, stop, _READ):
                piece = view[at - offset : min(at + _READ, stop) - offset]
                self._file.read_into(at, piece)
                if self.check:
                    crc = checksum(piece, crc)
            self._add(i, start, stop, crc)

    def _compare(self, offset: int, data: memoryview) -> None:
        starts = self._records.starts
        if (whole := self._records.compare_run(offset, data, self.check)) == len(data):
            return
        offset, data = offset + whole, data[whole:]
        for i, start, stop in self._blocks(offset, len(data)):
            part = data[start - offset : stop - offset]
            if start == starts[i] and stop == starts[i + 1]:  # all of a record: its header is in memory
                if self.check:
                    self._records.compare(i, 0, checksum(part))
                self._records.check(i, part)
            else:
                self._add(i, start, stop, checksum(part) if self.check else 0)

    def _blocks(self, offset: int, n: int) -> Iterator[tuple[int, int, int]]:
        """The parts of a stretch of the file that stand in one block each, as the record, the start and the end of
        each; what is behind the records is not in any.
        """
        end = min(offset + n, self.seal.records_end)
        starts = self._records.starts
        i = self._number(offset)
        while offset < end:
            while starts[i + 1] <= offset:
                i += 1
            block_end = starts[i] + ((offset - starts[i]) // BLOCK + 1) * BLOCK
            stop = min(end, starts[i + 1], block_end)
            yield i, offset, stop
            offset = stop

    def _add(self, i: int, start: int, stop: int, crc: int) -> None:
        """Take note of bytes within one block of a record; compare the block, if all of it has been read now."""
        starts = self._records.starts
        if i not in self._frames:
            self._read_frame(i)
        if not self.check:
            return
        number = (start - starts[i]) // BLOCK
        block = starts[i] + number * BLOCK
        block_end = min(block + BLOCK, starts[i + 1])
        found: int | None = crc
        if (start, stop) != (block, block_end):
            with self._lock:
                segments = self._open.pop(block, None)
                if segments is None:
                    segments = [part for part in self._frames[i] if block <= part[0] < block_end]
                elif segments is _COMPARED:
                    self._open[block] = _COMPARED
                    return
                segments = _joined(segments, (start, stop, crc))
                is_whole = segments[0][:2] == (block, block_end)
                if not is_whole and len(segments) < _MOST_SEGMENTS:
                    self._open[block] = segments
                    return
                found = segments[0][2] if is_whole else None
                if found is None:
                    self._open[block] = _COMPARED
        self._records.compare(i, number, self._records.sum(block, block_end) if found is None else found)

    def _read_frame(self, i: int, data: memoryview | None = None) -> None:
        """Compare the header of a record with the index, and sum up what is not payload in it.

        `data` are its first bytes, up to the payload, where they have been read.
        """
        start, stop = self._records.starts[i], self._records.starts[i + 1]
        frame = []
        at = start
        payloads, head = self._records.check(i, data)
        for payload, n in (*payloads, (stop, 0)):
            for begin in itertools.chain((at,), range(start + (at - start) // BLOCK * BLOCK + BLOCK, payload, BLOCK)):
                end = min(payload, start + (begin - start) // BLOCK * BLOCK + BLOCK)
                if begin < end and self.check:
                    known = head[begin - start : end - start] if end - start <= len(head) else None
                    piece = known if known is not None else self._file.read_at(begin, end - begin)
                    frame.append((begin, end, checksum(piece)))
            at = payload + n
        self._frames[i] = frame

    def refuse_changes(self) -> None:
        self._opened().refuse_changes()

    def map(self) -> BytesSource:
        """The file as read-only memory. Every header is compared with the index now, and no checksum."""
        for i in range(len(self._records.sums)):
            self._records.check(i)
        return self._opened().map()

    def close(self) -> None:
        self._opened().close()

    def _opened(self) -> OpenedFile:
        """The file, which is a source in memory in tests alone."""
        return cast(OpenedFile, self._file)


def _joined(segments: list[Segment], new: Segment) -> list[Segment]:
    """The segments with one more, those that meet made one; of those that overlap the checksum is not known."""
    found: list[Segment] = []
    others = (old for old in segments if old[:2] != new[:2])  # of what is read again the new checksum counts
    for start, stop, crc in sorted([*others, new], key=lambda segment: segment[:2]):
        if found and found[-1][1] >= start:
            first, middle, before = found.pop()
            meet = middle == start
            crc = combined(before, crc, stop - start) if meet and before is not None and crc is not None else None
            start, stop = first, max(middle, stop)
        found.append((start, stop, crc))
    return found
