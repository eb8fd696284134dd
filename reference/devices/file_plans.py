"""Who writes which bytes of a file: from the sizes of its records and the shardings of its arrays alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..format.payloads import StoredPayload
from ..format.wire import BytesSource
from .boxes import Box, runs
from .shares import Balance, Shares, Spread

WRITER: Final = 0  # the process that writes what all of them hold, where nothing else is said
_NOWHERE: Final = BytesSource(b"")


class LeafPlan(NamedTuple):
    """What stands where of one leaf, and who writes it.

    `heads` are the bytes before each of its payload's extents, as (offset, bytes), and `extents` these; `owner` writes
    the heads, and all of it where it is not an array that spans processes.
    """

    heads: tuple[tuple[int, int], ...]
    extents: tuple[tuple[int, int], ...]
    owner: int
    spread: Spread | None = None
    shares: Shares | None = None

    def places(self, box: Box) -> Iterator[tuple[int, int]]:
        """Where in the file the elements of a box stand, in C order, as (offset, bytes)."""
        assert self.spread is not None
        payload, width = StoredPayload(_NOWHERE, self.extents), self.spread.width
        starts, length = runs(box, self.spread.shape)
        for start in starts.tolist():
            yield from payload.stretches(start * width, length * width)

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """Who writes what: process, offset, bytes."""
        yield from ((self.owner, at, n) for at, n in self.heads)
        if self.shares is None or self.spread is None:
            yield from ((self.owner, at, n) for at, n in self.extents)
            return
        for process, box in self.shares.all(self.spread):
            yield from ((process, at, n) for at, n in self.places(box))


class FilePlan:
    """Who writes which bytes of a file, the same in all processes.

    `sizes` are those of the leaves, in the order of the file: for each, bytes of a header and of payload behind it.
    `spreads` say how arrays lie on devices; None is a leaf that every process has, which WRITER writes. What stands
    behind the leaves, as a seal does, is of WRITER too. `least` is that of `Balance`.
    """

    def __init__(
        self,
        sizes: Sequence[Sequence[tuple[int, int]]],
        spreads: Sequence[Spread | None],
        processes: int,
        least: int | None = None,
    ) -> None:
        balance, at = Balance(processes, least), 0
        self.leaves: list[LeafPlan] = []
        for parts, spread in zip(sizes, spreads, strict=True):
            heads, extents = [], []
            for head, n in parts:
                heads.append((at, head))
                extents.append((at + head, n))
                at += head + n
            where = tuple(heads), tuple(extents)
            shares = None if spread is None else balance.share(spread)
            first = next(shares.all(spread), None) if shares is not None and spread is not None else None
            if first is None:
                owner = balance.whole(sum(map(sum, parts)), WRITER)
                self.leaves.append(LeafPlan(*where, owner))
            else:
                self.leaves.append(LeafPlan(*where, first[0], spread, shares))
        self.end = at
        self.loads = balance.loads

    def ranges(self) -> list[list[tuple[int, int]]]:
        """Of each process the ranges that it writes, as (offset, bytes), those that touch made one."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.loads]
        for process, at, n in itertools.chain.from_iterable(leaf.ranges() for leaf in self.leaves):
            if n:
                found[process].append((at, n))
        return [list(_joined(sorted(each))) for each in found]


def _joined(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = 0
    for at, n in ranges:
        if at != end:
            if end > start:
                yield start, end - start
            start = at
        end = at + n
    if end > start:
        yield start, end - start
