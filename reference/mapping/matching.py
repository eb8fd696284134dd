"""Which rule of a table takes which leaf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..containers.load_prefixes import WEIGHTS
from ..format.keypaths import display
from ..format.leaves import Leaf, leaf_text
from .expressions import ELLIPSIS, Axis, axes_for
from .faults import MapError, listed, refuse_misfits
from .tables import Definition, Rule, Table
from .templates import Found

Leaves = Sequence[tuple[tuple[str, ...], Leaf]]


class Taken(NamedTuple):
    """A leaf that a rule has taken. `left` and `right` are the axes of this one, and `own` the sizes of its alone."""

    number: int
    path: tuple[str, ...]
    leaf: Leaf
    rule: Rule
    found: Found
    left: tuple[Axis, ...] = ()
    right: tuple[Axis, ...] = ()
    own: dict[str, int] = {}


def match(table: Table, path: tuple[str, ...]) -> tuple[Rule, Found] | None:
    for rule in table.rules:
        if (found := rule.source.match(path)) is not None:
            return rule, found
    return None


def is_left_out(table: Table, path: tuple[str, ...]) -> bool:
    return any(template.match(path) is not None for template in table.left_out)


def taken_by(map: Definition, table: Table, leaves: Leaves) -> tuple[list[Taken], list[tuple[str, ...]]]:
    """The leaves as the rules take them, and those that are left out. Raises MapError."""
    taken: list[Taken] = []
    left_out: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []
    misfits: list[tuple[tuple[str, ...], str]] = []
    for number, (path, leaf) in enumerate(leaves):
        if is_left_out(table, path):
            left_out.append(path)
            continue
        matched = match(table, path)
        if matched is None:
            without.append(path)
            continue
        rule, found = matched
        each = Taken(number, path, leaf, rule, found)
        if rule.axes is not None:
            sides = _sides(rule, leaf)
            if sides is None:
                misfits.append((path, f"{leaf_text(leaf)}, where its rule says {rule.axes.text!r}"))
                continue
            each = each._replace(left=sides[0], right=sides[1], own={})
        taken.append(each)
    if without:
        text = f"no rule of {map.name} takes {listed(without)}"
        raise MapError(f"{text}; {_advice(map, table, leaves, without)}", without)
    refuse_misfits(misfits)
    return taken, left_out


def _sides(rule: Rule, leaf: Leaf) -> tuple[tuple[Axis, ...], tuple[Axis, ...]] | None:
    """The axes of a leaf, and of what is made of it, with a name for each; None where it has other axes."""
    assert rule.axes is not None
    left = axes_for(rule.axes.left, len(leaf.shape)) if leaf.kind == "ndarray" else None
    if left is None:
        return None
    more = len(leaf.shape) - len(rule.axes.left)
    return left, axes_for(rule.axes.right, len(rule.axes.right) + more * ((ELLIPSIS,) in rule.axes.left)) or ()


def _advice(map: Definition, table: Table, leaves: Leaves, without: Sequence[tuple[str, ...]]) -> str:
    """What to do about leaves that no rule takes."""
    first = map.tables[0]
    if table is first:
        paths = [path for path, _ in leaves]
        for n in (1, 2):
            if len({path[:n] for path in paths}) == 1 and all(
                len(path) > n and match(table, path[n:]) for path in paths
            ):
                return f"the rules fit what is under {display(paths[0][:n])}: --prefix={display(paths[0][:n])}"
        if len(without) == len(paths):
            for n in (2, 1):
                for prefix in dict.fromkeys(path[:n] for path in paths if len(path) > n):
                    if all(match(table, path[n:]) for path in paths if path[:n] == prefix and len(path) > n):
                        text = f"the rules fit what is under {display(prefix)}: --prefix={display(prefix)}"
                        return f"{text}, or trainstate_params::" if prefix == WEIGHTS else text
        back = map.inverse()
        if all(match(back.tables[0], path) or is_left_out(back.tables[0], path) for path in paths):
            return f"the leaves are those of the other direction: {back.name}"
    return f"leave them out (--exclude={display(without[0])!r}), rename them (--rename), or add rules for them"
