"""Boxes: rectangular parts of an array, and the pieces and byte runs that they are made of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

Box = tuple[tuple[int, int], ...]  # (start, stop) of each axis


def whole(shape: Sequence[int]) -> Box:
    return tuple((0, n) for n in shape)


def box_of(index: tuple[slice, ...], shape: Sequence[int]) -> Box:
    """The box of an index of slices without steps, as jax gives for the shards of an array."""
    return tuple(part.indices(n)[:2] for part, n in zip(index, shape, strict=True))


def shape_of(box: Box) -> tuple[int, ...]:
    return tuple(stop - start for start, stop in box)


def count(box: Box) -> int:
    """How many elements a box has."""
    return math.prod(shape_of(box))


def common(a: Box, b: Box) -> Box | None:
    """What two boxes share, None for nothing."""
    shared = tuple((max(i, k), min(j, m)) for (i, j), (k, m) in zip(a, b, strict=True))
    return shared if all(start < stop for start, stop in shared) else None


def hull(boxes: Sequence[Box]) -> Box:
    """The smallest box around some boxes."""
    return tuple((min(a for a, _ in axis), max(b for _, b in axis)) for axis in zip(*boxes, strict=True))


def within(inner: Box, outer: Box) -> tuple[slice, ...]:
    """The index of a box in an array that holds the box around it."""
    return tuple(slice(i - k, j - k) for (i, j), (k, _) in zip(inner, outer, strict=True))


def pieces(box: Box, most: int) -> Iterator[Box]:
    """Split a box into boxes of at most `most` elements (or one), each a run of its elements in C order."""
    if count(box) <= most:
        yield box
        return
    shape = shape_of(box)
    axis, row = 0, count(box) // shape[0]
    while row > most:
        axis += 1
        row //= shape[axis]
    rows = most // row
    start, stop = box[axis]
    for lead in itertools.product(*(range(*part) for part in box[:axis])):
        for at in range(start, stop, rows):
            yield (*((i, i + 1) for i in lead), (at, min(at + rows, stop)), *box[axis + 1 :])


def stretch(box: Box, start: int, stop: int) -> Iterator[Box]:
    """The elements `start` to `stop` of a box, counted in C order, as boxes each of which is a run of its elements."""
    shape = shape_of(box)
    row, axis = count(box), 0
    while start < stop:
        while start % row or start + row > stop:  # the largest row that begins here and does not end behind `stop`
            row //= shape[axis]
            axis += 1
        if axis == 0:
            yield box
            return
        upper = row * shape[axis - 1]
        rows = min((stop - start) // row, (upper - start % upper) // row)
        lead, left = [], start // row
        for n in reversed(shape[:axis]):
            left, at = divmod(left, n)
            lead.append(at)
        first = [box[i][0] + at for i, at in enumerate(reversed(lead))]
        yield (*((at, at + 1) for at in first[:-1]), (first[-1], first[-1] + rows), *box[axis:])
        start += rows * row
        row, axis = count(box), 0


def _run_at(box: Box, shape: Sequence[int]) -> tuple[int, int]:
    """The axis from which on the elements of a box are one run of an array of `shape`, and how many these are."""
    length, axis = 1, len(shape)
    while axis:
        axis -= 1
        start, stop = box[axis]
        length *= stop - start
        if (start, stop) != (0, shape[axis]):
            break
    return axis, length


def run_of(box: Box, shape: Sequence[int]) -> tuple[int, int]:
    """How many runs a box is in an array of `shape` laid out in C order, and the elements of each."""
    _, length = _run_at(box, shape)
    return count(box) // max(length, 1), length


def widened(box: Box, shape: Sequence[int], least: int) -> Box:
    """The box, its last axes made whole while its runs have fewer than `least` elements, and are more than one."""
    while (found := run_of(box, shape))[0] > 1 and found[1] < least:
        axis = max(i for i, n in enumerate(shape) if box[i] != (0, n))
        box = (*box[:axis], (0, shape[axis]), *box[axis + 1 :])
    return box


def run_around(box: Box, shape: Sequence[int], least: int) -> Box:
    """The smallest box around this one that is one run of at least `least` elements, or all of the array.

    The array is made of boxes of the extents of this one, and of boxes of the extents of the one that is returned too.
    """
    extents = list(shape_of(box))
    first = next((i for i, n in enumerate(extents) if n > 1), len(shape))
    extents[first + 1 :] = shape[first + 1 :]
    for axis in range(min(first, len(shape) - 1), -1, -1):
        wanted, n = -(-least // max(1, math.prod(extents))), shape[axis] // max(1, extents[axis])
        extents[axis] *= next((k for k in range(wanted, n) if n % k == 0), n)
    return tuple((start // n * n, start // n * n + n) for (start, _), n in zip(box, extents, strict=True))


def runs(box: Box, shape: Sequence[int]) -> tuple[np.ndarray, int]:
    """Where the elements of a box stand in an array of `shape` laid out in C order.

    Returns the starts of the runs, ascending, counted in elements, and the length that all runs share.
    """
    axis, length = _run_at(box, shape)
    starts = np.zeros(1, np.int64)
    for i, (start, stop) in enumerate(box):
        stride = math.prod(shape[i + 1 :])
        last = stop if i < axis else start + 1  # from `axis` on a run holds the whole extent
        starts = (starts[:, None] + np.arange(start, last, dtype=np.int64) * stride).reshape(-1)
    return starts, length
