"""The device arrays of one save on their way to the host, in the order in which they are written."""

from __future__ import annotations

import contextlib
import functools
import queue
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..boxes import Box, common, pieces, shape_of, whole, within
from ..conversion import is_cast
from ..keypaths import display
from ..payloads import PIECE, PiecesPayload
from .casts import can_cast, cast_array
from .parts import Part, assembled, holds_all, host_pieces, is_host, parts_of
from .processes import LOOK, Joint, is_shared

TRANSFER: Final = 1 << 26  # bytes of one copy off a device; one is under way while another is written
WRITER: Final = 0  # the process that writes


class Outflow:
    """Takes device arrays and gives their elements as host arrays, while the next are already under way.

    Of replicated parts one copy is read. Where arrays span processes, every process makes the same calls:
    an array of which the writer does not hold all parts is gathered by all of them, one leaf at a time.
    """

    def __init__(self, arrays: Sequence[jax.Array], writes: bool = True) -> None:
        self.shared = is_shared([array.sharding for array in arrays])
        self.writes = writes and (not self.shared or jax.process_index() == WRITER)
        self.overflows: list[int] = []
        self._leaves: deque[_Leaf] = deque()
        self._arrays = self._source = self._in_order()
        self._fed: queue.Queue[np.ndarray | BaseException] = queue.Queue(maxsize=1)
        self.joint = Joint(self.shared, self._arrays)

    def add(self, path: tuple[str, ...], array: jax.Array, dtype: np.dtype | None) -> np.dtype:
        """Take the next array that is to be written, as float `dtype` where CONV-2 casts it.

        Returns the dtype in which its elements will come: its own where numpy has to do the cast. Raises
        ValueError for an array that the writing process cannot reach.
        """
        old = np.dtype(array.dtype)
        new = dtype if dtype is not None and is_cast(old, dtype) and can_cast(old, dtype) else old
        gathers = self.shared and array.size > 0 and not holds_all(array, WRITER)
        if gathers and WRITER not in {device.process_index for device in array.sharding.device_set}:
            raise ValueError(f"{display(path)}: none of its devices is of process {WRITER}, which writes")
        if is_host(array.sharding.device_set) and not gathers:
            new = old  # nothing is saved by a cast on the way; numpy's is the faster one there
        if gathers or self.writes:
            self._leaves.append(_Leaf(array, gathers, new))
        return new

    def payload(self) -> PiecesPayload:
        """The elements of the next array in the order in which arrays have been added."""
        return PiecesPayload(self._source)

    def go_on_without(self) -> None:
        """Prepare to be written in the background, while the arrays may be donated or deleted.

        Every part is copied on its device; where arrays are shared `feed` is to be called instead.
        """
        if self.shared:
            self._source = self._arrivals()
            return
        for leaf in self._leaves:
            leaf.snapshot()

    def feed(self, wanted: Callable[[], bool]) -> None:
        """Bring all arrays to the host, a bounded number ahead of the payloads; take part while nobody wants them."""
        try:
            for array in self._arrays:
                self._put(np.array(array), wanted)
        except BaseException as error:
            self._put(error, wanted)
            raise

    def _put(self, array: np.ndarray | BaseException, wanted: Callable[[], bool]) -> None:
        while wanted():
            with contextlib.suppress(queue.Full):
                self._fed.put(array, timeout=0.1)
                return

    def _arrivals(self) -> Iterator[np.ndarray]:
        while True:
            array = self._fed.get()
            if isinstance(array, BaseException):
                raise RuntimeError("the arrays of this save have not all come") from array
            yield array

    def _in_order(self) -> Iterator[np.ndarray]:
        ahead: deque[Callable[[], np.ndarray]] = deque()
        for values in self._started():
            ahead.append(values)
            if len(ahead) > 1:
                yield ahead.popleft()()
        while ahead:
            yield ahead.popleft()()

    def _started(self) -> Iterator[Callable[[], np.ndarray]]:
        """Functions that wait for a host array whose copy has been started."""
        gathered = 0
        while self._leaves:
            leaf = self._leaves.popleft()
            parts = leaf.parts(self.overflows)
            if leaf.gathers and (gathered := gathered + leaf.nbytes) >= LOOK:
                gathered = 0
                self.joint.look()
            if not self.writes or self.joint.failed:
                continue
            if is_host([device for part in parts for device in part.data.devices()]):
                for array in host_pieces(parts, leaf.shape, leaf.held, PIECE // leaf.held.itemsize):
                    yield functools.partial(_same, array)
            else:
                for piece in pieces(whole(leaf.shape), TRANSFER // leaf.dtype.itemsize):
                    yield _fetch(piece, parts, leaf.dtype, self.overflows)


class _Leaf:
    """An array that is to be written. `held` is the dtype of its parts, `dtype` that in which they are to come."""

    def __init__(self, array: jax.Array, gathers: bool, dtype: np.dtype) -> None:
        self.shape, self.held, self.dtype = tuple(array.shape), np.dtype(array.dtype), dtype
        self.nbytes = array.size * dtype.itemsize
        self.gathers = gathers
        self._array: jax.Array | None = array if gathers else None
        self._parts = [] if gathers else parts_of(array)

    def parts(self, overflows: list[int]) -> list[Part]:
        """The parts that make up the array, on devices of this process; a collective where it is gathered."""
        if self._array is None:
            return self._parts
        copies, infinite = _gatherer(_devices_of(self._array.sharding))(self._array, self.dtype)
        jax.block_until_ready(copies)
        self._array, self.held = None, self.dtype
        overflows.append(int(infinite.addressable_data(0)))
        return [Part(whole(self.shape), copies.addressable_data(0))] if self.nbytes else []

    def snapshot(self) -> None:
        self._parts = [Part(box, _copy(data)) for box, data in self._parts]


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _fetch(piece: Box, parts: list[Part], dtype: np.dtype, overflows: list[int]) -> Callable[[], np.ndarray]:
    """Start to copy a piece of an array to the host; the function that is returned waits for it."""
    found: list[tuple[Box, jax.Array, jax.Array]] = []
    for box, data in parts:
        if (inner := common(piece, box)) is not None:
            starts = tuple(part.start for part in within(inner, box))
            values, infinite = _take(data, starts, shape_of(inner), dtype)
            values.copy_to_host_async()
            found.append((inner, values, infinite))

    def wait() -> np.ndarray:
        overflows.extend(int(infinite) for _, _, infinite in found)
        if len(found) == 1:
            return np.ascontiguousarray(found[0][1])
        return assembled(piece, dtype, ((box, np.asarray(values)) for box, values, _ in found))

    return wait


def _take(data: jax.Array, starts: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A box of an array in a new array, cast, and how many values overflowed.

    A new one even where the box is all of it: jax keeps what it has copied to the host for as long as the array.
    """
    if max(data.shape, default=0) >> 31:  # no index of 32 bits reaches all of it
        return _take_there(data, starts, shape, dtype)
    return _take_anywhere(data, starts, shape, dtype)


def _slice(data: jax.Array, starts: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype) -> Any:
    piece = jax.lax.dynamic_slice(data, starts, shape)
    return (piece, 0) if dtype == piece.dtype else cast_array(piece, dtype)


def _slice_there(data: jax.Array, starts: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype) -> Any:
    stops = [start + n for start, n in zip(starts, shape, strict=True)]
    return _slice(jax.lax.slice(data, starts, stops), (0,) * len(shape), shape, dtype)


_take_anywhere = jax.jit(_slice, static_argnums=(2, 3))
_take_there = jax.jit(_slice_there, static_argnums=(1, 2, 3))
_copy = jax.jit(jnp.copy)


@functools.cache
def _gatherer(devices: tuple[Any, ...]) -> Any:
    everywhere = NamedSharding(Mesh(np.array(devices), ("all",)), PartitionSpec())
    cast = lambda array, dtype: (array, 0) if dtype == array.dtype else cast_array(array, dtype)  # noqa: E731
    return jax.jit(cast, static_argnums=1, out_shardings=everywhere)


def _devices_of(sharding: Any) -> tuple[Any, ...]:
    """The devices of a sharding in its own order."""
    return tuple(sharding._device_assignment)  # public for a NamedSharding alone, as its mesh's
