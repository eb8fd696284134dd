"""Saving a tree as a stream: from host memory, from devices, in the background."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import warnings
from collections.abc import Callable, Collection
from typing import Any, Literal, overload

import numpy as np

from ..containers.container import article
from ..containers.orbax_folder import ORBAX
from ..containers.safetensors_file import SAFETENSORS, default_metadata
from ..containers.stream import STREAM, seal_options
from ..devices.prng_keys import DATA, stored_keys
from ..devices.states import flax_expansion, is_device_array
from ..format.casts import Tally, cast_item, cast_leaf, float_dtype, is_cast
from ..format.collector import no_collection
from ..format.errors import UsageError
from ..format.keypaths import display
from ..format.metadata import PRNG_KEYS, Metadata
from ..format.payloads import array_payload
from ..format.records import Item
from ..format.sealing import SealOptions
from ..format.streams import too_big_for_old_loaders
from ..format.trees import flatten
from ..storage.local_files import Path_
from ..storage.progress import Show, silent
from .background import Saving, finish_earlier
from .leaf_items import described, item_of, outflow_of, refuse_traced, with_structure
from .metadata_carried import given_texts, given_values
from .outputs import Output


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
    written; casts happen on accelerators before the copy. Where arrays span processes, all of them make this
    call together: leaves are gathered one by one, process 0 alone writes, and an error in one is raised in all.

    With `blocking=False` the file is written while the program goes on, and a `Saving` is returned to wait for.
    Device arrays are first copied on their devices, in the dtype in which they will be saved, so that they may
    be donated or deleted at once; numpy arrays are copied too. Each copy is freed once it has been written. Arrays
    that span processes are instead brought to the host before the call returns, at most three leaves ahead of
    the writing. The next save waits for this one and raises its error, if nobody has.

    Raises FormatError before the old file is touched, and OSError.
    """
    output = Output(path, max_shard_size=max_shard_size)
    with no_collection():
        leaves = list(flatten(tree, keep_empty_nodes, flax_expansion()))
    texts: dict[str, Any] | None = None
    if metadata is not None and output.kind in (SAFETENSORS, ORBAX):
        texts, metadata = (given_texts if output.kind == SAFETENSORS else given_values)(metadata), None
    if output.kind == ORBAX:
        leaves, texts = with_structure(tree, leaves, texts)
    seal = seal_options(format, metadata, alignment, digests)
    job = Job(output, leaves, float_dtype, copies=not blocking, seal=seal, texts=texts, keys=keys)
    return job.run() if blocking else job.start()


