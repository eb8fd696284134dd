"""Loading a whole checkpoint: as numpy arrays, or into the structure and onto the devices of a target tree."""

from __future__ import annotations

from typing import Any

from .checkpoints import KeyPathLike
from .checkpoints import open as open_checkpoint
from .files import Path_
from .patterns import Patterns, chooser
from .records import no_collection


def load(
    path: Path_,
    prefix: KeyPathLike | None = None,
    *,
    like: Any = None,
    include: Patterns = None,
    exclude: Patterns = None,
    mmap: bool = False,
) -> Any:
    """The nested dict of a checkpoint, or of its subtree under `prefix`: numpy arrays, scalars and small values.

    `path` and `prefix` are those of `open`. `include` and `exclude` are globs, or compiled regular expressions,
    on the display form of key paths; what they leave out is not read.

    With `like`, any pytree of arrays, `jax.ShapeDtypeStruct`s and Python values, the result has its structure
    and its types. A jax array or a struct gives a jax array with the same sharding, of which each device reads
    its own part; a numpy array gives a numpy array. A float changes its dtype only where `like` has another float
    dtype, an integer likewise, if it fits. Leaves that `include` and `exclude` leave out stay as `like` has
    them. Where a sharding spans processes, all of them make this call together.

    Raises FormatError, OSError, also for a file that is written to while it is read, and with `like` TargetMismatch,
    which names every leaf that does not fit.
    """
    is_chosen = chooser(include, exclude)
    if like is not None:
        from .devices.restoring import restore

        return restore(path, prefix, like, is_chosen)
    with no_collection(), open_checkpoint(path, prefix, mmap=mmap) as checkpoint:
        checkpoint.select(is_chosen)
        tree = checkpoint.tree()
        if not mmap:  # a map shows what comes later too
            checkpoint.source.refuse_changes()
        return tree
