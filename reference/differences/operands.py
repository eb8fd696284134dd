"""A checkpoint that takes part in a difference: a file of any container, or a tree in memory or on devices."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.leaf_items import readable_item
from ..checkpoints.patterns import Chooser
from ..devices.states import flax_expansion
from ..format.collector import no_collection
from ..format.records import Item, item_in
from ..format.trees import depth_first, flatten

TREE: Final = "tree"


class Side(NamedTuple):
    """The leaves of a checkpoint in depth-first order (TREE-5), each ready to be read more than once."""

    name: str
    kind: str  # the container, or TREE
    items: list[Item]
    refuse_changes: Callable[[], None]  # raises OSError where the file was written to since it was opened
    digests: Mapping[tuple[str, ...], bytes] = MappingProxyType({})  # of leaves, where a seal states them


@contextlib.contextmanager
def open_side(checkpoint: Any, is_chosen: Chooser | None = None) -> Iterator[Side]:
    """Open `[PREFIX::]PATH`, or take a tree as `reference.save` does: what it leaves out is left out here.

    `is_chosen` says which leaves are wanted, None is all, and there may be none. Of an array on devices a piece at a
    time comes to the host, whenever its payload is read. Raises FormatError, OSError, UsageError.
    """
    if not isinstance(checkpoint, str | os.PathLike):
        items = [readable_item(*leaf) for leaf in flatten(checkpoint, expand=flax_expansion())]
        yield Side("the tree", TREE, depth_first(items), lambda: None)
        return
    with open_checkpoint(checkpoint, any_kind=True) as opened:
        opened.leave_out(is_chosen)
        with no_collection():
            items = [item_in(opened.source, record) for record in depth_first(opened.records)]
        yield Side(opened.source.name, opened.kind, items, opened.source.refuse_changes, opened.leaf_digests())
