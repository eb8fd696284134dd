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


def runs(box: Box, shape: Sequence[int]) -> tuple[np.ndarray, int]:
    """Where the elements of a box stand in an array of `shape` laid out in C order.

    Returns the starts of the runs, ascending, counted in elements, and the length that all runs share.
    """
    length, axis = 1, len(shape)
    while axis:
        axis -= 1
        start, stop = box[axis]
        length *= stop - start
        if (start, stop) != (0, shape[axis]):
            break
    starts = np.zeros(1, np.int64)
    for i, (start, stop) in enumerate(box):
        stride = math.prod(shape[i + 1 :])
        last = stop if i < axis else start + 1  # from `axis` on a run holds the whole extent
        starts = (starts[:, None] + np.arange(start, last, dtype=np.int64) * stride).reshape(-1)
    return starts, length
