"""Index moves carried out on stored bytes: the payload of a layout, out of core.

What stands in a source as it is to be written is copied from there. Of all else a band is read at a time, in runs as
long as it holds, and put in order a piece at a time.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from ..format.payloads import PIECE, StoredPayload, bytes_of
from ..format.recycling import empty
from ..format.wire import Sink
from ..storage.threads import CORES, all_done
from .layouts import Dim, Layout, merged

# Bytes of sources held at a time: a transposed bfloat16[4096,14336] is read whole, and [8192,28672] in runs of 14 KiB.
# With half as much 1.2 GB of a LLaMA took 3.2 s of processor time to be brought into EasyLM's layout, in place of 1.7.
BAND: Final = 1 << 27
_COPIED: Final = 1 << 16  # bytes; a run of a source that is as long as this is copied to the output as it stands
_BRIDGED: Final = 4  # what stands between elements is read too where a run gets at most so many times as long
# To put uint16[8192,4096] in the order of its transpose went at 0.2 GB/s on one core as numpy does it by itself, at 0.6
# with rows of the band a line of the processor's cache longer than a power of two, and at 3.9 with so many elements of
# a row of the output at a time as well (64, 128, 256, 512, 1024 were tried: 4.3, 3.0, 3.4, 4.0, 2.4).
_ROW: Final = 512
_LINE: Final = 64  # bytes of a line of the cache
_PADDED: Final = 1 << 10  # bytes of a row of the band from which on it is padded
_LONG: Final = 1 << 11  # bytes of a row that are enough: what follows in the source gets rows of its own, padded too
_ROW_COST: Final = 1 << 8  # bytes that a row counts at least: each is a call, and has an entry in a list

Part = tuple["memoryview | StoredPayload", int]  # and how many bytes it has


class MovedPayload:
    """The payload of the elements of a layout, `itemsize` bytes each; `opened` gives that of an array by its number."""

    def __init__(self, layout: Layout, itemsize: int, opened: Callable[[int], StoredPayload]) -> None:
        # Nothing that is made here holds this object: so the last band goes with it, and waits for no collector.
        self._parts = _parts(_Sources(layout.origins, itemsize, functools.lru_cache(None)(opened)), layout.dims)
        self._rest: memoryview | StoredPayload = memoryview(b"")
        self._left = 0

    def move(self, n: int, sink: Sink) -> None:
        while n:
            if not self._left:
                self._rest = memoryview(b"")  # let go of the last piece before the next is made
                self._rest, self._left = next(self._parts)
            part = min(n, self._left)
            if isinstance(self._rest, memoryview):
                sink.write(self._rest[:part])
                self._rest = self._rest[part:]
            else:
                self._rest.move(part, sink)
            self._left -= part
            n -= part


class _Sources(NamedTuple):
    """The arrays of a layout, in which elements stand by origin and number."""

    origins: Sequence[tuple[int, int]]
    itemsize: int
    opened: Callable[[int], StoredPayload]

    def place(self, origin: int, element: int) -> tuple[StoredPayload, int]:
        """The payload in which an element stands, and the offset of it there."""
        number, first = self.origins[origin]
        return self.opened(number), (first + element) * self.itemsize


def _parts(sources: _Sources, dims: tuple[Dim, ...]) -> Iterator[Part]:
    itemsize = sources.itemsize
    is_run = bool(dims) and dims[-1].step == 1
    outer = dims[:-1] if is_run else dims
    nbytes = itemsize * (dims[-1].size if is_run else 1)
    if nbytes >= _COPIED or not outer:
        for origin, element in _places(outer):
            payload, at = sources.place(origin, element)
            yield payload.part(at, nbytes), nbytes
        return
    for origin, element, tile in _tiles(dims, itemsize):
        view = _read(sources, _band(tile, itemsize), origin, element)
        for piece in _pieces(view):
            yield bytes_of(piece), piece.nbytes
            del piece
        del view  # before the next band is read


def _read(sources: _Sources, band: _Band, origin: int, element: int) -> np.ndarray:
    """A band, with its elements in the order of the output."""
    memory = np.empty(band.rows * band.pitch, np.uint8)
    nbytes = band.run * sources.itemsize
    rows = np.ndarray((band.rows, nbytes), np.uint8, memory, strides=(band.pitch, 1))
    # Rows that follow one another in a source are read together, wherever they stand in the band.
    order = np.lexsort((band.steps, band.jumps))
    jumps, steps = band.jumps[order], band.steps[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (np.diff(jumps) != 0) | (np.diff(steps) != band.run)
    most = max(1, PIECE // nbytes)
    firsts = np.flatnonzero(is_first).tolist()
    stretches = [
        (start, min(start + most, stop))
        for first, stop in zip(firsts, [*firsts[1:], len(order)], strict=True)
        for start in range(first, stop, most)
    ]

    def place(at: int) -> tuple[StoredPayload, int]:
        return sources.place(origin + int(jumps[at]), element + int(steps[at]))

    def some(some_stretches: list[tuple[int, int]]) -> None:
        for start, stop in some_stretches:
            payload, offset = place(start)
            if stop - start == 1:
                payload.read_into(offset, rows[order[start]].data)
            else:
                several = empty((stop - start, nbytes), np.uint8)
                payload.read_into(offset, bytes_of(several))
                rows[order[start:stop]] = several

    if place(0)[0].is_far:  # all rows are asked for at once
        ranges: dict[StoredPayload, list[tuple[int, memoryview]]] = {}
        for at, row in enumerate(order.tolist()):
            payload, offset = place(at)
            ranges.setdefault(payload, []).append((offset, rows[row].data))
        for payload, wanted in ranges.items():
            payload.read_ranges(wanted)
    else:
        share = -(-len(stretches) // CORES)
        tasks = [functools.partial(some, stretches[i : i + share]) for i in range(0, len(stretches), share)]
        all_done(tasks, band.rows * nbytes)
    strides = [dim.step * sources.itemsize for dim in band.dims]
    return np.ndarray([dim.size for dim in band.dims], _word(sources.itemsize), memory, strides=strides)


def _places(dims: Sequence[Dim]) -> Iterator[tuple[int, int]]:
    """Where each turn of the loops begins, in C order, as (origins, elements) from the first."""
    for indices in itertools.product(*(range(dim.size) for dim in dims)):
        yield (
            sum(i * dim.jump for i, dim in zip(indices, dims, strict=True)),
            sum(i * dim.step for i, dim in zip(indices, dims, strict=True)),
        )


def _tiles(dims: tuple[Dim, ...], itemsize: int) -> Iterator[tuple[int, int, tuple[Dim, ...]]]:
    """Stretches of the output of which a band holds the source, as first origin, first element and loops."""
    at = next(i for i in range(len(dims)) if _held(dims[i + 1 :], itemsize) <= BAND or i == len(dims) - 1)
    first, inner = dims[at], dims[at + 1 :]
    size = first.size
    while size > 1 and _held((first._replace(size=size), *inner), itemsize) > BAND:
        size = -(-size // 2)
    for origin, element in _places(dims[:at]):
        for i in range(0, first.size, size):
            part = first._replace(size=min(size, first.size - i))
            yield origin + i * first.jump, element + i * first.step, (part, *inner)


# --- bands ----------------------------------------------------------------------------------------------------------


class _Band(NamedTuple):
    """How the source of a tile stands in memory: rows, in the order of the output, each a run of the source."""

    rows: int
    run: int  # elements of a row that are read
    pitch: int  # bytes from a row to the next
    dims: tuple[Dim, ...]  # the loops of the tile over the memory, in elements
    jumps: np.ndarray  # int64[rows]: how many origins from the first a row stands
    steps: np.ndarray  # int64[rows]: how many elements


def _band(tile: tuple[Dim, ...], itemsize: int) -> _Band:
    run, inside = _run(tile, itemsize)
    pitch = _pitch(run * itemsize)
    rows = 1
    dims: list[Dim] = []
    jumps, steps = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for dim in reversed(tile):
        if dim in inside:
            dims.append(Dim(dim.size, dim.step))
            continue
        dims.append(Dim(dim.size, rows * pitch // itemsize))
        rows *= dim.size
        along = np.arange(dim.size, dtype=np.int64)
        jumps, steps = (
            np.add.outer(along * apart, offsets).ravel() for apart, offsets in ((dim.jump, jumps), (dim.step, steps))
        )
    return _Band(rows, run, pitch, merged(reversed(dims)), jumps, steps)


def _run(tile: Sequence[Dim], itemsize: int) -> tuple[int, set[Dim]]:
    """How many elements of the source are read in one go, and the loops of the tile that are within them."""
    run = count = 1
    inside: set[Dim] = set()
    for dim in sorted((dim for dim in tile if not dim.jump), key=lambda dim: dim.step):
        longer = (dim.size - 1) * dim.step + run
        if run * itemsize >= _LONG or (dim.step != run and longer > _BRIDGED * count * dim.size):
            break
        run, count = longer, count * dim.size
        inside.add(dim)
    return run, inside


def _pitch(nbytes: int) -> int:
    """The bytes from one row of a band to the next: never a multiple of what a cache keeps in the same few places."""
    return nbytes if nbytes < _PADDED else (-(-nbytes // _LINE) | 1) * _LINE


def _held(tile: Sequence[Dim], itemsize: int) -> int:
    """The bytes that a tile counts in the band."""
    run, inside = _run(tile, itemsize)
    rows = 1
    for dim in tile:
        rows *= 1 if dim in inside else dim.size
    return rows * max(_pitch(run * itemsize), _ROW_COST)


def _word(itemsize: int) -> np.dtype:
    """A dtype as wide as the elements, in which numpy moves them and changes no bit."""
    return np.dtype(f"u{itemsize}" if itemsize <= 8 else f"V{itemsize}")


def _pieces(view: np.ndarray) -> Iterator[np.ndarray]:
    """The elements of a view in C order, in pieces of at most PIECE bytes (or one element)."""
    if view.ndim == 0:
        view = view.reshape(1)
    if view.nbytes <= PIECE or view.size == 1:
        piece = empty(view.shape, view.dtype)
        for i in range(0, view.shape[-1], _ROW):
            piece[..., i : i + _ROW] = view[..., i : i + _ROW]
        yield piece
        return
    rows = PIECE * len(view) // view.nbytes
    if rows == 0 and view.ndim > 1:
        for row in view:
            yield from _pieces(row)
        return
    for i in range(0, len(view), rows or 1):
        yield from _pieces(view[i : i + (rows or 1)])
