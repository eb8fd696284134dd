"""One save: planned, and then written, now or in the background, by this process or by all."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ..containers.orbax_folder import ORBAX
from ..containers.safetensors_file import SAFETENSORS, default_metadata
from ..containers.stream import STREAM
from ..devices.prng_keys import DATA, stored_keys
from ..devices.states import is_device_array
from ..format.casts import Tally, cast_item, cast_leaf, float_dtype, is_cast
from ..format.collector import no_collection
from ..format.errors import UsageError, article
from ..format.keypaths import display
from ..format.metadata import PRNG_KEYS
from ..format.payloads import Payload, array_payload
from ..format.records import Item
from ..format.sealing import SealOptions, sealed_plan
from ..format.streams import too_big_for_old_loaders
from ..storage.interrupts import held_back
from ..storage.local_files import Path_
from ..storage.progress import Show, silent
from .agreement import agreed, facts_of
from .background import Saving, finish_earlier, given_up_on_error
from .leaf_items import described, file_of_all, item_of, outflow_of, prepare_forks, refuse_traced, shared_arrays
from .output_plans import Plan
from .outputs import Output


class Job:
    """One save: planned in full, so that it is refused before anything is written, and then written.

    `writers` are the processes that write, the same in all of them. None is all where arrays span processes and each
    can write its own bytes, else process 0; where no array does, it is this one. What else is to be written,
    `afterwards`, is called once the file is in its place, by those that write, or process 0 where all do. With `joined`
    an error in the background of one process is raised in all, as it is where arrays span them. `seal` says how a
    stream is sealed; None is a plain one. `texts` go into the metadata of a safetensors file or an orbax folder.
    `keys` is that of `save`, and `meetings` what `meetings_of` says of the leaves.
    """

    def __init__(
        self,
        path: Path_ | Output,
        leaves: list[tuple[tuple[str, ...], Any]],
        float_name: str | None,
        copies: bool = False,
        *,
        meetings: Any,
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
        self._meetings, self._joined = meetings, joined or meetings is not None
        # A digest is made of all bytes of a leaf, front to back.
        may_share = meetings is not None and writers is None and not (seal is not None and seal.digests)
        shared = self._output.shared_output() if may_share else None
        self._by_all = by_all = shared is not None
        self._file: Any = None  # that all processes write
        self._shared_arrays = shared_arrays() if by_all else None
        arrays = [value for _, value in leaves if type(value) is not np.ndarray and is_device_array(value)]
        if arrays:
            prepare_forks()
        if by_all:
            arrays, writers = [array for array in arrays if array.is_fully_addressable], [0]
        self._outflow = outflow_of(arrays, writers, meetings) if arrays else None
        self._writes = self._outflow.writes if self._outflow is not None else _is_writer(writers)
        self._afterwards = afterwards
        name = self._output.shown if by_all else None
        facts = functools.partial(facts_of, leaves, name, copies, float_name, seal, writers)
        with agreed(meetings, facts):
            finish_earlier()
            if self._writes:
                self._output.check()
            with no_collection():
                as_it_is = not copies and self._dtype is None
                items = (
                    Item(path, described(path, value), functools.partial(array_payload, value))
                    if as_it_is and type(value) is np.ndarray  # the most of most trees
                    else self._item(number, path, value)
                    for number, (path, value) in enumerate(leaves)
                )
                if kind == SAFETENSORS:
                    items = self._in_order(leaves)
                    texts = None if texts is None else {**default_metadata(items), **texts}
                sealer = None
                if by_all:
                    items = list(items)
                if by_all and seal is not None:
                    steps, sealer = sealed_plan(items, seal, of_tree=True)
                    self._plan = Plan([("", steps)])
                else:
                    self._plan = self._output.plan(items, seal, texts, of_tree=True)
                sizes = self._plan.sizes()
                self._nbytes = sum(sizes)
            for held in (self._held if self._writes else None) or ():
                held[0] = np.array(held[0], order="K")
            self._held = None
        streamed = kind == STREAM
        too_big = too_big_for_old_loaders((path for path, _ in leaves), sizes) if streamed and seal is None else []
        if too_big and self._writes:
            # REC-4: "A writer SHOULD warn when it writes a larger one."
            shown = ", ".join(map(display, too_big[:3]))
            warnings.warn(f"loaders built on msgpack-python cannot read leaves over 2 GiB: {shown}", stacklevel=5)
        if by_all:
            steps = self._plan.files[0][1]
            self._file = file_of_all(name, shared, items, steps, sealer, self._shared_arrays, meetings)
            self._file.begin()

    def run(self, show: Show = silent) -> None:
        """Write now."""
        with held_back() if self._meetings is not None else contextlib.nullcontext():
            if self._by_all:
                self._write(show)
            else:
                with self._meetings or contextlib.nullcontext(), self._joint():
                    self._write(show)
        self._warn()

    def start(self) -> Saving:
        """Write in the background."""
        if self._outflow is not None and self._writes:
            self._outflow.go_on_without()
        spans = self._meetings is not None
        if self._by_all:
            self._file.keep()
        saving = Saving(self._output.shown, self._write, self._finish, needs_thread=spans)
        if self._outflow is not None and spans and not self._by_all:
            with given_up_on_error(saving), held_back(), self._meetings, self._joint():
                self._outflow.feed(lambda: not saving.done())
        return saving

    def _finish(self, error: BaseException | None) -> None:
        with _meeting(self._joined and not self._by_all, "the end of a save"):
            if error is not None:
                raise error
        self._warn()

    def _joint(self) -> contextlib.AbstractContextManager[None]:
        return self._outflow.joint.work() if self._outflow else contextlib.nullcontext()

    def _write(self, show: Show = silent) -> None:
        if self._file is not None:
            try:
                self._file.write(show, self._tally, self._afterwards)
            finally:  # as below
                self._plan.clear()
                self._file = None
            return
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
            if self._outflow is not None and self._meetings is None:
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
        made = {i: self._item(i, *leaves[i]) for i in order}
        return [made[i] for i in range(len(leaves))]

    def _item(self, number: int, path: tuple[str, ...], value: Any) -> Item:
        outflow, shared = self._outflow, self._shared_arrays
        refuse_traced(path, value)
        if not is_device_array(value):
            item = item_of(path, value, self._held)
        elif shared is not None and not value.is_fully_addressable:
            leaf = described(path, value)
            item = Item(path, cast_leaf(leaf, shared.add(number, path, value, leaf, self._dtype)), _comes_in_moves)
        else:
            assert outflow is not None
            leaf = described(path, value)
            item = Item(path, cast_leaf(leaf, outflow.add(path, value, leaf, self._dtype)), outflow.payload)
        return cast_item(item, self._dtype, self._tally.add)


def _comes_in_moves() -> Payload:
    raise AssertionError("the elements of an array that processes share come in moves")


def _is_writer(writers: Collection[int] | None) -> bool:
    if writers is None:
        return True
    import jax

    return jax.process_index() in writers


def _meeting(shared: bool, what: str) -> contextlib.AbstractContextManager[None]:
    if not shared:
        return contextlib.nullcontext()
    from ..devices.processes import together

    return together(True, what)
