"""Parts of an array that stands in a file: only the byte runs that are needed are read."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from ..format.arrays import size_of
from ..format.casts import FLOATS, convert, count_losses
from ..format.leaves import Leaf, stored
from ..format.payloads import PIECE, StoredPayload, bytes_of, settle
from ..format.wire import BytesSource, Source
from ..storage.threads import all_done
from .boxes import Box, common, count, hull, pieces, runs, shape_of, within

_LONG: Final = 1 << 16  # bytes; runs of this size are read to where they belong, without a buffer between
_SHORT: Final = 256  # bytes; runs below it are read together with what lies between them
_ALIGNMENT: Final = 64  # bytes; jax takes host memory that is aligned so over without a copy


def aligned_empty(shapes: Sequence[Sequence[int]], dtype: np.dtype) -> list[np.ndarray]:
    """New arrays side by side, each of which a CPU device of jax can take over as it is.

    In one piece of memory, since the kernel gives huge pages, which cost a tenth of the time, to large pieces alone;
    it is freed when the last of them is gone.
    """
    sizes = [size_of(tuple(shape), dtype) for shape in shapes]
    memory = np.empty(sum(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes) + _ALIGNMENT, np.uint8)
    start, arrays = -memory.ctypes.data % _ALIGNMENT, []
    for shape, size in zip(shapes, sizes, strict=True):
        arrays.append(memory[start : start + size].view(dtype).reshape(shape))
        start += -(-size // _ALIGNMENT) * _ALIGNMENT
    return arrays


OnLoss = Callable[[int, int], None]  # told what a cast has cost, as `casts.count_losses` gives it


def read_boxes(
    source: Source, at: int, leaf: Leaf, boxes: Sequence[Box], dtype: np.dtype, on_loss: OnLoss | None = None
) -> list[np.ndarray]:
    """The given boxes of the array leaf that starts at offset `at`, each a new C-ordered array of `dtype`.

    `on_loss` is told of the values of each box that a cast has made infinite or zero, from several threads.

    Bytes that no box needs are not read, but for gaps between runs of a few elements; what several boxes
    need is read once where together they fill the box around them. Raises what `conversion.convert` raises.
    """
    assert leaf.dtype is not None
    payload = stored(source, at, leaf)
    arrays = aligned_empty([shape_of(box) for box in boxes], dtype)
    direct: list[tuple[int, memoryview]] = []
    scattered: list[tuple[Box, np.ndarray]] = []
    for box, array in zip(boxes, arrays, strict=True):
        if not array.size:
            continue
        starts, length = runs(box, leaf.shape)
        if dtype != leaf.dtype or length * dtype.itemsize < min(_LONG, array.nbytes):
            scattered.append((box, array))
        else:
            direct += _ranges(starts * dtype.itemsize, length * dtype.itemsize, bytes_of(array))
    if payload.is_far:
        payload.read_ranges(direct)
        work: list[Callable[[], None]] = []
    else:
        work = [functools.partial(payload.read_into, *each) for each in direct]
    if scattered:
        around = hull([box for box, _ in scattered])
        filled = count(around) == sum(count(box) for box, _ in scattered)
        for region in [around] if filled else [box for box, _ in scattered]:
            work += _copies(payload, leaf, _with_whole_axes(region, leaf), scattered, on_loss)
    all_done(work, sum(array.nbytes for array in arrays))
    return [settle(array) for array in arrays]


def _with_whole_axes(region: Box, leaf: Leaf) -> Box:
    """The region with its last axes made whole while its runs are short: one read then serves for many."""
    assert leaf.dtype is not None
    while runs(region, leaf.shape)[1] * leaf.dtype.itemsize < _SHORT:
        partial = [i for i, n in enumerate(leaf.shape) if region[i] != (0, n)]
        if not partial or partial[-1] == 0:
            break
        axis = partial[-1]
        region = (*region[:axis], (0, leaf.shape[axis]), *region[axis + 1 :])
    return region


def _copies(
    payload: StoredPayload,
    leaf: Leaf,
    region: Box,
    targets: Sequence[tuple[Box, np.ndarray]],
    on_loss: OnLoss | None,
) -> Iterator[Callable[[], None]]:
    """Calls that read a region a bounded piece at a time, and copy from it what each target has in common with it."""
    assert leaf.dtype is not None
    width, old, new = leaf.dtype.itemsize, leaf.dtype, targets[0][1].dtype
    most = max(1, PIECE // width)
    size = min(most, count(region))
    free: deque[np.ndarray] = deque()  # buffers, as many as there are threads

    def copy(piece: Box) -> None:
        try:
            memory = free.pop()
        except IndexError:
            memory = np.empty(size, old)
        values = memory[: count(piece)]
        starts, length = runs(piece, leaf.shape)
        payload.read_ranges(_ranges(starts * width, length * width, bytes_of(values)))
        converted = convert(values, new)
        block = _copyable(converted).reshape(shape_of(piece))
        loses = on_loss is not None and old in FLOATS and old != new and any(count_losses(values, converted))
        for box, array in targets:
            if (both := common(piece, box)) is not None:
                _copyable(array)[within(both, box)] = block[within(both, piece)]
                if loses and on_loss is not None:  # more may have been read than the box needs
                    sides = (side.reshape(shape_of(piece))[within(both, piece)] for side in (values, converted))
                    on_loss(*count_losses(*(np.ascontiguousarray(side).reshape(-1) for side in sides)))
        free.append(memory)

    return (functools.partial(copy, piece) for piece in pieces(region, most))


def _copyable(array: np.ndarray) -> np.ndarray:
    """The same memory in a dtype of numpy's own, which it copies without the interpreter's lock."""
    return array.view(f"u{array.itemsize}") if array.dtype.kind == "V" else array


def _ranges(starts: np.ndarray, n: int, view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Runs of `n` bytes of a payload, and the parts of a view into which they are read one after the other."""
    return ((start, view[i * n : (i + 1) * n]) for i, start in enumerate(starts.tolist()))


def extents_read(leaf: Leaf, at: int, boxes: Sequence[Box]) -> Iterator[tuple[int, int]]:
    """Where in the file that stands which `read_boxes` reads for these boxes, as (offset, bytes), front to back."""
    assert leaf.dtype is not None
    found = set()
    for box in boxes:
        if 0 in shape_of(box):
            continue
        starts, length = runs(_with_whole_axes(box, leaf), leaf.shape)
        found |= {(start, length * leaf.dtype.itemsize) for start in (starts * leaf.dtype.itemsize).tolist()}
    payload = stored(BytesSource(b""), at, leaf)
    for offset, n in sorted(found):
        yield from payload.stretches(offset, n)
