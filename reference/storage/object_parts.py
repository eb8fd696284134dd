"""An object in parts that several processes send, from the ranges of bytes that each of them writes."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

LEAST: Final = 5 << 20  # bytes of any part but the last: what S3 and GCS take
MOST: Final = 10_000  # parts of an object

Ranges = Sequence[Iterable[tuple[int, int]]]  # of each process, as (offset, bytes)


class Part(NamedTuple):
    """A part of an object, and who sends it; `others` write some of its bytes, and give them to that process."""

    start: int
    end: int
    owner: int
    others: frozenset[int]


def parts_of(ranges: Ranges, size: int, about: int, writer: int = 0) -> list[Part]:
    """The parts of an object of `size` bytes: the ranges, in pieces of `about` bytes or somewhat more.

    A range that is too short for a part goes to its neighbour. What follows the ranges is of `writer`, in a part of its
    own where those before it are long enough: it is known when all of them have been sent.
    """
    found = sorted((at, n, process) for process, each in enumerate(ranges) for at, n in each if n)
    end = found[-1][0] + found[-1][1] if found else 0
    least = LEAST
    while True:
        joined = list(_joined(found, least))
        if size > end:
            if joined and joined[-1][1] - joined[-1][0] < least:
                end = joined.pop()[0]
            joined.append((end, size, writer))
        if sum(_count(each, about) for each in joined) <= MOST or least > size:
            break
        least *= 2
    cut = [each for whole in joined for each in _cut(whole, about)]
    starts = [start for start, _, _ in cut]
    others: list[set[int]] = [set() for _ in cut]
    for at, n, process in found:
        for i in range(bisect.bisect_right(starts, at) - 1, bisect.bisect_left(starts, at + n)):
            if cut[i][2] != process:
                others[i].add(process)
    return [Part(*each, frozenset(their)) for each, their in zip(cut, others, strict=True)]


def _joined(found: list[tuple[int, int, int]], least: int) -> Iterator[tuple[int, int, int]]:
    """Where ranges begin and end, and the process that has the most of each, none shorter than `least` if it can be."""
    start, end, owner, most = 0, 0, -1, 0
    for at, n, process in found:
        if process != owner and end - start >= (least if n >= least else 2 * least):
            yield start, end, owner
            start, owner, most = at, process, 0
        if n > most:
            owner, most = process, n
        end = at + n
    if end > start:
        yield start, end, owner


def _count(whole: tuple[int, int, int], about: int) -> int:
    return max(1, (whole[1] - whole[0]) // about)


def _cut(whole: tuple[int, int, int], about: int) -> Iterator[tuple[int, int, int]]:
    start, end, owner = whole
    n = _count(whole, about)
    cuts = [start + (end - start) * i // n for i in range(n + 1)]
    for i in range(n):
        yield cuts[i], cuts[i + 1], owner
