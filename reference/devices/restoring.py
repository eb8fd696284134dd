"""Loading into a target tree."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from ..format.casts import Lost, convert, count_losses, is_cast
from ..format.errors import FormatError
from ..format.keypaths import display
from ..format.leaves import is_viewed, read_value, view_value
from ..format.records import Record, with_path
from ..format.wire import BytesSource, Source
from ..storage.interrupts import answer, held_back
from ..storage.reading_ahead import expect, far_away
from .boxes import whole
from .host_to_device import extents_placed, is_on_one_host_device, place, put
from .meetings import Meetings
from .prng_keys import data_of, implementation, is_typed_key, wrapped
from .processes import is_shared
from .pytrees import leaves_of
from .replicas import ReadOnce, Shared, shared
from .slices import OnLoss, read_boxes
from .targets import Filling, TargetMismatch, is_array, match


class Target:
    """A tree into which a checkpoint is loaded: its leaves by key path, and the way back to the tree."""

    def __init__(self, like: Any) -> None:
        self.leaves, self.rebuild = leaves_of(like)
        self._keys = {path: leaf for path, leaf in self.leaves.items() if is_typed_key(leaf)}
        shardings = (sharding_of(leaf) for leaf in self.leaves.values())
        self._shared = is_shared([sharding for sharding in shardings if sharding is not None])
        self._what = f"a load of {len(self.leaves)} leaves"
        self._meetings: Meetings | None = None
        self.leaves |= {path: data_of(key) for path, key in self._keys.items()}

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """A load, which all processes leave together where a sharding spans them: an error in any is raised in all."""
        if not self._shared:
            yield
            return
        self._meetings = meetings = Meetings()
        with meetings.told(), meetings, meetings.together(self._what):
            yield

    def fill(
        self,
        source: Source,
        records: Sequence[Record],
        is_chosen: Callable[[tuple[str, ...]], bool],
        moved: Callable[[int], None],
        unplaced_on_host: bool = False,
        memory: BytesSource | None = None,
        float_dtype: np.dtype | None = None,
        lost: Lost = lambda path, infinite, zero: None,
        implementations: Mapping[tuple[str, ...], str] = MappingProxyType({}),
    ) -> Any:
        """The tree with these records of a source in it; see `loading.load`.

        With `unplaced_on_host` a struct without a sharding gives a numpy array. `memory` is a map of the source, of
        which arrays are views where they can be. Float arrays come in `float_dtype`, None is the target's. `lost` is
        told of values that casts have made infinite or zero. `implementations` are those of typed PRNG keys, where the
        checkpoint names them. Raises TargetMismatch, FormatError.
        """
        wrong = [
            (path, f"a PRNG key of {wanted}", f"one of {found}")
            for path, key in self._keys.items()
            if is_chosen(path) and (found := implementations.get(path)) not in (None, wanted := implementation(key))
        ]
        if wrong:
            raise TargetMismatch([], [], [], wrong)
        values = {}
        losses = _Losses(lost)
        fillings = match(self.leaves, records, is_chosen)
        fillings = sorted(fillings, key=lambda filling: filling.record.offset)
        # From when all know what is read once, nobody may leave the others in a collective.
        with held_back() if self._meetings is not None else contextlib.nullcontext():
            once = ReadOnce(source, self._replicas(source, fillings, float_dtype, losses), self._meetings, self._what)
            with once.joint.work():
                expect(source, (each for filling in fillings for each in _extents(once, *filling)))
                for record, target in fillings:
                    answer()
                    on_host = record.path in self._keys or (
                        unplaced_on_host and sharding_of(target) is None and not isinstance(target, jax.Array)
                    )
                    if record.path in once.shared:
                        values[record.path] = once.next()
                    else:
                        values[record.path] = _fill(source, record, target, on_host, memory, float_dtype, losses)
                    moved(record.nbytes)
        losses.tell()
        values |= {
            path: wrapped(values[path], key, sharding_of(key)) for path, key in self._keys.items() if path in values
        }
        return self.rebuild(values)

    def _replicas(
        self, source: Source, fillings: Sequence[Filling], float_dtype: np.dtype | None, losses: _Losses
    ) -> dict[tuple[str, ...], Shared]:
        """The leaves that processes read once, each a part."""
        found: dict[tuple[str, ...], Shared] = {}
        if self._meetings is None or far_away(source) is None:
            return found
        for record, target in fillings:
            sharding = sharding_of(target)
            if sharding is not None and record.path not in self._keys:
                _, on_device = losses.of(record.path)
                if (each := shared(record, sharding, _dtype_of(target, float_dtype), on_device)) is not None:
                    found[record.path] = each
        return found


def _extents(once: ReadOnce, record: Record, target: Any) -> Iterator[tuple[int, int]]:
    each = once.shared.get(record.path)
    return each.extents() if each is not None else extents_placed(record, sharding_of(target))


class _Losses:
    """What casts have cost; that of a cast on devices is asked for when all have been started."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._on_devices: list[tuple[tuple[str, ...], jax.Array]] = []

    def of(self, path: tuple[str, ...]) -> tuple[OnLoss, Callable[[jax.Array], None]]:
        """What `place` is to tell of a leaf."""
        return functools.partial(self._lost, path), lambda counts: self._on_devices.append((path, counts))

    def tell(self) -> None:
        for path, counts in self._on_devices:
            infinite, zero = np.asarray(counts.addressable_data(0)).tolist()
            self._lost(path, infinite, zero)


