"""Which process writes which part of an array: from its shape and its sharding alone, the same in all processes."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from .boxes import Box, count, run_around, shape_of, stretch, widened
from .exchange_plans import Exchange, exchange_of

# Bytes of the least share of a process, and of the least run that it writes of its own accord: what a shared disk takes
# in one request. Not measured on one.
LEAST: Final = 1 << 20
_UNEVEN: Final = 16  # a share is cut between rows that are at most this part of it


class Spread(NamedTuple):
    """How an array lies on devices: the box, and the process, of each of them in the order of its sharding."""

    shape: tuple[int, ...]
    width: int  # bytes of an element
    boxes: tuple[Box, ...]
    processes: tuple[int, ...]


class Shares(NamedTuple):
    """Who writes what of an array: boxes that a process holds, and pieces that it is given."""

    held: tuple[tuple[int, Box], ...]
    exchange: Exchange | None

    def all(self, spread: Spread) -> Iterator[tuple[int, Box]]:
        """Each process and box."""
        yield from self.held
        for device, boxes in self.exchange.given.items() if self.exchange else ():
            for box in boxes:
                yield spread.processes[device], box


class _Region(NamedTuple):
    """A part of an array of which a process writes contiguous ranges: its boxes, and the devices that hold each."""

    box: Box
    nbytes: int
    parts: dict[Box, list[int]]
    devices: dict[int, list[int]]  # by their process
    holders: frozenset[int]  # processes that hold all of it

    def takers(self, least: int) -> int:
        """How many write it: processes that hold it, or devices that are given it; each at least so many bytes."""
        n = len(self.holders) or sum(map(len, self.devices.values()))
        return max(1, min(n, self.nbytes // least))

    def has_a_choice(self, least: int) -> bool:
        """Whether others could write it."""
        return self.takers(least) < (len(self.holders) or sum(map(len, self.devices.values())))


class _Known(NamedTuple):
    """What is found once for all leaves that lie alike. `takers` are those of all regions, where there is no choice."""

    spread: Spread
    regions: tuple[_Region, ...]
    takers: tuple[tuple[int, ...], ...] | None
    shared: dict[tuple[tuple[int, ...], ...], tuple[Shares, dict[int, int]]]  # and bytes by process, by the takers


class Balance:
    """The bytes that each process writes, as one leaf after the other is shared out.

    With `part` a process writes no run of fewer bytes, as far as that can be: what a bucket takes in one request.
    """

    def __init__(self, processes: int, part: int | None = None) -> None:
        self.loads = [0] * processes
        self._last = self._run = 0  # who writes what comes last, and the bytes of that
        self._part = part
        self._least = LEAST if part is None else part
        self._all_known: dict[int, _Known] = {}  # by `id`: spreads take long to be compared

    def whole(self, nbytes: int, process: int) -> int:
        """Give a leaf to a process."""
        self._give(process, nbytes)
        return process

    def _give(self, process: int, nbytes: int) -> None:
        self.loads[process] += nbytes
        self._run = nbytes + (self._run if process == self._last else 0)
        self._last = process

    def share(self, spread: Spread) -> Shares:
        """Share an array out. Parts that several processes hold are written by one of them, the work spread."""
        loads = list(self.loads)
        known = self._known(spread)
        takers = known.takers or tuple(self._choose(region, spread.processes) for region in known.regions)
        if takers not in known.shared:
            known.shared[takers] = _shared(spread, known.regions, takers)
        shares, nbytes = known.shared[takers]
        self.loads = loads
        for process, n in nbytes.items():
            loads[process] += n
        if known.takers:
            region = known.regions[-1]
            self._last = takers[-1][-1] if region.holders else spread.processes[takers[-1][-1]]
            self._run = region.nbytes // len(takers[-1])
        return shares

    def _known(self, spread: Spread) -> _Known:
        if id(spread) not in self._all_known:
            regions = _regions(spread, self._least, self._part is not None)
            is_open = any(region.has_a_choice(self._least) for region in regions)
            takers = None if is_open else tuple(self._choose(region, spread.processes) for region in regions)
            self._all_known[id(spread)] = _Known(spread, regions, takers, {})
        return self._all_known[id(spread)]

    def _choose(self, region: _Region, processes: tuple[int, ...]) -> tuple[int, ...]:
        """Who writes a region: processes that hold it, or devices of as many as can be, and of each as many."""
        wanted = region.takers(self._least)
        chosen = tuple(sorted(self._lightest(region.holders or region.devices, wanted)))
        if not region.holders:
            each = max(1, wanted // len(chosen))
            chosen = tuple(device for process in chosen for device in region.devices[process][:each])
        for taker in chosen:
            self._give(taker if region.holders else processes[taker], region.nbytes // len(chosen))
        return chosen

    def _lightest(self, processes: Collection[int], n: int) -> list[int]:
        """The `n` processes that have the least to write. One is that of the leaf before, while it is not far ahead."""
        if n >= len(processes):
            return list(processes)
        found = sorted(processes, key=lambda process: (self.loads[process], process))
        is_near = self._run < self._least or self.loads[self._last] - self.loads[found[0]] <= self._least
        if n == 1 and is_near and self._last in processes:
            return [self._last]
        return found[:n]


def _shared(
    spread: Spread, regions: tuple[_Region, ...], takers: tuple[tuple[int, ...], ...]
) -> tuple[Shares, dict[int, int]]:
    """Each region cut among those that take it, and the bytes that each process writes."""
    held: list[tuple[int, Box]] = []
    given: dict[int, list[Box]] = {}
    nbytes: dict[int, int] = {}
    for region, chosen in zip(regions, takers, strict=True):
        for taker, box, n in _cut(region.box, chosen):
            process = taker if region.holders else spread.processes[taker]
            nbytes[process] = nbytes.get(process, 0) + n * spread.width
            if region.holders:
                held.append((process, box))
            else:
                given.setdefault(taker, []).append(box)
    if not given:
        return Shares(tuple(held), None), nbytes
    groups = tuple(group for region in regions for group in zip(*region.parts.values(), strict=True))
    boxes = {device: tuple(each) for device, each in given.items()}
    return Shares(tuple(held), exchange_of(groups, boxes, shape_of(spread.boxes[0]), spread.width)), nbytes


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


def _regions(spread: Spread, least: int, is_run: bool) -> tuple[_Region, ...]:
    """An array in the smallest parts that are runs of `least` bytes of the file, or one run.

    With `is_run` each is one run, of so many bytes where the array has them.
    """
    shape, width, boxes, processes = spread
    if not math.prod(shape):
        return ()
    # A collective cuts what a device has at indices of 32 bits.
    wide = boxes[0]
    if count(wide) < 1 << 31:
        wide = run_around(wide, shape, -(-least // width)) if is_run else widened(wide, shape, least // width)
    extents = shape_of(wide)
    found: dict[Box, dict[Box, list[int]]] = {}
    for device, box in enumerate(boxes):
        region = tuple((at // n * n, at // n * n + n) for (at, _), n in zip(box, extents, strict=True))
        found.setdefault(region, {}).setdefault(box, []).append(device)
    regions = []
    for region, parts in sorted(found.items()):
        holders = [frozenset(processes[device] for device in devices) for devices in parts.values()]
        by_process: dict[int, list[int]] = {}
        for device in sorted(device for devices in parts.values() for device in devices):
            by_process.setdefault(processes[device], []).append(device)
        nbytes = count(region) * width
        regions.append(_Region(region, nbytes, parts, by_process, frozenset.intersection(*holders)))
    return tuple(regions)
