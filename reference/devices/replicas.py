"""Arrays that stand on the devices of several processes alike, read once: each reads a part, and their devices copy it.

For files of stores alone, which serve each host at the rate of its network or all of them at one, and some for a price.
100 MB on all devices, read whole by each of 2 and 4 processes and then read once, seconds, the median of five, on two
cores with a load of 6: at 50 MB/s for each process 2.01 and 2.19, then 1.25 and 1.23; at 50 MB/s for all of them 4.02
and 7.94, then 2.16 and 2.24; at 200 MB/s for each 0.55 and 1.44, then 0.51 and 0.48. With a load of 22 the copies took
two processes at 200 MB/s more than they saved: 0.70, then 1.37. From a file in the page cache it took 0.05 s, so files
of disks are read by each. Between hosts it has not been measured.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import jax
import ml_dtypes
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding

from ..format.errors import FormatError
from ..format.records import Record, with_path
from ..format.wire import Source
from .bit_casts import can_cast
from .boxes import Box, box_of, count, shape_of
from .exchanges import DEVICES, ordered, shard_map
from .host_to_device import as_dtype
from .meetings import Meetings
from .processes import LOOK, Joint
from .shards import is_host
from .slices import extents_read, read_boxes

# Bytes of a box. Each shape takes a program of its own, and nearly all bytes of a model are in larger boxes.
LEAST: Final = 1 << 22
_EVEN: Final = 16  # rows of a part from which on it does not matter that the last part has fewer
_COLLECTIVES: Final = "jax_cpu_collectives_implementation"


class Cut(NamedTuple):
    """What each device reads of the box that it holds: as many rows along an axis as all others that hold it.

    Where these do not divide it, the last have fewer rows than `rows`, or none.
    """

    groups: tuple[tuple[Any, ...], ...]  # the devices that hold the same box, in the order of their parts
    boxes: tuple[Box, ...]  # of each group
    axis: int
    rows: int
    key: str  # the same in two processes where all of this is

    def parts(self) -> list[tuple[Any, Box]]:
        """The devices of this process, and what each of them reads."""
        found = []
        for devices, box in zip(self.groups, self.boxes, strict=True):
            start, stop = box[self.axis]
            for i, device in enumerate(devices):
                if device.process_index == jax.process_index():
                    rows = min(start + i * self.rows, stop), min(start + (i + 1) * self.rows, stop)
                    found.append((device, (*box[: self.axis], rows, *box[self.axis + 1 :])))
        return found


@functools.lru_cache(1024)  # of the many leaves that are alike
def cut_of(sharding: jax.sharding.Sharding, shape: tuple[int, ...]) -> Cut | None:
    """How devices read together what they hold alike; None where no two processes hold the same, or some hold none."""
    indices, groups = sharding.devices_indices_map(shape), dict[Box, list[Any]]()
    for device in ordered(sharding):
        groups.setdefault(box_of(indices[device] or (), shape), []).append(device)
    members = [{device.process_index for device in devices} for devices in groups.values()]
    n, extents = max(map(len, groups.values())), shape_of(next(iter(groups)))
    is_even = all(len(devices) == n and shape_of(box) == extents for box, devices in groups.items())
    if not is_even or not extents or max(map(len, members)) < 2 or len(set.union(*members)) < jax.process_count():
        return None
    if is_host(sharding.device_set) and getattr(jax.config, "values", {}).get(_COLLECTIVES) in (None, "none"):
        return None
    even = (i for i, extent in enumerate(extents) if extent % n == 0 or extent >= _EVEN * n)  # the first: one run
    axis = next(even, extents.index(max(extents)))
    told = repr((axis, [(box, [device.id for device in devices]) for box, devices in groups.items()]))
    key = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    return Cut(tuple(map(tuple, groups.values())), tuple(groups), axis, -(-extents[axis] // n), key)


class Shared(NamedTuple):
    """A leaf that is read once."""

    record: Record
    cut: Cut
    sharding: jax.sharding.Sharding
    dtype: np.dtype
    on_device: Callable[[jax.Array], None]  # see `host_to_device.place`

    def extents(self) -> Iterator[tuple[int, int]]:
        """Where in the file this process reads, as (offset, bytes)."""
        boxes = [box for _, box in self.cut.parts()]
        return extents_read(self.record.leaf, self.record.leaf_offset, boxes)

    def fact(self) -> tuple[Any, ...]:
        """All that its collective depends on."""
        record = self.record
        return record.path, record.offset, record.shape, str(record.dtype), str(self.dtype), self.cut.key


def shared(
    record: Record, sharding: jax.sharding.Sharding, dtype: np.dtype, on_device: Callable[[jax.Array], None]
) -> Shared | None:
    """The record as one that is read once, and comes in `dtype`; None where each process is to read what it needs."""
    leaf = record.leaf
    if leaf.dtype is None or leaf.nbytes < LEAST or sharding.is_fully_addressable or _is_packed(leaf.dtype):
        return None
    casts = leaf.dtype != dtype
    if jax.dtypes.canonicalize_dtype(leaf.dtype) != leaf.dtype or (casts and not can_cast(leaf.dtype, dtype)):
        return None
    cut = cut_of(sharding, leaf.shape)
    if cut is None or count(cut.boxes[0]) * leaf.dtype.itemsize < LEAST:
        return None
    return Shared(record, cut, sharding, dtype, on_device)


def _is_packed(dtype: np.dtype) -> bool:
    """Whether an element takes less than a byte on devices, as int4: jax 0.4.35 has no collectives of these."""
    if dtype.kind != "V":
        return False
    return (ml_dtypes.iinfo if "int" in dtype.name else ml_dtypes.finfo)(dtype).bits < 8


class ReadOnce:
    """The leaves of a load that are read once, in the order in which all processes read them.

    `shared` are those that this process would read so; where the others would not read the same ones so, none is.
    `joint` is the work that takes the collectives.
    """

    def __init__(self, source: Source, shared: Mapping[tuple[str, ...], Shared], meetings: Meetings | None, what: str):
        self._source, self.shared = source, dict(shared)
        if meetings is not None:
            facts = repr([each.fact() for each in self.shared.values()])
            words = meetings.meet(what, word=hashlib.blake2b(facts.encode(), digest_size=16).hexdigest())
            if len(set(words)) > 1:
                self.shared.clear()
        self._arrays = self._read()
        self.joint = Joint(meetings if self.shared else None, self._arrays)

    def next(self) -> jax.Array:
        """The array of the next of them. Raises what `read_boxes` raises, and what other processes have raised."""
        array = next(self._arrays)
        if self.joint.error is not None or array is None:
            raise self.joint.error or AssertionError
        return array

    def _read(self) -> Iterator[jax.Array | None]:
        passed = 0
        for path, each in self.shared.items():
            parts: list[tuple[Any, np.ndarray | None]] = [(device, None) for device, _ in each.cut.parts()]
            array = None
            try:
                if self.joint.error is None:
                    parts = _parts(self._source, each)
            except FormatError as error:
                self.joint.fail(with_path(path, error))
            except Exception as error:
                self.joint.fail(error)
            try:
                array = _gathered(each, parts)
            except Exception as error:
                self.joint.fail(error)
            yield array
            passed += each.record.nbytes
            if passed >= LOOK * jax.process_count():
                passed = 0
                self.joint.look()


def _parts(source: Source, shared: Shared) -> list[tuple[Any, np.ndarray | None]]:
    devices, boxes = zip(*shared.cut.parts(), strict=True)
    leaf = shared.record.leaf
    assert leaf.dtype is not None
    return list(zip(devices, read_boxes(source, shared.record.leaf_offset, leaf, boxes, leaf.dtype), strict=True))


def _gathered(shared: Shared, parts: list[tuple[Any, np.ndarray | None]]) -> jax.Array:
    """The array, put together from the parts of all devices; of what this process does not have they get zeros."""
    cut, leaf = shared.cut, shared.record.leaf
    assert leaf.dtype is not None
    extents = shape_of(cut.boxes[0])
    shape = (*extents[: cut.axis], cut.rows, *extents[cut.axis + 1 :])
    mesh = Mesh(np.array(cut.groups), ("group", "member"))
    arrays = [jax.device_put(_filled_up(part, shape, leaf.dtype), device) for device, part in parts]
    whole = (mesh.size * shape[0], *shape[1:])
    source = jax.make_array_from_single_device_arrays(whole, NamedSharding(mesh, DEVICES), arrays)
    host = is_host(shared.sharding.device_set)
    copies = _program(mesh, cut.axis, extents[cut.axis], host)(source)
    here = [shard.data for shard in copies.addressable_shards]
    array = jax.make_array_from_single_device_arrays(leaf.shape, shared.sharding, here)
    array = as_dtype(array, shared.dtype, shared.on_device)
    if host:  # two collectives at a time are not kept apart there
        jax.block_until_ready(array)
    return array


def _filled_up(part: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if part is not None and part.shape == shape:
        return part
    array = np.zeros(shape, dtype)
    if part is not None:
        array[tuple(map(slice, part.shape))] = part
    return array


@functools.lru_cache(64)
def _program(mesh: Mesh, axis: int, n: int, host: bool) -> Any:
    def give(part: jax.Array) -> jax.Array:
        if host:  # where one of them is killed, gloo waits for ever in an all-gather, and raises in an all-to-all
            given = jax.numpy.concatenate([part] * mesh.shape["member"], axis)
            whole = lax.all_to_all(given, "member", axis, axis, tiled=True)
        else:
            whole = lax.all_gather(part, "member", axis=axis, tiled=True)
        return lax.slice_in_dim(whole, 0, n, axis=axis)

    return jax.jit(shard_map()(give, mesh=mesh, in_specs=DEVICES, out_specs=DEVICES))