def sharding_of(target: Any) -> jax.sharding.Sharding | None:
    """Where a target leaf wants its array; None for jax's default device, and for what is not a device array."""
    if isinstance(target, jax.Array):
        name = "committed" if hasattr(target, "committed") else "_committed"  # before jax 0.4.35
        return target.sharding if getattr(target, name) else None
    return target.sharding if isinstance(target, jax.ShapeDtypeStruct) else None


def _fill(
    source: Source,
    record: Record,
    target: Any,
    on_host: bool,
    memory: BytesSource | None,
    float_dtype: np.dtype | None,
    losses: _Losses,
) -> Any:
    try:
        if not is_array(target):
            return _as_python(type(target), read_value(source, record.leaf_offset, record.leaf))
        return _as_array(source, record, target, _dtype_of(target, float_dtype), on_host, memory, losses)
    except FormatError as error:
        raise with_path(record.path, error) from None
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{display(record.path)}: {error}") from error


def _dtype_of(target: Any, float_dtype: np.dtype | None) -> np.dtype:
    """The dtype in which an array of the target comes."""
    old = np.dtype(target.dtype)
    return float_dtype if float_dtype is not None and is_cast(old, float_dtype) else old


def _as_python(wanted: type, value: Any) -> Any:
    if wanted in (bool, int, float, complex, bytearray):
        return wanted(value.item() if isinstance(value, np.ndarray | np.generic) else value)
    return value


def _as_array(
    source: Source,
    record: Record,
    target: Any,
    dtype: np.dtype,
    on_host: bool,
    memory: BytesSource | None,
    losses: _Losses,
) -> Any:
    leaf, at = record.leaf, record.leaf_offset
    on_devices = isinstance(target, jax.Array | jax.ShapeDtypeStruct) and not on_host
    on_loss, on_device = losses.of(record.path)
    if leaf.dtype is None:  # a Python number
        given = np.asarray(read_value(source, at, leaf)).reshape(1)
        number = convert(given, dtype).reshape(())
        if is_cast(given.dtype, dtype):
            on_loss(*count_losses(given, number.reshape(1)))
        return put(number.__getitem__, (), dtype, sharding_of(target)) if on_devices else _of_class(number, target)
    if memory is not None and leaf.dtype == dtype and is_viewed(leaf):
        view = view_value(memory, at, leaf)
        if not on_devices:
            return _of_class(view, target)
        if is_on_one_host_device(sharding := sharding_of(target)):
            return put(view.__getitem__, leaf.shape, dtype, sharding)
    if on_devices:
        return place(source, at, leaf, dtype, sharding_of(target), on_loss, on_device)
    (array,) = read_boxes(source, at, leaf, [whole(leaf.shape)], dtype, on_loss)
    return _of_class(array, target)


def _of_class(array: np.ndarray, target: Any) -> Any:
    """A numpy scalar where the target is one."""
    return array[()] if isinstance(target, np.generic) else array
