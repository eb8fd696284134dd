"""What will be read of a file, fetched while what stands before it is used."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .place import ManyRanges
from .range_requests import pieces_of
from .threads import Pool, Work


def far_away(source: Any) -> ManyRanges | None:
    """A source whose ranges are better read many at once; None for every other."""
    return source if getattr(source, "read_ranges", None) is not None else None


def expect(source: Any, extents: Iterable[tuple[int, int]]) -> None:
    """Tell a source in which order its extents, (offset, bytes), will be read: one that is far away fetches ahead.

    They are read front to back, each once, and in parts as small as anybody likes. What is read out of that order is
    read all the same, and so is what was not announced.
    """
    if (far := far_away(source)) is not None:
        far.expect(extents)


class _Piece:
    def __init__(self, memory: np.ndarray, work: Work[None], useful: int) -> None:
        self.memory, self.work = memory, work
        self.left = useful  # bytes that nobody has read
        self.users = 0


class Ahead:
    """Pieces of a file in the order in which they will be read, at most so many in memory, or on their way to it."""

    def __init__(
        self, extents: Iterable[tuple[int, int]], fetch: Callable[[int, memoryview], None], pool: Pool, most: int
    ) -> None:
        self._pieces = pieces_of(extents)
        order = sorted(range(len(self._pieces)), key=self._pieces.__getitem__)
        self._sorted = [(self._pieces[i].start, i) for i in order]
        self._fetch, self._pool, self._most = fetch, pool, most
        self._held: dict[int, _Piece] = {}
        self._free: list[np.ndarray] = []
        self._next = 0  # the first that has not been asked for
        self._lock = threading.Lock()

    def read(self, offset: int, view: memoryview) -> int:
        """Fill the beginning of a view with what is at hand or will be next; gives how many bytes. Raises OSError."""
        done = 0
        while done < len(view):
            number = self._number(offset + done)
            piece = None if number is None else self._use(number)
            if number is None or piece is None:
                break
            part = 0
            try:
                piece.work.result()
                start, end, _ = self._pieces[number]
                part = min(len(view) - done, end - offset - done)
                view[done : done + part] = piece.memory.data[offset + done - start : offset + done - start + part]
                done += part
            finally:
                self._leave(number, piece, part)
        return done

    def _number(self, offset: int) -> int | None:
        at = bisect.bisect_right(self._sorted, (offset, len(self._pieces))) - 1
        if at < 0:
            return None
        number = self._sorted[at][1]
        return number if offset < self._pieces[number].end else None

    def _use(self, number: int) -> _Piece | None:
        with self._lock:
            if number not in self._held:
                if number < self._next:  # it was read, or passed by
                    return None
                self._next = number
            while self._next < min(number + self._most, len(self._pieces)):
                if len(self._held) >= self._most:
                    # Other threads may still read from what stands shortly before; it makes room for what is read now.
                    late = number if self._next == number else number - self._most // 2
                    passed = [i for i, piece in self._held.items() if i < late and not piece.users]
                    if not passed:
                        break
                    del self._held[min(passed)]
                self._start(self._next)
                self._next += 1
            piece = self._held.get(number)
            if piece is not None:
                piece.users += 1
            return piece

    def _start(self, number: int) -> None:
        start, end, useful = self._pieces[number]
        n = end - start
        memory = next((each for each in self._free if len(each) == n), None)
        if memory is None:
            memory = np.empty(n, np.uint8)
        else:
            self._free = [each for each in self._free if each is not memory]
        self._held[number] = _Piece(memory, self._pool.submit(self._fetch, start, memory.data), useful)

    def _leave(self, number: int, piece: _Piece, n: int) -> None:
        with self._lock:
            piece.users -= 1
            piece.left -= n
            if piece.left <= 0 and not piece.users and self._held.get(number) is piece:
                del self._held[number]
                if len(self._free) < 2:
                    self._free.append(piece.memory)
