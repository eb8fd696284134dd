"""Which process writes which part of an array: from its shape and its sharding alone, the same in all processes."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from .boxes import Box, count, pieces, shape_of, stretch, whole, widened

# Bytes of the least share of a process, and of the least run that it writes of its own accord: what a shared disk takes
# in one request. Not measured on one.
LEAST: Final = 1 << 20
# Bytes of a piece, of which a device is given one at a time. Two processes with two devices each, on a processor, held
# 36 MB above 268 MB of arrays that are exchanged, and 180 MB with pieces of 16 MiB, which were no faster there. Over a
# network it has not been measured.
PIECE: Final = 1 << 22
_ROOM: Final = 4 * PIECE  # bytes that a device sends at a time: more than a piece where its parts are of unequal size
_UNEVEN: Final = 16  # a share is cut between rows that are at most this part of it


class Spread(NamedTuple):
    """How an array lies on devices: the box, and the process, of each of them in the order of its sharding."""

    shape: tuple[int, ...]
    width: int  # bytes of an element
    boxes: tuple[Box, ...]
    processes: tuple[int, ...]


class Exchange(NamedTuple):
    """Rounds of one collective, in each of which devices are given pieces of an array by others.

    A group has a device for each box of a region of the array, so that together they hold it once; these give one
    another at most `part` elements at a time. `rounds` say which device is given which piece.
    """

    groups: tuple[tuple[int, ...], ...]
    part: int
    rounds: tuple[dict[int, Box], ...]


class Shares(NamedTuple):
    """Who writes what of an array: boxes that a process holds, and pieces that it is given."""

    held: tuple[tuple[int, Box], ...]
    exchange: Exchange | None

    def all(self, spread: Spread) -> Iterator[tuple[int, Box]]:
        """Each process and box."""
        yield from self.held
        for given in self.exchange.rounds if self.exchange else ():
            for device, box in given.items():
                yield spread.processes[device], box


class _Region(NamedTuple):
    """A part of an array of which a process writes contiguous ranges: its boxes, and the devices that hold each."""

    box: Box
    parts: dict[Box, list[int]]
    devices: dict[int, list[int]]  # by their process
    holders: frozenset[int]  # processes that hold all of it


class Balance:
    """The bytes that each process writes, as one leaf after the other is shared out."""

    def __init__(self, processes: int) -> None:
        self.loads = [0] * processes
        self._last = 0

    def whole(self, nbytes: int, process: int) -> int:
        """Give a leaf to a process."""
        self.loads[process] += nbytes
        self._last = process
        return process

    def share(self, spread: Spread) -> Shares:
        """Share an array out. Parts that several processes hold are written by one of them, the work spread."""
        regions = _regions(*spread)
        held: list[tuple[int, Box]] = []
        given: dict[int, list[Box]] = {}
        for region in regions:
            nbytes = count(region.box) * spread.width
            if region.holders:
                chosen = sorted(self._lightest(region.holders, max(1, nbytes // LEAST)))
                for process, box, n in _cut(region.box, tuple(chosen)):
                    held.append((process, box))
                    self.loads[process] += n * spread.width
                self._last = chosen[-1]
            else:
                for device, box, n in _cut(region.box, self._receivers(region, nbytes)):
                    given.setdefault(device, []).append(box)
                    self.loads[spread.processes[device]] += n * spread.width
        boxes = tuple((device, tuple(each)) for device, each in given.items())
        return Shares(tuple(held), _exchange(spread, boxes) if given else None)

    def _lightest(self, processes: Iterable[int], n: int) -> list[int]:
        """The `n` processes that have the least to write. One is that of the leaf before, while it is not far ahead."""
        found = sorted(processes, key=lambda process: (self.loads[process], process))
        if n == 1 and self._last in found and self.loads[self._last] - self.loads[found[0]] <= LEAST:
            return [self._last]
        return found[:n]

    def _receivers(self, region: _Region, nbytes: int) -> tuple[int, ...]:
        """The devices that are given a share of a region: of as many processes as can be, and of each as many."""
        wanted = max(1, min(sum(map(len, region.devices.values())), nbytes // LEAST))
        chosen = self._lightest(region.devices, wanted)
        each = max(1, wanted // len(chosen))
        return tuple(device for process in sorted(chosen) for device in region.devices[process][:each])


# The layers of a model are alike: what has been found for one is found again for the others.
@functools.lru_cache(1 << 14)
def _cut(box: Box, takers: tuple[int, ...]) -> tuple[tuple[int, Box, int], ...]:
    """A box cut into one contiguous range for each taker, near equal in elements: taker, box, elements."""
    total, k = count(box), len(takers)
    unit = _unit(box, total // k // _UNEVEN)
    cuts = [round(i * total / k / unit) * unit for i in range(k)] + [total]
    return tuple((takers[i], part, count(part)) for i in range(k) for part in stretch(box, cuts[i], cuts[i + 1]))


def _unit(box: Box, most: int) -> int:
    """The elements of the largest row of a box that has at most so many."""
    unit, shape = 1, shape_of(box)
    for n in reversed(shape):
        if unit * n > most:
            break
        unit *= n
    return unit


@functools.lru_cache(256)
def _regions(
    shape: tuple[int, ...], width: int, boxes: tuple[Box, ...], processes: tuple[int, ...]
) -> tuple[_Region, ...]:
    """An array in the smallest parts that are long runs of the file, or one run."""
    if not math.prod(shape):
        return ()
    # A collective cuts what a device has at indices of 32 bits.
    wide = widened(boxes[0], shape, LEAST // width) if count(boxes[0]) < 1 << 31 else boxes[0]
    axes = [wide[i] != boxes[0][i] for i in range(len(shape))]
    found: dict[Box, dict[Box, list[int]]] = {}
    for device, box in enumerate(boxes):
        region = tuple(all_of if axes[i] else box[i] for i, all_of in enumerate(whole(shape)))
        found.setdefault(region, {}).setdefault(box, []).append(device)
    regions = []
    for region, parts in sorted(found.items()):
        holders = [frozenset(processes[device] for device in devices) for devices in parts.values()]
        by_process: dict[int, list[int]] = {}
        for device in sorted(device for devices in parts.values() for device in devices):
            by_process.setdefault(processes[device], []).append(device)
        regions.append(_Region(region, parts, by_process, frozenset.intersection(*holders)))
    return tuple(regions)


@functools.lru_cache(256)
def _exchange(spread: Spread, given: tuple[tuple[int, tuple[Box, ...]], ...]) -> Exchange:
    regions = _regions(*spread)
    groups = [group for region in regions for group in zip(*region.parts.values(), strict=True)]
    extents = shape_of(spread.boxes[0])
    members = len(groups[0])
    most, part = max(1, PIECE // spread.width), 0
    while True:
        lists = {device: [piece for box in boxes for piece in pieces(box, most)] for device, boxes in given}
        parts = {math.prod(map(min, shape_of(piece), extents)) for each in lists.values() for piece in each}
        part = max(parts)
        if members * part * spread.width <= _ROOM or most == 1:
            break
        most = max(1, most // 2)
    n = max(map(len, lists.values()))
    rounds = ({device: each[i] for device, each in lists.items() if i < len(each)} for i in range(n))
    return Exchange(tuple(groups), part, tuple(rounds))
