"""The device arrays of one save on their way to the host, in the order in which they are written."""

from __future__ import annotations

import contextlib
import functools
import inspect
import queue
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..format.casts import Lost, is_cast
from ..format.keypaths import display
from ..format.leaves import Leaf
from ..format.payloads import PIECE, PiecesPayload
from ..storage.interrupts import answer
from .bit_casts import can_cast, cast_array
from .boxes import Box, common, pieces, shape_of, whole, within
from .file_plans import WRITER
from .meetings import Meetings
from .processes import LOOK, Joint, is_shared
from .shards import Part, assembled, holds_all, host_pieces, is_host, parts_of

TRANSFER: Final = 1 << 26  # bytes of one copy off a device; one is under way while another is written
_TAKEN_WHOLE: Final = 1 << 14  # bytes; arrays up to this size are taken whole, which costs the least time
_COPIES: Final = "may_alias" in inspect.signature(jax.device_put).parameters  # since jax 0.4.34


Losses = list[tuple[tuple[str, ...], jax.Array]]  # of leaves, what casts have cost them (see `cast_array`)


class Outflow:
    """Takes device arrays and gives their elements as host arrays, while the next are already under way.

    Of replicated parts one copy is read. Where arrays span processes, every process makes the same calls:
    an array of which a writer does not hold all parts is gathered by all of them, one leaf at a time.

    `writers` are the processes that write, the same in all; None is WRITER where arrays span processes, else this one.
    `meetings` are those of the save, where arrays span processes.
    """

    def __init__(
        self,
        arrays: Sequence[jax.Array],
        writers: Collection[int] | None = None,
        meetings: Meetings | None = None,
    ) -> None:
        self.shared = is_shared([array.sharding for array in arrays])
        me = jax.process_index()
        self._writers = [WRITER if self.shared else me] if writers is None else sorted(writers)
        self.writes = me in self._writers
        self._losses: Losses = []  # of each piece that was cast on its device
        self._leaves: deque[LeafArray] = deque()
        self._arrays = self._source = self._in_order()
        self._fed: queue.Queue[np.ndarray | BaseException] = queue.Queue(maxsize=1)
        self.joint = Joint(meetings, self._arrays)

    def add(self, path: tuple[str, ...], array: jax.Array, leaf: Leaf, dtype: np.dtype | None) -> np.dtype:
        """Take the next array that is to be written, as float `dtype` where CONV-2 casts it; `leaf` describes it.

        Returns the dtype in which its elements will come: its own where numpy has to do the cast. Raises
        ValueError for an array that the writing process cannot reach.
        """
        old = np.dtype(array.dtype)
        new = dtype if dtype is not None and is_cast(old, dtype) and can_cast(old, dtype) else old
        if array.is_deleted():
            raise ValueError(f"{display(path)}: this array has been deleted, or donated to a jitted function")
        devices = array.sharding.device_set
        gathers = self.shared and leaf.nbytes > 0 and not all(holds_all(array, writer) for writer in self._writers)
        if gathers and (far := set(self._writers) - {device.process_index for device in devices}):
            raise ValueError(f"{display(path)}: none of its devices belongs to process {min(far)}, which writes")
        small = leaf.nbytes <= _TAKEN_WHOLE
        if not gathers and (small or is_host(devices)):
            new = old  # nothing is saved by a cast on the way; numpy's is the faster one there
        if gathers or self.writes:
            self._leaves.append(LeafArray(path, array, leaf, new, self._losses, gathers, small))
        return new

    def tell(self, lost: Lost) -> None:
        """Tell how many values have become infinite and zero in casts on devices."""
        for path, counts in self._losses:
            infinite, zero = np.asarray(counts).tolist()
            lost(path, infinite, zero)

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
            leaf.start_copy()
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
        if self.joint.error is not None:
            raise self.joint.error
        while ahead:
            yield ahead.popleft()()

    def release(self) -> None:
        """Let go of the arrays that are left."""
        self._leaves.clear()

    def _started(self) -> Iterator[Callable[[], np.ndarray]]:
        """Functions that wait for a host array whose copy has been started."""
        gathered = 0
        while self._leaves:
            leaf = self._leaves.popleft()
            if leaf.gathers:
                try:
                    leaf.gather()
                    answer()
                except (Exception, KeyboardInterrupt) as error:
                    self.joint.fail(error)
                if (gathered := gathered + leaf.nbytes) >= LOOK:
                    gathered = 0
                    self.joint.look()
            if self.writes and self.joint.error is None:
                yield from leaf.started()


