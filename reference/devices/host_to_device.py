"""Leaves of a checkpoint as device arrays: each device takes its own part of the file, and nothing else is read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

import jax
import numpy as np

from ..format.leaves import Leaf
from ..format.records import Record
from ..format.wire import Source
from .bit_casts import can_cast, cast_array
from .boxes import Box, box_of, whole
from .shards import is_host
from .slices import OnLoss, extents_read, read_boxes

_READ_WHOLE: Final = 1 << 14  # bytes; leaves up to this size are read whole, which costs the least time
# Without it jax does not know the dtype where no device of this process holds a part.
_TAKES_DTYPE: Final = "dtype" in inspect.signature(jax.make_array_from_callback).parameters  # since jax 0.5.3


def place(
    source: Source,
    at: int,
    leaf: Leaf,
    dtype: np.dtype,
    sharding: jax.sharding.Sharding | None,
    on_loss: OnLoss,
    on_device: Callable[[jax.Array], None],
) -> jax.Array:
    """The array leaf that starts at offset `at`, on the devices of `sharding`; None is jax's default device.

    What a cast costs is told to `on_loss` (see `read_boxes`), or, once it is done on the devices, to `on_device`, as
    `cast_array` gives it.

    On CPU devices the memory that was read into becomes the array's; elsewhere a cast happens on the device,
    so that what crosses is what stands in the file.
    """
    assert leaf.dtype is not None
    devices = sharding.device_set if sharding is not None else {jax.local_devices()[0]}
    casts_there = not is_host(devices) and can_cast(leaf.dtype, dtype)
    read_as = leaf.dtype if casts_there else dtype
    if sharding is None or leaf.nbytes <= _READ_WHOLE:
        (host,) = read_boxes(source, at, leaf, [whole(leaf.shape)], read_as, on_loss)
        array = put(host.__getitem__, leaf.shape, read_as, sharding)
    else:
        boxes = _boxes(sharding, leaf.shape)
        parts = dict(zip(boxes, read_boxes(source, at, leaf, boxes, read_as, on_loss), strict=True))
        array = put(lambda index: parts[box_of(index, leaf.shape)], leaf.shape, read_as, sharding)
    return as_dtype(array, dtype, on_device)


def as_dtype(array: jax.Array, dtype: np.dtype, on_device: Callable[[jax.Array], None]) -> jax.Array:
    """The array, cast on its devices where it has another dtype; see `place`."""
    if array.dtype == dtype:
        return array
    cast, counts = _cast(array, dtype)
    on_device(counts)
    return cast


def extents_placed(record: Record, sharding: jax.sharding.Sharding | None) -> Iterator[tuple[int, int]]:
    """Where in the file the bytes stand that `place` reads of a leaf in this process, as (offset, bytes)."""
    leaf = record.leaf
    is_whole = sharding is None or leaf.dtype is None or leaf.nbytes <= _READ_WHOLE
    return iter(record.extents()) if is_whole else extents_read(leaf, record.leaf_offset, _boxes(sharding, leaf.shape))


def is_on_one_host_device(sharding: jax.sharding.Sharding | None) -> bool:
    """Whether an array so placed is whole on one device whose memory is the host's."""
    devices = {jax.local_devices()[0]} if sharding is None else sharding.device_set
    return len(devices) == 1 and is_host(devices)


@functools.lru_cache(1024)
def _boxes(sharding: jax.sharding.Sharding, shape: tuple[int, ...]) -> list[Box]:
    """The different boxes of an array that devices of this process hold."""
    indices = sharding.addressable_devices_indices_map(shape).values()
    return list(dict.fromkeys(box_of(index or (), shape) for index in indices))


def put(
    part: Callable[[tuple[slice, ...]], Any],
    shape: tuple[int, ...],
    dtype: Any,
    sharding: jax.sharding.Sharding | None,
) -> jax.Array:
    """The device array whose part at an index is what `part` gives: each process makes those of its own devices.

    The dtype is numpy's, or that of typed PRNG keys. Raises ValueError where jax has no 64 bits.
    """
    if isinstance(dtype, np.dtype) and jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(f"a jax array of {dtype} needs jax.config.update('jax_enable_x64', True)")
    if sharding is None:
        return jax.device_put(part(tuple(slice(None) for _ in shape)))
    more: Any = {"dtype": dtype} if _TAKES_DTYPE else {}
    return jax.make_array_from_callback(shape, sharding, lambda index: part(index or ()), **more)


@functools.partial(jax.jit, static_argnames="dtype")
def _cast(array: jax.Array, dtype: np.dtype) -> tuple[jax.Array, jax.Array]:
    return cast_array(array, dtype)
