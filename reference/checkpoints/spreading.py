"""Loading through functions that spread: one leaf after the other is read, cast, and given to its function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..devices.pytrees import leaves_of
from ..devices.targets import match
from ..format.casts import Lost, Tally, cast, count_losses, is_cast
from ..format.errors import UsageError
from ..format.keypaths import display
from ..format.trees import unflatten
from ..storage.local_files import Path_
from ..storage.progress import Show, silent
from .checkpoint import KeyPathLike
from .checkpoint import open as open_checkpoint
from .patterns import Chooser

Spread = Mapping[tuple[str, ...], Callable[[Any], Any]]


def load_spread(
    path: Path_,
    prefix: KeyPathLike | None,
    target: Any,
    spread: Spread | None,
    dtype: np.dtype | None = None,
    is_chosen: Chooser = lambda path: True,
    show: Show = silent,
) -> Any:
    """The tree of a checkpoint, each leaf as its function makes it of a numpy array (None: as it is).

    Leaves come in the order of the file. Floats are cast to `dtype` first, None keeps them. With `target` the result
    has its structure, and shapes have to fit; without, it is a nested dict. Raises FormatError, OSError,
    TargetMismatch, and UsageError for a leaf without a function.
    """
    tally = Tally()
    functions = spread or {}
    with open_checkpoint(path, prefix) as checkpoint:
        checkpoint.select(is_chosen)
        records = checkpoint.records
        bare = [record.path for record in records if record.kind != "empty" and record.path not in functions]
        if bare and spread is not None:
            raise UsageError(f"no shard function is given for {', '.join(map(display, bare[:8]))}")
        targets, rebuild = leaves_of(target) if target is not None else ({}, _nested)
        if target is not None:
            with checkpoint.named_in_errors():
                match(targets, records, is_chosen, any_dtype=True)
        values = {}
        with show("load", sum(record.nbytes for record in records)) as moved:
            for record in records:
                value = _cast(record.path, checkpoint[record.path], dtype, tally.add)
                values[record.path] = functions[record.path](value) if record.path in functions else value
                moved(record.nbytes)
        checkpoint.source.refuse_changes()
    if text := tally.text(str(dtype)):
        warnings.warn(text, stacklevel=4)
    return rebuild(values)


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    return unflatten(values.items())


def _cast(path: tuple[str, ...], value: Any, dtype: np.dtype | None, lost: Lost) -> Any:
    """A float array or numpy scalar in another dtype."""
    if dtype is None or not isinstance(value, np.ndarray | np.generic) or not is_cast(value.dtype, dtype):
        return value
    before = np.asarray(value).reshape(-1)
    after = cast(before, dtype)
    lost(path, *count_losses(before, after))
    return after.reshape(value.shape)[() if isinstance(value, np.generic) else ...]
