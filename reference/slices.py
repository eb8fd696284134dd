"""Parts of an array that stands in a file: only the byte runs that are needed are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .arrays import size_of
from .boxes import Box, common, count, hull, pieces, runs, shape_of, within
from .conversion import convert
from .leaves import Leaf
from .payloads import PIECE, bytes_of, settle
from .wire import Source

_LONG: Final = 1 << 16  # bytes; runs of this size are read to where they belong, without a buffer between
_SHORT: Final = 256  # bytes; runs below it are read together with what lies between them
_ALIGNED: Final = 64  # bytes; jax takes host memory that is aligned so over without a copy


def aligned_empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """A new array whose memory a CPU device of jax can take over as it is."""
    nbytes = size_of(tuple(shape), dtype)
    memory = np.empty(nbytes + _ALIGNED, np.uint8)
    start = -memory.ctypes.data % _ALIGNED
    return memory[start : start + nbytes].view(dtype).reshape(shape)


def read_boxes(source: Source, at: int, leaf: Leaf, boxes: Sequence[Box], dtype: np.dtype) -> list[np.ndarray]:
    """The given boxes of the array leaf that starts at offset `at`, each a new C-ordered array of `dtype`.

    Bytes that no box needs are not read, but for gaps between runs of a few elements; what several boxes
    need is read once where together they fill the box around them. Raises what `conversion.convert` raises.
    """
    assert leaf.dtype is not None
    payload = _Payload(source, at, leaf.extents)
    arrays = [aligned_empty(shape_of(box), dtype) for box in boxes]
    scattered: list[int] = []
    for i, (box, array) in enumerate(zip(boxes, arrays, strict=True)):
        if array.size == leaf.nbytes // leaf.dtype.itemsize and dtype == leaf.dtype:
            payload.read_into(0, bytes_of(array))
        elif array.size:
            starts, length = runs(box, leaf.shape)
            if dtype == leaf.dtype and length * dtype.itemsize >= min(_LONG, array.nbytes):
                _read_runs(payload, starts * dtype.itemsize, length * dtype.itemsize, bytes_of(array))
            else:
                scattered.append(i)
    if scattered:
        targets = [(boxes[i], arrays[i]) for i in scattered]
        around = hull([box for box, _ in targets])
        filled = count(around) == sum(count(box) for box, _ in targets)
        for region in [around] if filled else [box for box, _ in targets]:
            _read_region(payload, leaf, _widened(region, leaf), targets)
    return [settle(array) for array in arrays]


def _widened(region: Box, leaf: Leaf) -> Box:
    """The region with its last axes made whole while its runs are short: one read then serves for many."""
    assert leaf.dtype is not None
    while runs(region, leaf.shape)[1] * leaf.dtype.itemsize < _SHORT:
        partial = [i for i, n in enumerate(leaf.shape) if region[i] != (0, n)]
        if not partial or partial[-1] == 0:
            break
        axis = partial[-1]
        region = (*region[:axis], (0, leaf.shape[axis]), *region[axis + 1 :])
    return region


def _read_region(payload: _Payload, leaf: Leaf, region: Box, targets: Sequence[tuple[Box, np.ndarray]]) -> None:
    """Read a region a bounded piece at a time, and copy from it what each target has in common with it."""
    assert leaf.dtype is not None
    width = leaf.dtype.itemsize
    most = max(1, PIECE // width)
    memory = np.empty(min(most, count(region)), leaf.dtype)
    for piece in pieces(region, most):
        values = memory[: count(piece)]
        starts, length = runs(piece, leaf.shape)
        _read_runs(payload, starts * width, length * width, bytes_of(values))
        block = convert(values, targets[0][1].dtype).reshape(shape_of(piece))
        for box, array in targets:
            if (shared := common(piece, box)) is not None:
                array[within(shared, box)] = block[within(shared, piece)]


def _read_runs(payload: _Payload, starts: np.ndarray, n: int, view: memoryview) -> None:
    """Read runs of `n` bytes one after the other into a view."""
    for i, start in enumerate(starts.tolist()):
        payload.read_into(start, view[i * n : (i + 1) * n])


class _Payload:
    """The payload of one leaf as if it stood in one piece; a chunked array has several extents."""

    def __init__(self, source: Source, at: int, extents: Sequence[tuple[int, int]]) -> None:
        self._source = source
        self._extents = [(at + offset, n) for offset, n in extents]

    def read_into(self, offset: int, view: memoryview) -> None:
        for at, n in self._extents:
            if not view:
                return
            if offset < n:
                part = view[: n - offset]
                self._source.read_into(at + offset, part)
                view = view[len(part) :]
            offset = max(0, offset - n)
