"""The parts of a device array that this process holds, one copy of each, and the array put together from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import jax
import numpy as np

from .boxes import Box, box_of, common, count, pieces, shape_of, within

_HOST: Final = "cpu"  # the platform whose device memory is the host's


class Part(NamedTuple):
    """A box of an array, and its elements as an array on one device."""

    box: Box
    data: jax.Array


def parts_of(array: jax.Array) -> list[Part]:
    """One copy of each part of an array that stands on this process's devices."""
    found: dict[Box, jax.Array] = {}
    for shard in array.addressable_shards:
        found.setdefault(box_of(shard.index, array.shape), shard.data)
    return [Part(box, data) for box, data in found.items() if count(box)]


def is_host(devices: Iterable[Any]) -> bool:
    """Whether the memory of these devices is that of the host."""
    return all(device.platform == _HOST for device in devices)


def holds_all(array: jax.Array, process: int) -> bool:
    """Whether a process holds a copy of every part of an array."""
    indices = array.sharding.devices_indices_map(array.shape)
    boxes = {device: box_of(index or (), array.shape) for device, index in indices.items()}
    return {box for device, box in boxes.items() if device.process_index == process} == set(boxes.values())


def host_pieces(parts: Sequence[Part], box: Box, dtype: np.dtype, most: int) -> Iterator[np.ndarray]:
    """A box of an array whose parts stand in host memory, in C order: views of it, and copies where parts meet.

    A copy has at most `most` elements. A box that is one part is one view.
    """
    views = [(part.box, np.asarray(part.data)) for part in parts]
    if len(views) == 1 and views[0][0] == box:
        yield np.ascontiguousarray(views[0][1])
        return
    for piece in pieces(box, most):
        shared = [(inner, box, view) for box, view in views if (inner := common(piece, box)) is not None]
        if len(shared) == 1:
            _, box, view = shared[0]
            yield np.ascontiguousarray(view[within(piece, box)])
        else:
            yield assembled(piece, dtype, ((inner, view[within(inner, box)]) for inner, box, view in shared))


def assembled(piece: Box, dtype: np.dtype, parts: Iterator[tuple[Box, np.ndarray]]) -> np.ndarray:
    """A piece of an array, put together from the boxes it is made of."""
    array = np.empty(shape_of(piece), dtype)
    for box, values in parts:
        array[within(box, piece)] = values
    return array
