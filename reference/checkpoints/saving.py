"""Saving a tree as a stream: from host memory, from devices, in the background."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, overload

from ..containers.orbax_folder import ORBAX
from ..containers.safetensors_file import SAFETENSORS
from ..containers.stream import seal_options
from ..devices.states import flax_expansion
from ..format.collector import no_collection
from ..format.metadata import Metadata
from ..format.trees import flatten
from ..storage.local_files import Path_
from .agreement import chosen_writers, meetings_of, told
from .background import Saving
from .leaf_items import with_structure
from .metadata_carried import given_texts, given_values
from .outputs import Output
from .save_jobs import Job


@overload
def save(
    path: Path_,
    tree: Any,
    float_dtype: str | None = None,
    *,
    keep_empty_nodes: bool = False,
    blocking: Literal[True] = True,
    max_shard_size: int | str | None = None,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
    keys: str | None = None,
    writers: str = "all",
    patience: float | None = None,
) -> None: ...


@overload
def save(
    path: Path_,
    tree: Any,
    float_dtype: str | None = None,
    *,
    keep_empty_nodes: bool = False,
    blocking: Literal[False],
    max_shard_size: int | str | None = None,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
    keys: str | None = None,
    writers: str = "all",
    patience: float | None = None,
) -> Saving: ...


def save(
    path: Path_,
    tree: Any,
    float_dtype: str | None = None,
    *,
    keep_empty_nodes: bool = False,
    blocking: bool = True,
    max_shard_size: int | str | None = None,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
    keys: str | None = None,
    writers: str = "all",
    patience: float | None = None,
) -> Saving | None:
    """Write a nested dict of arrays and small values as a stream; the file appears whole or not at all.

    `path` may begin with a load prefix (spec CONV-5): `flax::` writes a standard flax file, `safetensors::` that, and
    `orbax::FOLDER` a new folder that orbax restores. A `safetensors::` or `flax::` path that ends in `/` is a folder of
    shards of at most `max_shard_size` bytes of tensors (a number, or a text such as "5GB", the default; see `convert`).
    Takes numpy and jax arrays, states of flax and optax, and nnx states. `float_dtype` (bf16, fp16, fp32, fp64 or
    a long name) casts the float arrays and numpy scalars; None keeps every dtype. Empty nodes are left out
    unless `keep_empty_nodes` (spec TREE-4), but for orbax, which compares them with a target.

    With `format="2.0"` the stream is sealed: it has an index, checksums, and arrays of 4 KiB and more at offsets that
    are multiples of `alignment` (a power of two from 64, the default, to 4,096), and may have arrays of over 4 GiB. A
    seal holds `metadata`, a dict of texts, numbers, lists and the like, and with `digests` the SHA-256 of each leaf.
    Every loader of plain streams reads it. Raises UsageError where these are given for a plain stream. A safetensors
    file takes `metadata` too, as its `__metadata__`: texts, and what JSON makes of other values. An orbax folder takes
    what JSON has.

    A typed PRNG key is stored as its data, uint32, in a sealed stream with the name of its implementation in the
    metadata, and in an orbax folder as orbax has it; elsewhere `keys="data"` asks for the data alone. `load` gives
    typed keys where `like` has them.

    Of device arrays a piece at a time is in host memory, and the next is copied off the devices while one is
    written; casts happen on accelerators before the copy.

    Where arrays span processes, all of them make this call together, and an error in one is raised in all. Each writes
    its own bytes into one file of a folder that all of them share, or sends its own parts of one object of a bucket,
    which takes the extra s3, gcs or azure. Where the devices of a process do not hold a contiguous part of the file,
    the processes exchange what each is to write first, a piece at a time. With `writers="first"` leaves are gathered
    one by one to process 0, which alone writes. It also does so for any other output, for other kinds of files than
    streams, and with `digests`. Leaves that do not span processes are those of process 0. The others wait `patience`
    seconds (by default half an hour) for a process that has not come, and say which one it is.

    With `blocking=False` the file is written while the program goes on, and a `Saving` is returned to wait for.
    Device arrays are first copied on their devices, in the dtype in which they will be saved, so that they may
    be donated or deleted at once; numpy arrays are copied too. Each copy is freed once it has been written. Where
    process 0 alone writes arrays that span processes, these are instead brought to the host before the call returns,
    at most three leaves ahead of the writing. The next save waits for this one and raises its error, if nobody has.

    Raises FormatError before the old file is touched, OSError, and RuntimeError for a process that does not come, is
    gone, or does something else.
    """
    options = {"max_shard_size": max_shard_size, "format": format, "metadata": metadata, "alignment": alignment}
    options |= {"digests": digests, "keys": keys, "writers": writers, "patience": patience}
    with save_job(path, tree, float_dtype, blocking, keep_empty_nodes=keep_empty_nodes, **options) as job:
        return job.run() if blocking else job.start()


@contextlib.contextmanager
def save_job(
    path: Path_,
    tree: Any,
    float_dtype: str | None,
    blocking: bool,
    *,
    keep_empty_nodes: bool = False,
    max_shard_size: int | str | None = None,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
    keys: str | None = None,
    writers: str = "all",
    patience: float | None = None,
    begin: Callable[[], None] = lambda: None,
    afterwards: Callable[[], None] | None = None,
) -> Iterator[Job]:
    """What `save` is to do, in a block that does it: processes that arrays span are told of what the block raises.

    `begin` is called first, in each of them, and `afterwards` is that of `Job`.
    """
    with no_collection():
        leaves = list(flatten(tree, keep_empty_nodes, flax_expansion()))
    meetings = meetings_of(leaves, patience)
    with told(meetings):
        begin()
        output = Output(path, max_shard_size=max_shard_size)
        texts: dict[str, Any] | None = None
        if metadata is not None and output.kind in (SAFETENSORS, ORBAX):
            texts, metadata = (given_texts if output.kind == SAFETENSORS else given_values)(metadata), None
        if output.kind == ORBAX:
            leaves, texts = with_structure(tree, leaves, texts)
        seal = seal_options(format, metadata, alignment, digests)
        chosen = chosen_writers(writers, meetings is not None)
        options = {"seal": seal, "texts": texts, "keys": keys, "writers": chosen, "meetings": meetings}
        yield Job(output, leaves, float_dtype, copies=not blocking, afterwards=afterwards, **options)
