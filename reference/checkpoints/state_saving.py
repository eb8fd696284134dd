"""Saving a trainer's state: with the functions by which it gathers, or without, now or in the background."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection
from typing import Any

import jax
import numpy as np

from ..containers.load_prefixes import split_output
from ..containers.stream import STREAM
from ..devices.file_plans import WRITER
from ..devices.processes import is_shared
from ..devices.states import flax_expansion
from ..format.casts import float_dtype as dtype_called
from ..format.errors import UsageError
from ..format.sealing import SealOptions
from ..format.trees import flatten
from ..storage.places import place_of
from ..storage.progress import progress_bar
from .agreement import meetings_of, told
from .background import Saving
from .gathering import gather_all, save_gathered
from .save_jobs import Job


def save_state(
    tree: Any,
    path: str | os.PathLike[str],
    gather_fns: Any,
    float_dtype: Any,
    shared: bool,
    keep_empty_nodes: bool = False,
    writers: Collection[int] | None = None,
    afterwards: Callable[[], None] | None = None,
    blocking: bool = True,
    seal: SealOptions | None = None,
    keys: str | None = None,
    patience: float | None = None,
) -> Saving | None:
    """Save a tree as a stream; `gather_fns` is a tree of functions, `writers`, `afterwards`, `seal` and `keys` are
    those of `Job`.

    `shared` is what `spans_processes` says of the tree.
    """
    dtype = dtype_called(float_dtype)
    leaves = list(flatten(tree, keep_empty_nodes, flax_expansion()))
    writes = jax.process_index() in ([WRITER if shared else jax.process_index()] if writers is None else writers)
    if writes and dtype is not None and dtype.itemsize == 2 and _has_wide_optimizer_state(leaves):
        text = f"the optimizer's state is saved as {dtype}, so a resumed run will differ; float_dtype='' keeps it"
        warnings.warn(text, stacklevel=4)
    if gather_fns is None:
        meetings = meetings_of(leaves, patience)
        options = {"writers": writers, "afterwards": afterwards, "seal": seal, "keys": keys, "meetings": meetings}
        with told(meetings):
            job = Job(path, leaves, float_dtype, not blocking, **options)
            return job.run(progress_bar) if blocking else job.start()
    kind, name = split_output(path)
    if kind != STREAM:
        raise UsageError(
            f"gather functions write a stream, and {place_of(name).name} asks for a {kind}; leave them out"
        )
    functions = dict(flatten(gather_fns, expand=flax_expansion()))
    if not blocking:
        kept = gather_all(leaves, functions, shared, writes)
        here = [jax.process_index()] if writes else []
        options = {"meetings": None, "writers": here, "afterwards": afterwards, "joined": shared, "seal": seal}
        return Job(path, kept, float_dtype, **options).start()
    place = place_of(name)
    tally = save_gathered(place, leaves, functions, dtype, shared, writes, progress_bar, afterwards, seal)
    if text := tally.text(str(dtype)):
        warnings.warn(text, stacklevel=4)
    return None


def spans_processes(tree: Any) -> bool:
    """Whether to save a tree takes more than this process."""
    return is_shared([leaf.sharding for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)])


def _has_wide_optimizer_state(leaves: list[tuple[tuple[str, ...], Any]]) -> bool:
    wide = (np.dtype(np.float32), np.dtype(np.float64))
    return any(path[0] == "opt_state" and getattr(value, "dtype", None) in wide for path, value in leaves)
