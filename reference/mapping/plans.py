"""What a map makes of leaves, from their key paths, dtypes and shapes alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from ..computing.index_moves import Move
from ..format.errors import UsageError
from ..format.keypaths import KeyPath, display
from ..format.leaves import Leaf, leaf_text
from .expressions import ELLIPSIS, Axis, axes_for
from .sizes import Equation, Sizes, Value
from .tables import Definition, Rule, Table
from .templates import Found

_SHOWN: Final = 8  # key paths of each kind in an error

Leaves = Sequence[tuple[tuple[str, ...], Leaf]]


class MapError(UsageError):
    """A map that does not fit these leaves. `paths` are all the leaves that are at fault."""

    def __init__(self, detail: str, paths: Iterable[tuple[str, ...]] = ()) -> None:
        super().__init__(detail)
        self.paths = [KeyPath(path) for path in paths]


class ParameterNeeded(MapError):
    """A parameter that the shapes do not tell."""


class Target(NamedTuple):
    """A leaf that a table makes: of which ones, by their numbers, and how; without a move, of one as it stands."""

    path: tuple[str, ...]
    leaf: Leaf
    sources: tuple[int, ...]
    move: Move | None


class Plan(NamedTuple):
    """What a map makes of leaves.

    `steps` are the targets of each table, whose sources are leaves of the step before. `left_out` are the leaves that
    the map leaves out. `values` are the parameters, and `counts` how many values each placeholder has had.
    """

    steps: list[list[Target]]
    left_out: list[tuple[str, ...]]
    values: dict[str, Value]
    counts: dict[str, int]

    @property
    def targets(self) -> list[Target]:
        return self.steps[-1]


class _Taken(NamedTuple):
    """A leaf that a rule has taken. `left` and `right` are the axes of this one, and `own` the sizes of its alone."""

    number: int
    path: tuple[str, ...]
    leaf: Leaf
    rule: Rule
    found: Found
    left: tuple[Axis, ...] = ()
    right: tuple[Axis, ...] = ()
    own: dict[str, int] = {}


def plan(
    map: Definition, leaves: Leaves, given: Mapping[str, Value] | None = None, known: Sequence[Equation] = ()
) -> Plan:
    """What the map makes of leaves; `given` are parameters, and `known` what else is known of their sizes.

    Raises MapError, which lists the leaves: those that no rule takes, that are not of the form that a rule says, that
    are missing from a stack, of which two get one name, and that would not come back; and where a parameter is needed,
    which asks for it by name.
    """
    sizes = Sizes(map.parameters, given or {})
    sizes.solve(known)
    steps: list[list[Target]] = []
    left_out: list[tuple[str, ...]] = []
    counts: dict[str, int] = {}
    for table in map.tables:
        targets, without = _planned(map, table, leaves, sizes, counts)
        steps.append(targets)
        left_out += without
        leaves = [(target.path, target.leaf) for target in targets]
    return Plan(steps, left_out, sizes.values, counts)


def _planned(
    map: Definition, table: Table, leaves: Leaves, sizes: Sizes, counts: dict[str, int]
) -> tuple[list[Target], list[tuple[str, ...]]]:
    taken, left_out = _taken(map, table, leaves)
    _solve(map, taken, sizes)
    targets = _targets(taken, sizes, counts)
    _refuse_clashes(targets, leaves)
    _refuse_what_does_not_come_back(table.inverse, targets, leaves)
    return targets, left_out


# --- which rule takes what ------------------------------------------------------------------------------------------


def _match(table: Table, path: tuple[str, ...]) -> tuple[Rule, Found] | None:
    for rule in table.rules:
        if (found := rule.source.match(path)) is not None:
            return rule, found
    return None


def _is_left_out(table: Table, path: tuple[str, ...]) -> bool:
    return any(template.match(path) is not None for template in table.left_out)


def _taken(map: Definition, table: Table, leaves: Leaves) -> tuple[list[_Taken], list[tuple[str, ...]]]:
    """The leaves as the rules take them, and those that are left out. Raises MapError."""
    taken: list[_Taken] = []
    left_out: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []
    misfits: list[tuple[tuple[str, ...], str]] = []
    for number, (path, leaf) in enumerate(leaves):
        if _is_left_out(table, path):
            left_out.append(path)
            continue
        matched = _match(table, path)
        if matched is None:
            without.append(path)
            continue
        rule, found = matched
        each = _Taken(number, path, leaf, rule, found)
        if rule.axes is not None:
            sides = _sides(rule, leaf)
            if sides is None:
                misfits.append((path, f"{leaf_text(leaf)}, where its rule says {rule.axes.text!r}"))
                continue
            each = each._replace(left=sides[0], right=sides[1], own={})
        taken.append(each)
    if without:
        text = f"no rule of {map.name} takes {_listed(without)}"
        raise MapError(f"{text}; {_advice(map, table, leaves, without)}", without)
    _refuse_misfits(misfits)
    return taken, left_out


def _sides(rule: Rule, leaf: Leaf) -> tuple[tuple[Axis, ...], tuple[Axis, ...]] | None:
    """The axes of a leaf, and of what is made of it, with a name for each; None where it has other axes."""
    assert rule.axes is not None
    left = axes_for(rule.axes.left, len(leaf.shape)) if leaf.kind == "ndarray" else None
    if left is None:
        return None
    more = len(leaf.shape) - len(rule.axes.left)
    return left, axes_for(rule.axes.right, len(rule.axes.right) + more * ((ELLIPSIS,) in rule.axes.left)) or ()


def _refuse_misfits(misfits: Sequence[tuple[tuple[str, ...], str]]) -> None:
    if misfits:
        text = "; ".join(f"{display(path)} is {what}" for path, what in misfits[:_SHOWN])
        raise MapError(text + _and_more(len(misfits)), [path for path, _ in misfits])


def _listed(paths: Sequence[tuple[str, ...]], count: int | None = None) -> str:
    return ", ".join(map(display, paths[:_SHOWN])) + _and_more(len(paths) if count is None else count)


def _and_more(count: int) -> str:
    return f", and {count - _SHOWN} more" if count > _SHOWN else ""


def _advice(map: Definition, table: Table, leaves: Leaves, without: Sequence[tuple[str, ...]]) -> str:
    """What to do about leaves that no rule takes."""
    first = map.tables[0]
    if table is first:
        paths = [path for path, _ in leaves]
        for n in (1, 2):
            if len({path[:n] for path in paths}) == 1 and all(
                len(path) > n and _match(table, path[n:]) for path in paths
            ):
                return f"the rules fit what is under {display(paths[0][:n])}: --prefix={display(paths[0][:n])}"
        back = map.inverse()
        if all(_match(back.tables[0], path) or _is_left_out(back.tables[0], path) for path in paths):
            return f"the leaves are those of the other direction: {back.name}"
    return f"leave them out (--exclude={display(without[0])!r}), rename them (--rename), or add rules for them"


# --- sizes ----------------------------------------------------------------------------------------------------------


def _solve(map: Definition, taken: Sequence[_Taken], sizes: Sizes) -> None:
    """Solve the sizes of the axes of all leaves. Raises MapError."""
    by_equation: dict[int, tuple[_Taken, Axis]] = {}
    equations: list[Equation] = []
    for each in taken:
        for axis, size in zip(each.left, each.leaf.shape, strict=bool(each.left)):
            equation = Equation(size, tuple(name for name in axis if name != "1"), each.own)
            by_equation[id(equation)] = each, axis
            equations.append(equation)
    rest = sizes.solve(equations)
    wrong = [equation for equation in rest if not sizes.unknown(equation)[0] or _is_odd(sizes, equation)]
    misfits: list[tuple[tuple[str, ...], str]] = []
    for equation in wrong:
        each, axis = by_equation[id(equation)]
        assert each.rule.axes is not None
        known = ", ".join(text for name in axis if (text := _known(sizes, name, each.own)))
        what = f"{leaf_text(each.leaf)}, and an axis of {equation.size} is not ({' '.join(axis)}) where {known or 'it'}"
        misfits.append((each.path, f"{what} (its rule says {each.rule.axes.text!r})"))
    _refuse_misfits(misfits)
    if rest:
        text = _question(map, sizes, rest, by_equation[id(rest[0])][0])
        raise ParameterNeeded(text, [by_equation[id(equation)][0].path for equation in rest])


def _known(sizes: Sizes, name: str, own: Mapping[str, int]) -> str:
    """What is known of a size, and who says so."""
    size = sizes.size(name, own)
    if size is None or name.isdecimal():
        return ""
    value = sizes.values.get(name)
    return f"{name}={size}" + (f" ({value.source})" if value is not None and value.source != "the shapes" else "")


def _is_odd(sizes: Sizes, equation: Equation) -> bool:
    """Whether no sizes of what is not known can make it hold."""
    product = sizes.unknown(equation)[1]
    return bool(equation.size % product if product else equation.size)


def _question(map: Definition, sizes: Sizes, rest: Sequence[Equation], first: _Taken) -> str:
    asked = sizes.asked_for(rest)
    if not asked:
        names = " and ".join(sizes.unknown(rest[0])[0])
        return f"the sizes of {names} in {display(first.path)} do not follow from its shape; make one a parameter"
    needs = " and ".join(
        f"{name}, {map.parameters[name].about}" if map.parameters[name].about else name for name in asked
    )
    flags = " ".join(f"--map_parameter={name}=N" for name in asked)
    return f"{map.name} needs {needs}: give {flags}, or put the model's config.json beside the input"


# --- what is made ---------------------------------------------------------------------------------------------------


def _targets(taken: Sequence[_Taken], sizes: Sizes, counts: dict[str, int]) -> list[Target]:
    """The leaves that are made, in the order in which the first of their sources stand. Raises MapError."""
    groups: dict[tuple[int, tuple[str, ...], int], list[_Taken]] = {}
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


def _made(group: list[_Taken], sizes: Sizes, counts: dict[str, int]) -> Iterator[Target]:
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
    new = leaf._replace(shape=shape, nbytes=math.prod(shape) * (leaf.dtype or np.dtype(bool)).itemsize, extents=())
    numbers = tuple(each.number for each in sorted(group, key=_stack_index))
    apart = [size(name) for name in rule.unstacked]
    for name, count in zip(rule.unstacked, apart, strict=True):
        counts.setdefault(name, count)
    if 0 in apart:
        _refuse_misfits([(first.path, f"{leaf_text(leaf)}, a stack of none, which leaves nothing to come back from")])
    for index in itertools.product(*map(range, apart)):
        found = {**first.found, **{name: str(i) for name, i in zip(rule.unstacked, index, strict=True)}}
        fixed = {left.index(name): i for name, i in zip(rule.unstacked, index, strict=True)}
        move = Move(tuple(map(size, left)), fixed, stack, order, shape)
        is_same = not fixed and not stack and order == tuple(range(len(order))) and shape == leaf.shape
        yield Target(rule.target.fill(found), new, numbers, None if is_same else move)


def _stack_index(each: _Taken) -> tuple[int, ...]:
    return tuple(int(each.found[name]) for name in each.rule.stacked)


def _stack_sizes(group: list[_Taken]) -> tuple[int, ...]:
    """How many leaves are stacked along each placeholder. Raises MapError where some are missing, or differ."""
    first = group[0]
    indices = set(map(_stack_index, group))
    stack = tuple(max(along) + 1 for along in zip(*indices, strict=True))
    if math.prod(stack) != len(group):
        there = (index for index in itertools.product(*map(range, stack)) if index not in indices)
        missing = [
            first.rule.source.fill({**first.found, **dict(zip(first.rule.stacked, map(str, index), strict=True))})
            for index in itertools.islice(there, _SHOWN)
        ]
        count = math.prod(stack) - len(group)
        are = "is" if count == 1 else "are"
        raise MapError(f"of the leaves that are stacked, {_listed(missing, count)} {are} missing", missing)
    _refuse_misfits(
        [
            (each.path, f"{leaf_text(each.leaf)}, and is stacked with {display(first.path)}, {leaf_text(first.leaf)}")
            for each in group
            if (each.leaf.dtype, each.leaf.shape) != (first.leaf.dtype, first.leaf.shape)
        ]
    )
    return stack


# --- and comes back -------------------------------------------------------------------------------------------------


def _refuse_clashes(targets: Sequence[Target], leaves: Leaves) -> None:
    """Refuse targets of the same name."""
    by_path: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for target in targets:
        by_path.setdefault(target.path, []).append(leaves[target.sources[0]][0])
    clashes = {path: sources for path, sources in by_path.items() if len(sources) > 1}
    if clashes:
        shown = [f"{' and '.join(map(display, sources[:3]))} as {display(path)}" for path, sources in clashes.items()]
        text = f"two leaves would get one name: {'; '.join(shown[:_SHOWN])}{_and_more(len(shown))}"
        raise MapError(text, [path for sources in clashes.values() for path in sources])


def _refuse_what_does_not_come_back(back: Table, targets: Sequence[Target], leaves: Leaves) -> None:
    """Refuse targets that the inverse would not take to where they come from."""
    lost: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for target in targets:
        matched = None if _is_left_out(back, target.path) else _match(back, target.path)
        paths = {leaves[number][0] for number in target.sources}
        if matched is None:
            lost.append((target.path, min(paths)))
            continue
        rule, found = matched
        template = rule.target
        if not any(
            template.fill({**(template.match(path) or {}), **found}) == path
            for path in paths
            if template.match(path) is not None
        ):
            lost.append((target.path, min(paths)))
    if lost:
        shown = ", ".join(f"{display(path)} to {display(source)}" for path, source in lost[:_SHOWN])
        text = (
            f"the map would not lead back from {shown}{_and_more(len(lost))}; another rule takes it: put that one later"
        )
        raise MapError(text, [source for _, source in lost])
