"""Ranges of sources, one after the other, as one source."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from ..format.errors import FormatError
from ..format.wire import Source
from .reading_ahead import expect, far_away

S = TypeVar("S", bound=Source)


class JoinedRanges(Generic[S]):
    """The bytes of ranges, as (source, offset in it, bytes); offsets count from the first byte of the first."""

    def __init__(self, ranges: Sequence[tuple[S, int, int]]) -> None:
        self._ranges = ranges
        self.starts = [0, *itertools.accumulate(n for _, _, n in ranges)]
        self.size = self.starts.pop()

    def locate(self, offset: int) -> tuple[S, int]:
        """The source in which the byte at an offset stands, and its offset there; for the end, the end of the last."""
        i = bisect.bisect_right(self.starts, min(offset, max(self.size - 1, 0))) - 1
        source, at, _ = self._ranges[i]
        return source, at + offset - self.starts[i]

    def parts(self, offset: int, n: int) -> Iterator[tuple[S, int, int]]:
        """The stretches, as (source, offset in it, bytes), of which `n` bytes are made.

        Raises FormatError (STREAM-2) beyond the end.
        """
        if not 0 <= offset <= self.size - n:
            detail = f"{n} bytes at byte {offset} were asked for, and all parts together have {self.size}"
            raise FormatError("STREAM-2", offset, None, detail, "a part of the checkpoint has been cut off")
        while n:
            i = bisect.bisect_right(self.starts, offset) - 1
            source, at, size = self._ranges[i]
            part = min(n, self.starts[i] + size - offset)
            yield source, at + offset - self.starts[i], part
            offset, n = offset + part, n - part

    @property
    def read_ranges(self) -> Callable[[Sequence[tuple[int, memoryview]]], None] | None:
        """`ManyRanges.read_ranges` where one of the sources has it, else None."""
        return self._read_ranges if any(far_away(source) for source, _, _ in self._ranges) else None

    def _read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        found: dict[int, tuple[S, list[tuple[int, memoryview]]]] = {}
        for offset, view in ranges:
            done = 0
            for source, at, part in self.parts(offset, len(view)):
                found.setdefault(id(source), (source, []))[1].append((at, view[done : done + part]))
                done += part
        for source, parts in found.values():
            if (far := far_away(source)) is not None:
                far.read_ranges(parts)
            else:
                for at, view in parts:
                    source.read_into(at, view)

    def expect(self, extents: Iterable[tuple[int, int]]) -> None:
        """See `reading_ahead.expect`: each source is told of its own."""
        found: dict[int, tuple[S, list[tuple[int, int]]]] = {}
        for offset, n in extents:
            for source, at, part in self.parts(offset, n):
                found.setdefault(id(source), (source, []))[1].append((at, part))
        for source, parts in found.values():
            expect(source, parts)

    def read_at(self, offset: int, n: int) -> bytes:
        return b"".join([source.read_at(at, part) for source, at, part in self.parts(offset, n)])

    def read_into(self, offset: int, view: memoryview) -> None:
        done = 0
        for source, at, part in self.parts(offset, len(view)):
            source.read_into(at, view[done : done + part])
            done += part
