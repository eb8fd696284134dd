"""The two functions by which trainers of the JAXSeq family save and load a pytree, over this reader and writer."""

from __future__ import annotations

import functools
import os
from typing import Any

import jax
import numpy as np

from ..devices.pytrees import leaves_of
from ..devices.states import flax_expansion
from ..devices.targets import is_array
from ..format.casts import float_dtype
from ..format.trees import flatten
from ..storage.progress import progress_bar
from .agreement import meetings_of, told
from .loading import load, restore
from .save_jobs import Job
from .spreading import load_spread


def save_pytree(tree: Any, path: str | os.PathLike[str], dtype: Any = None, sharding: Any = None) -> None:
    """Save a pytree as a stream, with its empty nodes, which the loader of that family needs, and scalars as arrays.

    To /dev/null nothing is written. Float arrays are cast to `dtype`, a type or a name such as bf16. `sharding` is
    accepted and has no effect: an array knows how it is sharded. Where arrays span processes all of them make this
    call, and each writes its own bytes (see `reference.save`). Raises FormatError, OSError.
    """
    leaves = [
        (key, np.asarray(leaf) if isinstance(leaf, np.generic) else leaf)
        for key, leaf in flatten(tree, True, flax_expansion())
    ]
    meetings = meetings_of(leaves)
    with told(meetings):
        writers = [] if os.fspath(path) == os.devnull else None
        Job(path, leaves, dtype, meetings=meetings, writers=writers).run(progress_bar)


def load_pytree(path: str | os.PathLike[str], target: Any = None, dtype: Any = None, sharding: Any = None) -> Any:
    """The tree of a stream, in the structure of `target`, its float arrays in `dtype` (None: those of the target).

    `sharding` is a tree of `jax.sharding.Sharding`s, where each device reads its own part of a leaf; leaves without one
    are numpy arrays. Raises FormatError, OSError, TargetMismatch.
    """
    wanted = float_dtype(dtype)
    shardings = {} if sharding is None else dict(flatten(sharding, expand=flax_expansion()))
    if target is not None:
        leaves, rebuild = leaves_of(target)
        placed = rebuild({key: _placed(leaf, shardings[key]) for key, leaf in leaves.items() if key in shardings})
        return restore(path, None, placed, show=progress_bar, unplaced_on_host=True, float_dtype=wanted, depth=3)
    if sharding is None and wanted is None:
        return load(path)
    spread = {key: functools.partial(_spread, sharding=place) for key, place in shardings.items()}
    return load_spread(path, None, None, spread if sharding is not None else None, wanted, show=progress_bar)


def _placed(leaf: Any, sharding: jax.sharding.Sharding | None) -> Any:
    if sharding is None or not is_array(leaf):
        return leaf
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _spread(value: Any, sharding: jax.sharding.Sharding | None) -> Any:
    if sharding is None or not isinstance(value, np.ndarray | np.generic):
        return value
    array = np.asarray(value)
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])
