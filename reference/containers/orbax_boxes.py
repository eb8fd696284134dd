"""Runs of the elements of an array, which bytes are, as boxes, which chunked arrays are read and written by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

Box = tuple[tuple[int, int], ...]  # (start, stop) of each axis

_CHUNK: Final = 1 << 25  # bytes of a chunk that is written; at most so much is gathered before it goes on


def boxes_of_run(first: int, stop: int, shape: Sequence[int]) -> Iterator[Box]:
    """The elements from `first` up to `stop` in C order as boxes, in that order: the fewest that hold no other."""
    if not shape:
        yield ()
        return
    row = math.prod(shape[1:])
    while first < stop:
        i, at = divmod(first, row)
        if at == 0 and stop - first >= row:
            n = (stop - first) // row
            yield ((i, i + n), *((0, size) for size in shape[1:]))
            first += n * row
        else:
            end = min(stop, (i + 1) * row)
            for box in boxes_of_run(at, end - i * row, shape[1:]):
                yield ((i, i + 1), *box)
            first = end


def box_of_runs(starts: np.ndarray, lengths: np.ndarray, shape: tuple[int, ...]) -> tuple[Box, np.ndarray] | None:
    """The box that runs of elements fill, and where in it each begins; None where they do not fill one.

    `starts` and `lengths`, int64[n], are in C order of an array of `shape`.
    """
    ends = starts + lengths
    if not len(starts) or not shape or (starts[1:] < ends[:-1]).any():
        return None
    first, last = (np.stack(np.unravel_index(at, shape)) for at in (starts, ends - 1))
    # Behind the first axis in which a run goes on, it holds whole rows.
    goes_on = np.cumsum(first != last, axis=0) - (first != last) > 0
    low = np.where(goes_on, 0, first).min(axis=1)
    high = np.where(goes_on, np.array(shape)[:, None] - 1, last).max(axis=1) + 1
    sides = tuple(int(n) for n in high - low)
    if math.prod(sides) != int(lengths.sum()):
        return None
    box = tuple((int(a), int(b)) for a, b in zip(low, high, strict=True))
    return box, np.asarray(np.ravel_multi_index(tuple(first - low[:, None]), sides))


def is_of_chunks(box: Box, chunk: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a box is made of whole chunks, so that none is decoded for another."""
    return all(
        start % side == 0 and (stop % side == 0 or stop == n)
        for (start, stop), side, n in zip(box, chunk, shape, strict=True)
    )


def chunk_of(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The shape of the chunks of an array that is written: a run of its elements in C order, of some MB at most."""
    chunk = list(shape)
    for axis, n in enumerate(shape):
        rest = math.prod(shape[axis + 1 :]) * itemsize
        if n * rest <= _CHUNK:
            break
        rows = max(1, _CHUNK // rest)
        chunk[axis] = -(-n // -(-n // rows))  # as even as they can be
        if rest <= _CHUNK:
            break
    return tuple(max(1, n) for n in chunk)


def chunks(shape: tuple[int, ...], chunk: tuple[int, ...]) -> Iterator[Box]:
    """The boxes of chunks that are runs of elements, in C order; of an array without elements none."""
    grid = [range(0, n, c) for n, c in zip(shape, chunk, strict=True)]
    for starts in np.ndindex(*map(len, grid)):
        yield tuple((side[i], min(side[i] + c, n)) for i, side, c, n in zip(starts, grid, chunk, shape, strict=True))