class Job:
    """One save: planned in full, so that it is refused before anything is written, and then written.

    `writers` are the processes that write, the same in all of them; None is process 0 where arrays span processes, else
    this one. What else is to be written, `afterwards`, is called by those once the file is in its place. With `joined`
    an error in the background of one process is raised in all, as it is where arrays span them. `seal` says how a
    stream is sealed; None is a plain one. `texts` go into the metadata of a safetensors file or an orbax folder.
    `keys` is that of `save`.
    """

    def __init__(
        self,
        path: Path_ | Output,
        leaves: list[tuple[tuple[str, ...], Any]],
        float_name: str | None,
        copies: bool = False,
        *,
        writers: Collection[int] | None = None,
        afterwards: Callable[[], None] | None = None,
        joined: bool = False,
        seal: SealOptions | None = None,
        texts: dict[str, Any] | None = None,
        keys: str | None = None,
    ) -> None:
        if keys not in (None, DATA):
            raise UsageError(f"{keys!r} is not a way to store typed PRNG keys; choose {DATA!r}")
        self._output = path if isinstance(path, Output) else Output(path)
        kind = self._output.kind
        if keys == DATA or seal is not None or kind == ORBAX:
            leaves, names = stored_keys(leaves)
            if seal is not None and names:
                seal = seal._replace(metadata={**seal.metadata, PRNG_KEYS: names})
            if kind == ORBAX and names and keys != DATA:
                texts = {**(texts or {}), PRNG_KEYS: names}
        if seal is not None and kind != STREAM:
            raise UsageError(f"{article(kind)} cannot be sealed; leave format and metadata out, or write a stream")
        self._sealed = seal is not None
        self._dtype = float_dtype(float_name)
        self._held: list[list[Any]] | None = [] if copies else None  # what is to be copied, each in a list alone
        self._tally = Tally()
        arrays = [value for _, value in leaves if type(value) is not np.ndarray and is_device_array(value)]
        self._outflow = outflow_of(arrays, writers) if arrays else None
        self._shared = self._outflow is not None and self._outflow.shared
        self._joined = joined or self._shared
        self._writes = self._outflow.writes if self._outflow is not None else writers is None or len(writers) > 0
        self._afterwards = afterwards
        with _agreed(leaves, self._shared):
            finish_earlier()
            with no_collection():
                as_it_is = not copies and self._dtype is None
                items = (
                    Item(path, described(path, value), functools.partial(array_payload, value))
                    if as_it_is and type(value) is np.ndarray  # the most of most trees
                    else self._item(path, value)
                    for path, value in leaves
                )
                if kind == SAFETENSORS:
                    items = self._in_order(leaves)
                    texts = None if texts is None else {**default_metadata(items), **texts}
                self._plan = self._output.plan(items, seal, texts, of_tree=True)
                sizes = self._plan.sizes()
                self._nbytes = sum(sizes)
            for held in self._held or ():
                held[0] = np.array(held[0], order="K")
            self._held = None
            if self._writes:
                self._output.check()
        streamed = kind == STREAM
        too_big = too_big_for_old_loaders((path for path, _ in leaves), sizes) if streamed and seal is None else []
        if too_big and self._writes:
            # REC-4: "A writer SHOULD warn when it writes a larger one."
            shown = ", ".join(map(display, too_big[:3]))
            warnings.warn(f"loaders built on msgpack-python cannot read leaves over 2 GiB: {shown}", stacklevel=3)

    def run(self, show: Show = silent) -> None:
        """Write now."""
        with self._joint():
            self._write(show)
        self._warn()

    def start(self) -> Saving:
        """Write in the background."""
        if self._outflow is not None:
            self._outflow.go_on_without()
        saving = Saving(self._output.shown, self._write, self._finish, needs_thread=self._shared)
        if self._outflow is not None and self._shared:
            with saving.given_up_on_error(), self._joint():
                self._outflow.feed(lambda: not saving.done())
        return saving

    def _finish(self, error: BaseException | None) -> None:
        with _meeting(self._joined, "the end of a save"):
            if error is not None:
                raise error
        self._warn()

    def _joint(self) -> contextlib.AbstractContextManager[None]:
        return self._outflow.joint.work() if self._outflow else contextlib.nullcontext()

    def _write(self, show: Show = silent) -> None:
        if not self._writes:
            return
        try:
            # What is made, or summed up, meanwhile; and to a bucket, to which arrays go without a copy then: that takes
            # 0.72 s of processor time per GB in place of 0.91, where obstore alone takes 0.70.
            far = not self._output.is_here
            behind = far or self._outflow is not None or self._dtype is not None or self._sealed
            with show("save", self._nbytes) as moved:
                self._output.write(self._plan, moved, behind=behind)
        finally:  # a handle that is kept keeps no arrays
            self._plan.clear()
            if self._outflow is not None and not self._shared:
                self._outflow.release()
        if self._afterwards is not None:
            self._afterwards()

    def _warn(self) -> None:
        if self._outflow is not None:
            self._outflow.tell(self._tally.add)
        if self._writes and (text := self._tally.text(str(self._dtype))):
            warnings.warn(text, stacklevel=4)

    def _in_order(self, leaves: list[tuple[tuple[str, ...], Any]]) -> list[Item]:
        """The items of leaves; arrays of devices come to the host in the order in which they are written."""
        kinds = [described(path, value) for path, value in leaves]
        if (dtype := self._dtype) is not None:
            kinds = [cast_leaf(leaf, dtype) if leaf.dtype and is_cast(leaf.dtype, dtype) else leaf for leaf in kinds]
        order = self._output.order([(leaf.nbytes, leaf.dtype.itemsize if leaf.dtype else 0) for leaf in kinds])
        made = {i: self._item(*leaves[i]) for i in order}
        return [made[i] for i in range(len(leaves))]

    def _item(self, path: tuple[str, ...], value: Any) -> Item:
        outflow = self._outflow
        refuse_traced(path, value)
        if outflow is None or not is_device_array(value):
            item = item_of(path, value, self._held)
        else:
            leaf = described(path, value)
            item = Item(path, cast_leaf(leaf, outflow.add(path, value, leaf, self._dtype)), outflow.payload)
        return cast_item(item, self._dtype, self._tally.add)


def _agreed(leaves: list[tuple[tuple[str, ...], Any]], shared: bool) -> contextlib.AbstractContextManager[None]:
    """A step in which an error of one process is raised in all, and so is it that they save different trees."""
    if not shared:
        return contextlib.nullcontext()
    kinds = [(path, str(getattr(value, "dtype", type(value))), np.shape(value)) for path, value in leaves]
    digest = hashlib.blake2b(repr(kinds).encode(), digest_size=6).hexdigest()
    return _meeting(True, f"a save of {len(leaves)} leaves (digest {digest})")


def _meeting(shared: bool, what: str) -> contextlib.AbstractContextManager[None]:
    if not shared:
        return contextlib.nullcontext()
    from ..devices.processes import together

    return together(True, what)
