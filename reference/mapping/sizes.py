"""The sizes of named axes, solved from the shapes of all leaves together and from what is known beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from .expressions import size_of
from .tables import Parameter

Number = int | float
SHAPES: Final = "the shapes"  # which say how large something is


class Value(NamedTuple):
    """The value of a parameter, and who says so: "the shapes", "config.json", ..."""

    value: Number
    source: str


class Equation(NamedTuple):
    """The product of the sizes of these names is `size`. Names that are not parameters are those of one leaf alone,
    of which `own` holds the sizes.
    """

    size: int
    names: tuple[str, ...]
    own: dict[str, int]


class Sizes:
    """The values of parameters as they become known."""

    def __init__(self, parameters: Mapping[str, Parameter], given: Mapping[str, Value]) -> None:
        self.parameters = parameters
        self.values: dict[str, Value] = dict(given)

    def solve(self, equations: Iterable[Equation]) -> list[Equation]:
        """Solve what can be solved. Gives those that are still open, or that do not hold: `unknown` tells which."""
        left = list(equations)
        while True:
            rest = [equation for equation in left if not self._settled(equation)]
            if len(rest) == len(left) and not self._look_up():
                return rest
            left = rest

    def _settled(self, equation: Equation) -> bool:
        """Whether the equation holds, now that the one unknown of it, if it had one, is known."""
        unknown, product = self.unknown(equation)
        if len(unknown) == 0:
            return product == equation.size
        if len(unknown) > 1 or not product or equation.size % product:
            return False
        (name,) = unknown
        size = equation.size // product
        if name in self.parameters:
            self.values[name] = Value(size, SHAPES)
        else:
            equation.own[name] = size
        return True

    def unknown(self, equation: Equation) -> tuple[list[str], int]:
        """The names whose sizes are not known, and the product of those that are."""
        known: list[int] = []
        unknown: list[str] = []
        for name in equation.names:
            size = self.size(name, equation.own)
            unknown.append(name) if size is None else known.append(size)
        return unknown, math.prod(known)

    def size(self, name: str, own: Mapping[str, int]) -> int | None:
        if name in self.parameters:
            found = self.values.get(name)
            return None if found is None else int(found.value)
        return size_of(name, own)

    def _look_up(self) -> bool:
        """Take one value from what is known by the value of another; whether there was any."""
        for name, parameter in self.parameters.items():
            for other, row in parameter.known.items():
                size = self.size(other, {})
                if name not in self.values and size is not None and size in row:
                    self.values[name] = Value(row[size], f"{other}={size}")
                    return True
        return False

    def asked_for(self, equations: Sequence[Equation]) -> list[str]:
        """The parameters that would settle open equations, the fewest that are known to help: in the table's order."""
        open_names = {name for equation in equations for name in self.unknown(equation)[0]}
        asked: list[str] = []
        tried = Sizes(self.parameters, self.values)
        for name in self.parameters:
            if name in open_names and name not in tried.values:
                asked.append(name)
                tried.values[name] = Value(1, "")  # any number: what matters is what would then be known
                open_names -= tried._follow(equations)
        return asked

    def _follow(self, equations: Sequence[Equation]) -> set[str]:
        """The parameters that become known, whatever their sizes are."""
        found = set(self.values)
        while True:
            new = {
                names[0]
                for equation in equations
                if len(names := [n for n in self.unknown(equation)[0] if n not in found]) == 1
            }
            if not new:
                break
            found |= new
        self.values |= {name: Value(1, "") for name in found}
        return found
