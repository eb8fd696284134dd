"""Loading a whole checkpoint: as numpy arrays, or into the structure and onto the devices of a target tree."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from ..containers.placeholders import may_stand_elsewhere
from ..containers.safetensors_file import SPLIT
from ..containers.seals_beside import has_detached_seal
from ..containers.shards import open_files
from ..containers.stream import STREAM, begins_sealed
from ..devices.missing import needing_jax
from ..format.casts import Tally
from ..format.collector import no_collection
from ..format.leaves import read_value
from ..format.records import Record, read_runs
from ..format.small_records import arrays_in
from ..format.trees import is_train_state, unflatten
from ..format.wire import BytesSource, Source
from ..storage.local_files import Path_
from ..storage.progress import Show, silent
from .checkpoint import open as open_checkpoint
from .key_arguments import KeyPathLike, locate
from .old_tuples import with_fields
from .patterns import Chooser, Patterns, chooser
from .reading_together import read_together


def load(
    path: Path_,
    prefix: KeyPathLike | None = None,
    *,
    like: Any = None,
    include: Patterns = None,
    exclude: Patterns = None,
    mmap: bool = False,
    names: str = SPLIT,
    check: bool = True,
) -> Any:
    """The nested dict of a checkpoint, or of its subtree under `prefix`: numpy arrays, scalars and small values.

    `path`, `prefix` and `names` are those of `open`. `include` and `exclude` are globs, or compiled regular
    expressions, compared with the display form of key paths; what they leave out is not read.

    With `like`, any pytree of arrays, `jax.ShapeDtypeStruct`s and Python values, the result has its structure
    and its types. A jax array or a struct gives a jax array with the same sharding, of which each device reads
    its own part; a numpy array gives a numpy array. A float changes its dtype only where `like` has another float
    dtype, an integer likewise, if it fits. Leaves that `include` and `exclude` leave out stay as `like` has
    them. A warning counts the finite values that a cast made infinite and the nonzero values it made zero, and names
    the leaf that lost the most.

    Where a sharding spans processes, all of them make this call together. What several of them hold alike is read once
    from a bucket or a web server, where they load the same leaves: each process reads a part, and the devices copy it.

    With `mmap` arrays are read-only views of a memory map where they keep their dtype: numpy arrays always, and jax
    arrays that are whole on one CPU device, which jax takes over without a copy if the payload is aligned, as those of
    4 KiB and more are in a sealed stream (spec 2.0, ALIGN-3). All others are read. What is mapped is not checked
    against the checksums of a seal, since that would read all of it.

    What is read from a sealed stream, or from a stream with its seal beside it, is checked against its checksums before
    this returns, unless `check` is False.

    Raises FormatError, and OSError, also if the file is written to while it is read. With `like` it raises
    TargetMismatch, which names every leaf that does not fit.
    """
    is_chosen = chooser(include, exclude)
    if like is not None:
        return restore(path, prefix, like, is_chosen, mmap=mmap, check=check, names=names)
    load_prefix, name, subtree = locate(path, prefix)
    if load_prefix in _WHOLE and not subtree and include is None and exclude is None and not mmap:
        with contextlib.closing(open_files(name, STREAM if load_prefix else None)) as source:
            plain = not begins_sealed(source) and not has_detached_seal(name)
            if plain and (tree := _load_stream(source, _WHOLE[load_prefix])) is not None:
                source.refuse_changes()
                return tree
    with open_checkpoint(path, prefix, mmap=mmap, check=check, names=names) as checkpoint:
        checkpoint.select(is_chosen)
        tree = checkpoint.tree()
        if not mmap:  # a map shows what comes later too
            checkpoint.source.refuse_changes()
        return tree


def restore(
    path: Path_,
    prefix: KeyPathLike | None,
    like: Any,
    is_chosen: Chooser = lambda path: True,
    show: Show = silent,
    unplaced_on_host: bool = False,
    mmap: bool = False,
    float_dtype: np.dtype | None = None,
    check: bool = True,
    names: str = SPLIT,
    depth: int = 3,
) -> Any:
    """The tree `like` with the leaves of a checkpoint in it; see `load`.

    With `unplaced_on_host` a struct without a sharding gives a numpy array. Float arrays come in `float_dtype`, None is
    that of `like`. Values that a cast makes infinite or zero are told of in a warning, of the caller `depth` calls up.
    """
    with needing_jax("load(like=...)"):
        from ..devices.restoring import Target  # jax is imported where there is a target

        target, tally = Target(like), Tally()
    with (
        target.together(),
        open_checkpoint(path, prefix, mmap=mmap, check=check, names=names) as checkpoint,
    ):
        checkpoint.select(is_chosen)
        with checkpoint.named_in_errors(), show("load", sum(record.nbytes for record in checkpoint.records)) as moved:
            tree = target.fill(
                checkpoint.source,
                with_fields(checkpoint.source, checkpoint.records, target.leaves),
                is_chosen,
                moved,
                unplaced_on_host,
                checkpoint.memory,
                float_dtype,
                tally.add,
                checkpoint.prng_keys,
            )
        checkpoint.source.refuse_changes()
    if text := tally.text("what was asked for" if float_dtype is None else str(float_dtype)):
        warnings.warn(text, stacklevel=depth)
    return tree


# CONV-5: what asks for the whole tree of a stream, and whether that has to be a train state.
_WHOLE: Final = {None: None, "params": False, "trainstate": True}


def _load_stream(source: Source, train_state: bool | None) -> dict[str, Any] | None:
    """The nested dict of a stream, small leaves made as their headers are read; None where anything is wrong with it.

    `open` says what. `train_state` says whether it has to be one, where that matters. Large payloads are read when
    every header has been found good. Raises FormatError, OSError.
    """
    later: list[tuple[tuple[str, ...], Record | dict[str, Any]]] = []

    def items() -> Iterator[tuple[tuple[str, ...], Any]]:
        for found in read_runs(source):
            if isinstance(found, Record):
                later.append((found.path, found))
                yield found.path, found
                continue
            with no_collection():
                small = BytesSource(found.data)
                values: list[Any] = [*arrays_in(found.data, found.base, found.starts, found.leaves)]
                for i, value in enumerate(values):
                    if value is None:
                        values[i] = value = read_value(small, found.starts[i] - found.base, found.leaves[i])
                        if found.leaves[i].kind == "str" and may_stand_elsewhere(found.paths[i], value):
                            raise ValueError  # `open` says what
                        if found.leaves[i].kind == "empty":  # put where it belongs when it can hide no path below it
                            later.append((found.paths[i], value))
                            values[i] = None
            yield from zip(found.paths, values, strict=True)

    try:
        root = unflatten(items())
    except ValueError:
        return None
    roots = ((key, "") if isinstance(node, dict) else (key,) for key, node in root.items())
    if train_state is not None and is_train_state(roots) != train_state:
        return None
    values = iter(read_together(source, [leaf for _, leaf in later if isinstance(leaf, Record)]))
    for path, leaf in later:
        *parents, key = path
        node = functools.reduce(dict.__getitem__, parents, root)
        node[key] = next(values) if isinstance(leaf, Record) else leaf
        if type(node[key]) is str and may_stand_elsewhere(path, node[key]):
            return None
    return root or None
