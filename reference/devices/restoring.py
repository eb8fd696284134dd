"""Loading into a target tree."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ..boxes import whole
from ..checkpoints import KeyPathLike
from ..checkpoints import open as open_checkpoint
from ..conversion import convert
from ..errors import FormatError
from ..files import Path_
from ..keypaths import display
from ..leaves import read_value
from ..patterns import Chooser
from ..progress import Show, silent
from ..records import Record, with_path
from ..slices import read_boxes
from ..targets import is_array, match
from ..wire import Source
from .placing import place, put
from .processes import is_shared, together
from .structure import leaves_of


def restore(
    path: Path_,
    prefix: KeyPathLike | None,
    like: Any,
    is_chosen: Chooser = lambda path: True,
    show: Show = silent,
    unplaced_on_host: bool = False,
) -> Any:
    """The tree `like` with the leaves of a checkpoint in it; see `loading.load`.

    With `unplaced_on_host` a struct without a sharding gives a numpy array.
    """
    targets, rebuild = leaves_of(like)
    shardings = [sharding for target in targets.values() if (sharding := sharding_of(target)) is not None]
    with together(is_shared(shardings), f"load of {path}"), open_checkpoint(path, prefix) as checkpoint:
        checkpoint.select(is_chosen)
        fillings = match(targets, checkpoint, is_chosen)
        values = {}
        with show("load", sum(record.nbytes for record, _ in fillings)) as moved:
            for record, target in sorted(fillings, key=lambda filling: filling.record.offset):
                on_host = unplaced_on_host and sharding_of(target) is None and not isinstance(target, jax.Array)
                values[record.path] = _fill(checkpoint.source, record, target, on_host)
                moved(record.nbytes)
        checkpoint.source.refuse_changes()
    return rebuild(values)


def sharding_of(target: Any) -> jax.sharding.Sharding | None:
    """Where a target leaf wants its array; None for jax's default device, and for what is no device array."""
    if isinstance(target, jax.Array):
        return target.sharding if target.committed else None
    return target.sharding if isinstance(target, jax.ShapeDtypeStruct) else None


def _fill(source: Source, record: Record, target: Any, on_host: bool) -> Any:
    try:
        if not is_array(target):
            return _as_python(type(target), read_value(source, record.leaf_offset, record.leaf))
        return _as_array(source, record, target, on_host)
    except FormatError as error:
        raise with_path(record.path, error) from None
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{display(record.path)}: {error}") from error


def _as_python(wanted: type, value: Any) -> Any:
    if wanted in (bool, int, float, complex, bytearray):
        return wanted(value.item() if isinstance(value, np.ndarray | np.generic) else value)
    return value


def _as_array(source: Source, record: Record, target: Any, on_host: bool) -> Any:
    leaf, at = record.leaf, record.leaf_offset
    on_devices = isinstance(target, jax.Array | jax.ShapeDtypeStruct) and not on_host
    if leaf.dtype is None:  # a Python number
        number = convert(np.asarray(read_value(source, at, leaf)).reshape(1), target.dtype).reshape(())
        return (
            put(number.__getitem__, (), target.dtype, sharding_of(target)) if on_devices else _of_class(number, target)
        )
    if on_devices:
        return place(source, at, leaf, target.dtype, sharding_of(target))
    (array,) = read_boxes(source, at, leaf, [whole(leaf.shape)], target.dtype)
    return _of_class(array, target)


def _of_class(array: np.ndarray, target: Any) -> Any:
    """A numpy scalar where the target is one."""
    return array[()] if isinstance(target, np.generic) else array
