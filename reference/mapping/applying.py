"""Maps applied: to the leaves of a file on their way to another, and to trees in memory."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..computing.index_moves import moved_array, moved_layout
from ..computing.layouts import Layout, NotStrided, is_as_it_stands, whole
from ..computing.moved_payloads import MovedPayload
from ..devices.states import flax_expansion
from ..format.keypaths import display
from ..format.leaves import Leaf, describe
from ..format.payloads import Payload, StoredPayload
from ..format.records import Item
from ..format.trees import flatten, unflatten
from .faults import MapError
from .making import Target
from .parameters import Known, given_values
from .plans import Plan, plan
from .tables import Definition


def planned(definition: Definition, items: Sequence[Item], known: Known) -> Plan:
    """What a map makes of the leaves of a file. Raises MapError."""
    return plan(definition, [(item.path, item.leaf) for item in items], known.values, known.equations)


def mapped_items(planned: Plan, items: Sequence[Item]) -> list[Item]:
    """The leaves that a map makes of those of a file, each moved when it is written, some 150 MB of it at a time.

    Payloads are those that `records.item_in` gives. Raises MapError where tables of which one follows another cannot be
    carried out in one pass.
    """
    layouts = [whole(number, _count(item.leaf)) for number, item in enumerate(items)]
    for step in planned.steps:
        layouts = [_layout(target, layouts) for target in step]
    return [_item(target, layout, items) for target, layout in zip(planned.targets, layouts, strict=True)]


def _count(leaf: Leaf) -> int:
    return leaf.nbytes // leaf.dtype.itemsize if leaf.dtype is not None else 1


def _layout(target: Target, layouts: Sequence[Layout]) -> Layout:
    sources = [layouts[number] for number in target.sources]
    if target.move is None:
        return sources[0]
    try:
        return moved_layout(target.move, sources)
    except NotStrided:
        text = f"{display(target.path)} cannot be made in one pass by a map in several steps"
        raise MapError(f"{text}; write a file with the first map, and apply the next to that", [target.path]) from None


def _item(target: Target, layout: Layout, items: Sequence[Item]) -> Item:
    first = items[layout.origins[0][0]]
    if target.leaf.dtype is None or is_as_it_stands(layout, _count(first.leaf)):
        return Item(target.path, target.leaf, first.payload)

    def opened(number: int) -> StoredPayload:
        payload = items[number].payload
        assert payload is not None
        return cast(StoredPayload, payload())

    def moved(itemsize: int) -> Payload:
        return MovedPayload(layout, itemsize, opened)

    return Item(target.path, target.leaf, functools.partial(moved, target.leaf.dtype.itemsize))


def mapped_tree(definition: Definition, tree: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The nested dict that a map makes of a tree of numpy or jax arrays. Raises MapError, UsageError, FormatError."""
    leaves = list(flatten(tree, expand=flax_expansion()))
    described = [(path, describe(value)) for path, value in leaves]
    steps = plan(definition, described, given_values(definition, parameters)).steps
    values = [value for _, value in leaves]
    for step in steps:
        values = [
            values[target.sources[0]]
            if target.move is None
            else moved_array(target.move, [values[number] for number in target.sources])
            for target in step
        ]
    return unflatten((target.path, value) for target, value in zip(steps[-1], values, strict=True))
