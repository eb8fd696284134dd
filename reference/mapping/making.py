"""The leaves that rules make of those that they take, and whether these come back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..computing.index_moves import Move
from ..format.arrays import size_of
from ..format.errors import FormatError
from ..format.keypaths import display
from ..format.leaves import Leaf, leaf_text
from ..format.records import with_path
from .faults import SHOWN, MapError, and_more, listed, refuse_misfits
from .matching import Leaves, Taken, is_left_out, match
from .sizes import Sizes
from .tables import Table


class Target(NamedTuple):
    """A leaf that a table makes: of which ones, by their numbers, and how; without a move, of one as it stands."""

    path: tuple[str, ...]
    leaf: Leaf
    sources: tuple[int, ...]
    move: Move | None


def targets_of(taken: Sequence[Taken], sizes: Sizes, counts: dict[str, int]) -> list[Target]:
    """The leaves that are made, in the order in which the first of their sources stand. Raises MapError."""
    groups: dict[tuple[int, tuple[str, ...], int], list[Taken]] = {}
    values: dict[str, set[str]] = {}
    for each in taken:
        stacked = each.rule.stacked
        found = {**each.found, **dict.fromkeys((*stacked, *each.rule.unstacked), "0")}
        key = id(each.rule), each.rule.target.fill(found), -1 if stacked else each.number
        groups.setdefault(key, []).append(each)
        for name, text in each.found.items():
            values.setdefault(name, set()).add(text)
    for name, texts in values.items():
        counts.setdefault(name, len(texts))
    return [target for group in groups.values() for target in _made(group, sizes, counts)]


def _made(group: list[Taken], sizes: Sizes, counts: dict[str, int]) -> Iterator[Target]:
    """What is made of leaves that are stacked, or of one."""
    first = group[0]
    rule, leaf = first.rule, first.leaf
    if rule.axes is None:
        yield Target(rule.target.fill(first.found), leaf, (first.number,), None)
        return
    stack = _stack_sizes(group)
    own = {**first.own, **dict(zip(rule.stacked, stack, strict=True))}

    def size(name: str) -> int:
        found = sizes.size(name, own)
        assert found is not None
        return found

    left = [name for axis in first.left for name in axis if name != "1"]
    now = [*rule.stacked, *(name for name in left if name not in rule.unstacked)]
    order = tuple(now.index(name) for axis in first.right for name in axis if name != "1")
    shape = tuple(math.prod(size(name) for name in axis) for axis in first.right)
    new = _leaf(first, shape)
    numbers = tuple(each.number for each in sorted(group, key=_stack_index))
    apart = [size(name) for name in rule.unstacked]
    for name, count in zip(rule.unstacked, apart, strict=True):
        counts.setdefault(name, count)
    if 0 in apart:
        refuse_misfits([(first.path, f"{leaf_text(leaf)}, an empty stack, from which nothing could come back")])
    for index in itertools.product(*map(range, apart)):
        found = {**first.found, **{name: str(i) for name, i in zip(rule.unstacked, index, strict=True)}}
        fixed = {left.index(name): i for name, i in zip(rule.unstacked, index, strict=True)}
        move = Move(tuple(map(size, left)), fixed, stack, order, shape)
        is_same = not fixed and not stack and order == tuple(range(len(order))) and shape == leaf.shape
        yield Target(rule.target.fill(found), new, numbers, None if is_same else move)


def _leaf(first: Taken, shape: tuple[int, ...]) -> Leaf:
    """An array of this shape, of the dtype of its sources. Raises LEAF-4."""
    assert first.leaf.dtype is not None
    try:
        nbytes = size_of(shape, first.leaf.dtype)
    except FormatError as error:
        raise with_path(first.path, error) from None
    return first.leaf._replace(shape=shape, nbytes=nbytes, extents=())


def _stack_index(each: Taken) -> tuple[int, ...]:
    return tuple(int(each.found[name]) for name in each.rule.stacked)


def _stack_sizes(group: list[Taken]) -> tuple[int, ...]:
    """How many leaves are stacked along each placeholder. Raises MapError where some are missing, or differ."""
    first = group[0]
    indices = set(map(_stack_index, group))
    stack = tuple(max(along) + 1 for along in zip(*indices, strict=True))
    if math.prod(stack) != len(group):
        there = (index for index in itertools.product(*map(range, stack)) if index not in indices)
        missing = [
            first.rule.source.fill({**first.found, **dict(zip(first.rule.stacked, map(str, index), strict=True))})
            for index in itertools.islice(there, SHOWN)
        ]
        count = math.prod(stack) - len(group)
        are = "is" if count == 1 else "are"
        raise MapError(f"of the leaves that are stacked, {listed(missing, count)} {are} missing", missing)
    refuse_misfits(
        [
            (each.path, f"{leaf_text(each.leaf)}, and is stacked with {display(first.path)}, {leaf_text(first.leaf)}")
            for each in group
            if (each.leaf.dtype, each.leaf.shape) != (first.leaf.dtype, first.leaf.shape)
        ]
    )
    return stack


# --- and comes back -------------------------------------------------------------------------------------------------


def refuse_clashes(targets: Sequence[Target], leaves: Leaves) -> None:
    """Refuse targets of the same name."""
    by_path: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for target in targets:
        by_path.setdefault(target.path, []).append(leaves[target.sources[0]][0])
    clashes = {path: sources for path, sources in by_path.items() if len(sources) > 1}
    if clashes:
        shown = [f"{' and '.join(map(display, sources[:3]))} as {display(path)}" for path, sources in clashes.items()]
        text = f"two leaves would get the same name: {'; '.join(shown[:SHOWN])}{and_more(len(shown))}"
        raise MapError(text, [path for sources in clashes.values() for path in sources])


def refuse_what_does_not_come_back(table: Table, targets: Sequence[Target], leaves: Leaves) -> None:
    """Refuse targets that the inverse would not take to where they come from, by the same rule."""
    back = table.inverse
    lost: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for target in targets:
        source = leaves[target.sources[0]][0]
        there, here = match(table, source), match(back, target.path)
        if there is None or here is None or here[0].inverse != there[0] or is_left_out(back, target.path):
            lost.append((target.path, source))
            continue
        stacked = {name: there[1][name] for name in there[0].stacked}
        if here[0].target.fill({**here[1], **stacked}) != source:
            lost.append((target.path, source))
    if lost:
        shown = ", ".join(f"{display(path)} to {display(source)}" for path, source in lost[:SHOWN])
        text = f"the inverse of the map would not lead back from {shown}{and_more(len(lost))}"
        raise MapError(
            f"{text}: another rule takes the leaf there, or none does; change the order of the rules",
            [source for _, source in lost],
        )
