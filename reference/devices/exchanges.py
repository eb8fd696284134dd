"""Arrays that span processes, brought to those that write them: a piece for each device in a round."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .bit_casts import cast_array
from .boxes import Box, box_of, common, count, shape_of
from .exchange_plans import Exchange
from .shards import assembled, is_host
from .shares import Spread

DEVICES = PartitionSpec(("group", "member"))


def spread_of(array: jax.Array, width: int) -> Spread:
    """How an array lies on devices, its elements taking `width` bytes in a file."""
    return _spread_of(array.sharding, tuple(array.shape), width)


@functools.lru_cache(1024)  # of the many leaves that are alike
def _spread_of(sharding: jax.sharding.Sharding, shape: tuple[int, ...], width: int) -> Spread:
    devices, indices = ordered(sharding), sharding.devices_indices_map(shape)
    boxes = tuple(box_of(indices[device] or (), shape) for device in devices)
    return Spread(shape, width, boxes, tuple(device.process_index for device in devices))


def ordered(sharding: jax.sharding.Sharding) -> list[Any]:
    """The devices of a sharding, in an order that is the same in all processes."""
    return sorted(sharding.device_set, key=lambda device: device.id)


class Given(NamedTuple):
    """A piece that a device of this process has been given: what each member of its group had of it, in rows."""

    box: Box
    parts: list[tuple[Box, int, int]]  # what a member had, and its row and place in the rows
    data: jax.Array

    def array(self) -> np.ndarray:
        """The piece on the host."""
        rows = np.asarray(self.data)
        found = ((box, rows[row, at : at + count(box)].reshape(shape_of(box))) for box, row, at in self.parts)
        if len(self.parts) == 1:
            return next(found)[1]
        return assembled(self.box, rows.dtype, found)


class Exchanger:
    """The rounds of one array, each of which is a collective of all processes that hold a part of it."""

    def __init__(self, array: jax.Array, spread: Spread, exchange: Exchange, dtype: np.dtype) -> None:
        self._array, self._spread, self._exchange, self._dtype = array, spread, exchange, dtype
        devices = ordered(array.sharding)
        order = [device for group in exchange.groups for device in group]
        grid = np.array([devices[i] for i in order]).reshape(len(exchange.groups), -1)
        self._sharding = NamedSharding(Mesh(grid, ("group", "member")), DEVICES)
        self._here = {device: i for i, device in enumerate(devices) if device.process_index == jax.process_index()}
        self._place = {device: (i // grid.shape[1], i % grid.shape[1]) for i, device in enumerate(order)}
        self._host = is_host(devices)

    def run(self, i: int) -> tuple[list[Given], jax.Array | None]:
        """Round `i`: what this process has been given, and what the cast has cost on its devices, (infinite, zero)."""
        if not self._here:
            return [], None
        extents = shape_of(self._spread.boxes[0])
        part = self._exchange.part
        members = len(self._exchange.groups[0])
        starts: dict[int, np.ndarray] = {}
        for device in self._here.values():
            group, _ = self._place[device]
            given = (self._exchange.pieces(to, i) for to in self._exchange.groups[group])
            cuts = (_cut(self._spread.boxes[device], each, part) for each in given)
            starts[device] = np.array(list(cuts), np.int32)[None]
        shape = (len(self._place) * extents[0], *extents[1:])
        shards = {shard.device: shard.data for shard in self._array.addressable_shards}
        source = self._global(shape, lambda device: shards[device])
        wanted = self._global(
            (len(self._place), members, 3), lambda device: jax.device_put(starts[self._here[device]], device)
        )
        rows, lost = _program(self._sharding.mesh, part, self._dtype)(source, wanted)
        if self._host:  # two collectives at a time are not kept apart there
            jax.block_until_ready(rows)
        found = []
        for shard in rows.addressable_shards:
            device = self._here[shard.device]
            group, _ = self._place[device]
            found += [Given(box, self._parts(group, box), shard.data) for box in self._exchange.pieces(device, i)]
        return found, lost if self._dtype != self._array.dtype else None

    def _global(self, shape: tuple[int, ...], of: Callable[[Any], jax.Array]) -> jax.Array:
        arrays = [of(device) for device in self._sharding.addressable_devices_indices_map(shape)]
        return jax.make_array_from_single_device_arrays(shape, self._sharding, arrays)

    def _parts(self, group: int, box: Box) -> list[tuple[Box, int, int]]:
        found = []
        for row, device in enumerate(self._exchange.groups[group]):
            held = self._spread.boxes[device]
            if (inner := common(held, box)) is not None:
                found.append((inner, row, _cut(held, (box,), self._exchange.part)[1]))
        return found


def _cut(held: Box, given: tuple[Box, ...], part: int) -> tuple[int, int, int]:
    """What a device that holds one box gives of pieces: where it cuts `part` elements of those that it has, and where
    among these what is meant begins and how many elements it has.

    It has a part of one piece at most, and that is one run of its elements, since the piece is one of the elements
    around them.
    """
    inner = next(filter(None, (common(held, piece) for piece in given)), None)
    if inner is None:
        return 0, 0, 0
    first = 0
    for (start, stop), (at, _) in zip(held, inner, strict=True):
        first = first * (stop - start) + at - start
    cut = min(first, count(held) - part)
    return cut, first - cut, count(inner)


@functools.lru_cache(64)
def _program(mesh: Mesh, part: int, dtype: np.dtype) -> Any:
    def give(held: jax.Array, cuts: jax.Array) -> tuple[jax.Array, jax.Array]:
        flat = held.reshape(-1)
        rows = lax.map(lambda cut: lax.dynamic_slice(flat, (cut[0],), (part,)), cuts[0])
        lost = jax.numpy.zeros((1, 2), jax.numpy.int32)
        if dtype != held.dtype:
            at = lax.broadcasted_iota(jax.numpy.int32, rows.shape, 1) - cuts[0, :, 1:2]
            is_meant = (at >= 0) & (at < cuts[0, :, 2:])
            rows, lost = cast_array(jax.numpy.where(is_meant, rows, jax.numpy.zeros_like(rows)), dtype)
            lost = lost[None]
        return lax.all_to_all(rows, "member", 0, 0), lost

    return jax.jit(shard_map()(give, mesh=mesh, in_specs=(DEVICES, DEVICES), out_specs=(DEVICES, DEVICES)))


def shard_map() -> Any:
    if hasattr(jax, "shard_map"):
        return jax.shard_map
    from jax.experimental.shard_map import shard_map  # until jax 0.6

    return shard_map