class LeafArray:
    """An array that is to be written: whole where it is small or has to be gathered, else its parts.

    `held` is the dtype of what there is, `dtype` that in which the elements are to come.
    """

    def __init__(
        self,
        path: tuple[str, ...],
        array: jax.Array,
        leaf: Leaf,
        dtype: np.dtype,
        losses: Losses,
        gathers: bool = False,
        small: bool = False,
    ) -> None:
        self.path = path
        self.shape, self.nbytes, self.held, self.dtype = leaf.shape, leaf.nbytes, np.dtype(array.dtype), dtype
        self.gathers = gathers
        self._losses = losses
        self._whole: Any = array if gathers or (small and array.is_fully_addressable) else None
        if not leaf.nbytes:  # no process need have a device of it
            self._whole = np.empty(leaf.shape, self.held)
        self._parts = parts_of(array) if self._whole is None else []

    def gather(self) -> None:
        """A collective of all processes that hold a part; afterwards this one has the array, in its new dtype."""
        copies, counts = _gatherer(tuple(self._whole.sharding._device_assignment))(self._whole, self.dtype)
        jax.block_until_ready(copies)
        if self.held != self.dtype:
            self._losses.append((self.path, counts.addressable_data(0)))
        self._whole, self.held = None, self.dtype
        self._parts = [Part(whole(self.shape), copies.addressable_data(0))]

    def start_copy(self) -> None:
        """Start to copy a small array to the host."""
        if isinstance(self._whole, jax.Array) and not is_host(self._whole.sharding.device_set):
            self._whole.copy_to_host_async()

    def snapshot(self) -> None:
        """Copy what there is, in its new dtype, so that the array itself is not needed any more."""
        if self._whole is not None:
            self._whole = np.array(self._whole)
        self._parts = [Part(box, self._taken(data, (0,) * data.ndim, data.shape)) for box, data in self._parts]
        self.held = self.dtype

    def started(self, box: Box | None = None) -> Iterator[Callable[[], np.ndarray]]:
        """Start to copy piece after piece, of a box or of all, to the host; each function waits for one."""
        if self._whole is not None:
            self.start_copy()
            yield functools.partial(np.ascontiguousarray, self._whole)
        elif self._is_host():
            for array in self._on_host(box):
                yield functools.partial(_same, array)
        else:
            for piece in pieces(box or whole(self.shape), TRANSFER // self.dtype.itemsize):
                yield self._fetch(piece)

    def kept(self, box: Box) -> Iterator[Callable[[], np.ndarray]]:
        """A box in copies, so that the array itself is not needed any more; each function brings one to the host."""
        if self._is_host():
            for array in self._on_host(box):
                yield functools.partial(_same, np.array(array))
        else:
            for piece in pieces(box, TRANSFER // self.dtype.itemsize):
                yield self._fetch(piece, now=False)

    def _is_host(self) -> bool:
        return is_host(device for part in self._parts for device in part.data.devices())

    def _on_host(self, box: Box | None) -> Iterator[np.ndarray]:
        return host_pieces(self._parts, box or whole(self.shape), self.held, PIECE // self.held.itemsize)

    def _fetch(self, piece: Box, now: bool = True) -> Callable[[], np.ndarray]:
        found: list[tuple[Box, jax.Array]] = []
        for box, data in self._parts:
            if (inner := common(piece, box)) is not None:
                starts = tuple(part.start for part in within(inner, box))
                values = self._taken(data, starts, shape_of(inner))
                if now:
                    values.copy_to_host_async()
                found.append((inner, values))
        return functools.partial(_arrived, piece, self.dtype, found)

    def _taken(self, data: jax.Array, starts: tuple[int, ...], shape: tuple[int, ...]) -> jax.Array:
        values, counts = _take(data, starts, shape, self.dtype)
        if counts is not None:
            self._losses.append((self.path, counts))
        return values


def _arrived(piece: Box, dtype: np.dtype, found: list[tuple[Box, jax.Array]]) -> np.ndarray:
    if len(found) == 1:
        return np.ascontiguousarray(found[0][1])
    return assembled(piece, dtype, ((box, np.asarray(values)) for box, values in found))


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _take(
    data: jax.Array, starts: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype
) -> tuple[jax.Array, jax.Array | None]:
    """A box of an array in a new array, cast, and what the cast has cost (see `cast_array`).

    A new one even where the box is all of it: jax keeps what it has copied to the host for as long as the array.
    """
    if dtype == data.dtype and shape == data.shape and _COPIES:
        return jax.device_put(data, data.sharding, may_alias=False), None  # nothing to compile
    far = max(data.shape, default=0) >> 31  # an index of 32 bits does not reach all of it
    values, counts = (_take_there if far else _take_anywhere)(data, starts, shape, dtype)
    return values, counts if dtype != data.dtype else None


def _slice(data: jax.Array, starts: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype) -> Any:
    piece = jax.lax.dynamic_slice(data, starts, shape)
    return (piece, 0) if dtype == piece.dtype else cast_array(piece, dtype)


def _slice_there(data: jax.Array, starts: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype) -> Any:
    stops = [start + n for start, n in zip(starts, shape, strict=True)]
    return _slice(jax.lax.slice(data, starts, stops), (0,) * len(shape), shape, dtype)


_take_anywhere = jax.jit(_slice, static_argnums=(2, 3))
_take_there = jax.jit(_slice_there, static_argnums=(1, 2, 3))


@functools.cache
def _gatherer(devices: tuple[Any, ...]) -> Any:
    everywhere = NamedSharding(Mesh(np.array(devices), ("all",)), PartitionSpec())
    cast = lambda array, dtype: (array, 0) if dtype == array.dtype else cast_array(array, dtype)  # noqa: E731
    return jax.jit(cast, static_argnums=1, out_shardings=everywhere)
