"""Payloads of float leaves in another dtype, cast on jax's devices a bounded piece at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..devices.bit_casts import can_cast, cast_bits
from ..format.casts import Buffer, CastPayload, Lost
from ..format.casts import cast_item as cast_item_in_numpy
from ..format.payloads import Payload, bytes_of
from ..format.records import Item
from ..format.wire import Sink

# Elements of a piece, 8 MiB of float32 at most. Every size is compiled for, so there are few, and a payload is cut
# into them without padding; what is shorter than the last is not worth the way to a device.
SIZES: Final = (1 << 21, 1 << 19, 1 << 17)

# A piece that is being cast: its new bits, and how many of its values became infinite and zero, on each device.
Running = tuple[jax.Array, jax.Array, jax.Array]


def cast_item(item: Item, dtype: np.dtype | None, lost: Lost) -> Item:
    """As `conversion.cast_item`, on jax's devices where they can; the bytes are the same. Raises LEAF-4."""
    cast = cast_item_in_numpy(item, dtype, lost)
    old, payload = item.leaf.dtype, item.payload
    if dtype is None or old is None or payload is None or not can_cast(old, dtype):
        return cast
    on_loss = functools.partial(lost, item.path)
    return cast._replace(payload=lambda: DeviceCastPayload(payload(), old, dtype, on_loss))


class DeviceCastPayload(CastPayload):
    """A `CastPayload` whose large pieces are cast on jax's devices, each while the next is read."""

    def __init__(self, payload: Payload, old: np.dtype, new: np.dtype, on_loss: Callable[[int, int], None]) -> None:
        super().__init__(payload, old, new, on_loss)
        self._other = Buffer()

    def move(self, n: int, sink: Sink) -> None:
        left = n // self._new.itemsize
        running: Running | None = None
        for count in sizes(left):
            # A device may read this memory until its piece is done, and two pieces are under way.
            self._buffer, self._other = self._other, self._buffer
            started = _start(self._buffer.fill(self._payload, count, self._old), self._new)
            if running:
                self._finish(running, sink)
            running = started
            left -= count
        if running:
            self._finish(running, sink)
        super().move(left * self._new.itemsize, sink)

    def _finish(self, running: Running, sink: Sink) -> None:
        bits, *counts = running
        for shard in shards(bits):
            sink.write(bytes_of(np.asarray(shard)))
        infinite, zero = (int(np.asarray(count).sum()) for count in counts)
        if infinite or zero:
            self._on_loss(infinite, zero)


def sizes(left: int) -> Iterator[int]:
    """The pieces of `left` elements, the largest first; fewer than the smallest are left over."""
    devices = jax.local_device_count()
    for size in SIZES:
        size -= size % devices
        while left >= size > 0:
            yield size
            left -= size


def _start(values: np.ndarray, new: np.dtype) -> Running:
    """Send a piece to the devices and have it cast and sent back, without waiting for any of it."""
    program, sharding = _program(values.dtype, new)
    running = program(jax.device_put(values.view(f"u{values.itemsize}"), sharding))
    for array in running:
        for shard in shards(array):
            shard.copy_to_host_async()
    return running


def shards(array: jax.Array) -> list[jax.Array]:
    """The parts of a sharded 1-d array, from front to back."""
    return [shard.data for shard in sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)]


def over_devices() -> NamedSharding:
    """How a 1-d piece is spread over jax's local devices."""
    return NamedSharding(Mesh(np.array(jax.local_devices()), ("devices",)), PartitionSpec("devices"))


def counted(marks: jax.Array) -> jax.Array:
    """How many are true of the marks of a piece, of each device: so the devices need not speak with one another."""
    return jnp.sum(marks.reshape(jax.local_device_count(), -1), axis=1, dtype=jnp.int32)


@functools.cache
def _program(old: np.dtype, new: np.dtype) -> tuple[Callable[[jax.Array], Running], NamedSharding]:
    """The cast of the bits of a 1-d piece that is spread over all devices, and how it is spread."""
    spread = over_devices()

    def program(bits: jax.Array) -> Running:
        after, infinite, zero = cast_bits(bits, old, new)
        return after, counted(infinite), counted(zero)

    # A piece of another width cannot take the place of the old one.
    donated = (0,) if old.itemsize == new.itemsize else ()
    return jax.jit(program, in_shardings=spread, out_shardings=spread, donate_argnums=donated), spread
