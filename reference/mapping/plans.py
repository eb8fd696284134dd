"""What a map makes of leaves, from their key paths, dtypes and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..format.keypaths import display
from ..format.leaves import leaf_text
from .expressions import Axis
from .faults import ParameterNeeded, refuse_misfits
from .making import Target, refuse_clashes, refuse_what_does_not_come_back, targets_of
from .matching import Leaves, Taken, taken_by
from .sizes import SHAPES, Equation, Sizes, Value
from .tables import Definition, Table


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

    def sources(self) -> tuple[int, ...]:
        """The leaves, by their numbers, of which the targets are made, of each the first."""
        numbers = [target.sources[0] for target in self.steps[0]]
        for step in self.steps[1:]:
            numbers = [numbers[target.sources[0]] for target in step]
        return tuple(numbers)


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
    taken, left_out = taken_by(map, table, leaves)
    _solve(map, taken, sizes)
    targets = targets_of(taken, sizes, counts)
    refuse_clashes(targets, leaves)
    refuse_what_does_not_come_back(table, targets, leaves)
    return targets, left_out


def _solve(map: Definition, taken: Sequence[Taken], sizes: Sizes) -> None:
    """Solve the sizes of the axes of all leaves. Raises MapError."""
    by_equation: dict[int, tuple[Taken, Axis]] = {}
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
        what = f"is not ({' '.join(axis)}) where {known or 'it'}"
        unknown, product = sizes.unknown(equation)
        if unknown:
            factors = " * ".join(name for name in equation.names if name not in unknown)
            what = f"({' '.join(axis)}) cannot be divided by {factors} = {product}{known and f' with {known}'}"
        what = f"{leaf_text(each.leaf)}, and an axis of {equation.size} {what}"
        misfits.append((each.path, f"{what} (its rule says {each.rule.axes.text!r})"))
    refuse_misfits(misfits)
    if rest:
        text = _question(map, sizes, rest, by_equation[id(rest[0])][0])
        raise ParameterNeeded(text, [by_equation[id(equation)][0].path for equation in rest])


def _known(sizes: Sizes, name: str, own: Mapping[str, int]) -> str:
    """What is known of a size, and who says so."""
    size = sizes.size(name, own)
    if size is None or name.isdecimal():
        return ""
    value = sizes.values.get(name)
    return f"{name}={size}" + (f" ({value.source})" if value is not None and value.source != SHAPES else "")


def _is_odd(sizes: Sizes, equation: Equation) -> bool:
    """Whether no sizes of what is not known can make it hold."""
    product = sizes.unknown(equation)[1]
    return bool(equation.size % product if product else equation.size)


def _question(map: Definition, sizes: Sizes, rest: Sequence[Equation], first: Taken) -> str:
    asked = sizes.asked_for(rest)
    if not asked:
        names = " and ".join(sizes.unknown(rest[0])[0])
        return f"the sizes of {names} in {display(first.path)} do not follow from its shape; make one a parameter"
    texts = {name: map.parameters[name].about for name in asked}
    needs = " and ".join(f"{name} ({text})" if text else name for name, text in texts.items())
    flags = " ".join(f"--map_parameter={name}=N" for name in asked)
    return f"{map.name} needs {needs}: give {flags}, or put the model's config.json beside the input"
