"""A checkpoint that takes part in a difference: a file of any container, or a tree in memory or on devices."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.leaf_items import readable_item
from ..checkpoints.outputs import Output
from ..checkpoints.patterns import Chooser
from ..containers.load_prefixes import split_prefix
from ..containers.safetensors_file import SAFETENSORS, SPLIT
from ..devices.states import flax_expansion
from ..format.collector import no_collection
from ..format.errors import FormatError
from ..format.records import Item, extents_of, item_in
from ..format.trees import depth_first, flatten
from ..storage.local_files import Path_
from ..storage.place import Place
from ..storage.reading_ahead import expect
from ..storage.same_files import refuse_an_input

TREE: Final = "tree"


def refuse_operands(output: Place | Output, operands: dict[str, Any]) -> None:
    """Refuse an output that is one of the files it is made from (see `refuse_an_input`); trees are none."""
    named = {what: operand for what, operand in operands.items() if isinstance(operand, str | os.PathLike)}
    inputs: dict[str, Path_] = {what: split_prefix(path)[1] for what, path in named.items()}
    output.refuse_inputs(inputs) if isinstance(output, Output) else refuse_an_input(output, inputs)


class Side(NamedTuple):
    """The leaves of a checkpoint in depth-first order (TREE-5), each ready to be read more than once."""

    name: str
    kind: str  # the container, or TREE
    items: list[Item]
    refuse_changes: Callable[[], None]  # raises OSError where the file was written to since it was opened
    expect: Callable[[], None]  # says that all leaves will be read, in their order (`storage.reading_ahead`)
    digests: Mapping[tuple[str, ...], bytes] = MappingProxyType({})  # of leaves, where a seal states them
    metadata: Mapping[str, Any] = MappingProxyType({})
    first: Sequence[tuple[str, ...]] = ()  # key paths of some leaves, whether they are wanted or not

    @property
    def left_out(self) -> tuple[str, ...]:
        """The keys of its metadata for which a difference has no place."""
        return tuple(key for key in self.metadata if key not in _FRAMEWORK)


_FRAMEWORK: Final = ("format",)  # the metadata of safetensors that is taken over: it says whose names leaves have


def framework(side: Side, kind: str) -> dict[str, Any] | None:
    """The metadata of safetensors that is made of a side and another of the same names; None is the default one."""
    found = {key: value for key, value in side.metadata.items() if key in _FRAMEWORK}
    return found if found and side.kind == kind == SAFETENSORS else None


@contextlib.contextmanager
def _whole(is_chosen: Chooser | None) -> Iterator[None]:
    """Of what takes whole checkpoints alone, no refusal advises to leave leaves out."""
    try:
        yield
    except FormatError as error:
        if is_chosen is None and "--exclude" in (error.advice or ""):
            keeps = ", or keep names whole with --names=whole (names=)" if error.clause.startswith("STREAM") else ""
            error.advice = f"convert it with --exclude (exclude=) first{keeps}"
        raise


@contextlib.contextmanager
def open_side(checkpoint: Any, is_chosen: Chooser | None = None, names: str = SPLIT) -> Iterator[Side]:
    """Open `[PREFIX::]PATH`, or take a tree as `reference.save` does: what it leaves out is left out here.

    `is_chosen` says which leaves are wanted, None is all, and there may be none; `names` is that of `open`. An array on
    devices comes to the host a piece at a time, whenever its payload is read. Raises FormatError, OSError, UsageError.
    """
    if not isinstance(checkpoint, str | os.PathLike):
        items = [readable_item(*leaf) for leaf in flatten(checkpoint, expand=flax_expansion())]
        first = [item.path for item in items[:3]]
        yield Side("the tree", TREE, depth_first(items), lambda: None, lambda: None, first=first)
        return
    with open_checkpoint(checkpoint, names=names) as opened:
        first = [record.path for record in opened.listed[:3]]
        opened.leave_out(is_chosen)
        with no_collection(), _whole(is_chosen):
            records = depth_first(opened.records)
            items = [item_in(opened.source, record) for record in records]
        source = opened.source
        digests = opened.leaf_digests()
        yield Side(
            source.name,
            opened.kind,
            items,
            source.refuse_changes,
            lambda: expect(source, extents_of(records)),
            digests,
            opened.metadata,
            first,
        )
