"""The arrays of one save that span processes, of which each process writes its share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from ..format.casts import Lost, is_cast
from ..format.keypaths import display
from ..format.leaves import Leaf
from ..format.payloads import PiecesPayload
from .bit_casts import can_cast
from .boxes import Box
from .device_to_host import LeafArray, Losses
from .exchange_plans import Exchange
from .exchanges import Exchanger, Given, spread_of
from .file_plans import FilePlan
from .meetings import Meetings
from .processes import LOOK, Joint
from .shards import is_host
from .shares import Spread


class Move(NamedTuple):
    """A box of the leaf of a number that is to be written here, and what brings its elements."""

    number: int
    box: Box
    payload: Callable[[], PiecesPayload]


class SharedArrays:
    """Arrays that span processes, by the number of their leaves. All processes make the same calls."""

    def __init__(self) -> None:
        self._leaves: dict[int, LeafArray] = {}
        self._arrays: dict[int, jax.Array] = {}
        self._spreads: dict[int, Spread] = {}
        self._dtypes: dict[int, np.dtype] = {}
        self._losses: Losses = []
        self._kept: deque[Move] | None = None
        self._keeps = False
        self.joint = Joint(None, iter(()))

    def add(self, number: int, path: tuple[str, ...], array: jax.Array, leaf: Leaf, dtype: np.dtype | None) -> np.dtype:
        """Take an array that is to be written as float `dtype`, where CONV-2 casts it; `leaf` describes it.

        Returns the dtype in which its elements will come: its own where numpy has to do the cast. Raises ValueError.
        """
        if array.is_deleted():
            raise ValueError(f"{display(path)}: this array has been deleted, or donated to a jitted function")
        old = np.dtype(array.dtype)
        new = dtype if dtype is not None and is_cast(old, dtype) and can_cast(old, dtype) else old
        written = dtype if dtype is not None and is_cast(old, dtype) else old
        if is_host(array.sharding.device_set):
            new = old  # as in `Outflow.add`
        self._dtypes[number] = new
        self._leaves[number] = LeafArray(path, array, leaf, new, self._losses)
        self._arrays[number] = array
        self._spreads[number] = spread_of(array, written.itemsize)
        return new

    def spread(self, number: int) -> Spread | None:
        """How an array lies on devices; None for a leaf that is none of these."""
        return self._spreads.get(number)

    def dtype(self, number: int) -> np.dtype:
        """The dtype in which the elements of a leaf come."""
        return self._dtypes[number]

    def begin(self, plan: FilePlan, meetings: Meetings) -> None:
        """Take the plan of the file, and the meetings of this save."""
        self._plan, self._meetings = plan, meetings
        self._moves = self._moving()
        self.joint = Joint(meetings, self._moves)

    def moves(self) -> Iterator[Move]:
        """What is to be written here, in the order of the file. Every process iterates to the end."""
        if self._kept is None:
            yield from self._moves
        else:
            while self._kept:
                yield self._kept.popleft()

    def keep(self) -> None:
        """Make copies on the devices of what is to be written here: then `moves` takes no collective any more."""
        kept: deque[Move] = deque()
        self._keeps = True
        with self.joint.work():
            kept.extend(self._moves)
        self._kept = kept

    def tell(self, lost: Lost) -> None:
        """Tell how many values have become infinite and zero in casts on devices of this process."""
        for path, counts in self._losses:
            for shard in counts.addressable_shards:
                infinite, zero = np.asarray(shard.data).reshape(-1, 2).sum(0).tolist()
                lost(path, infinite, zero)

    def release(self) -> None:
        """Let go of all that is left."""
        self._leaves.clear()
        self._arrays.clear()
        if self._kept:
            self._kept.clear()

    def _moving(self) -> Iterator[Move]:
        passed, me = 0, jax.process_index()
        for number in list(self._leaves):
            leaf, array, spread = self._leaves.pop(number), self._arrays.pop(number), self._spreads[number]
            shares = self._plan.leaves[number].shares
            if shares is None:
                continue
            for process, box in shares.held:
                if process == me and self.joint.error is None:
                    arrays = _taken(deque(leaf.kept(box))) if self._keeps else leaf.started(box)
                    yield Move(number, box, _payload(arrays))
            if shares.exchange is not None:
                for given in self._exchanged(leaf, array, spread, shares.exchange):
                    if self.joint.error is None:
                        yield Move(number, given.box, _payload(iter([given.array])))
            passed += leaf.nbytes
            if passed >= LOOK * jax.process_count():
                passed = 0
                self.joint.look()
        if self.joint.error is not None:
            raise self.joint.error

    def _exchanged(self, leaf: LeafArray, array: jax.Array, spread: Spread, exchange: Exchange) -> Iterator[Given]:
        """The pieces that this process is given, each round begun before those of the last are taken."""
        exchanger = Exchanger(array, spread, exchange, leaf.dtype)
        before: list[Given] = []
        for i in range(exchange.rounds):
            given: list[Given] = []
            try:
                given, lost = exchanger.run(i)
                if lost is not None:
                    self._losses.append((leaf.path, lost))
                if not self._keeps:
                    for each in given:
                        each.data.copy_to_host_async()
            except Exception as error:
                self.joint.fail(error)
            yield from before
            before = given
        yield from before


def _payload(arrays: Iterator[Callable[[], np.ndarray]]) -> Callable[[], PiecesPayload]:
    return lambda: PiecesPayload(_one_ahead(arrays))


def _taken(arrays: deque[Callable[[], np.ndarray]]) -> Iterator[Callable[[], np.ndarray]]:
    while arrays:
        yield arrays.popleft()


def _one_ahead(arrays: Iterator[Callable[[], np.ndarray]]) -> Iterator[np.ndarray]:
    before: Callable[[], np.ndarray] | None = None
    for values in arrays:
        if before is not None:
            yield before()
        before = values
    if before is not None:
        yield before()
