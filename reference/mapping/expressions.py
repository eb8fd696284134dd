"""Rearrangements of axes as people write them: "in (heads half 2) -> (heads 2 half) in".

Each side names the axes of an array, in order. Those in parentheses are one axis in the array, split or joined in C
order. Both sides have the same names, so that no element is lost, made or summed, and each side can be made of the
other. `...` stands for any axes, alike on both sides. A whole number is the size of an axis that needs no name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ..format.errors import UsageError

ELLIPSIS: Final = "..."
_TOKEN: Final = re.compile(r"\s*(\.\.\.|[()]|[A-Za-z_][A-Za-z0-9_]*|[1-9][0-9]*|(?P<bad>\S))")

Axis = tuple[str, ...]  # the names of the axes that are one, from the outermost; one name is that axis alone
Sizes = Mapping[str, int]


class Expression(NamedTuple):
    """The two sides, each its axes. An Expression and its `inverse` undo one another."""

    left: tuple[Axis, ...]
    right: tuple[Axis, ...]
    text: str

    @property
    def inverse(self) -> Expression:
        return Expression(self.right, self.left, self.text)


def parse(text: str) -> Expression:
    """The expression of a text; one without an arrow has the same axes on both sides. Raises UsageError."""
    sides = text.split("->")
    if len(sides) > 2:
        raise UsageError(f"{text!r} has more than one arrow; write it like 'a b -> b a'")
    left, right = _side(sides[0], text), _side(sides[-1], text)
    return Expression(left, right, text)


def _side(text: str, whole: str) -> tuple[Axis, ...]:
    axes: list[Axis] = []
    inner: list[str] | None = None
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match["bad"]:
            raise UsageError(f"{whole!r}: {text[at:].strip()[:1]!r} is not a name, a number, a parenthesis or ...")
        at, token = match.end(), match[1]
        if token == "(" and inner is None:
            inner = []
        elif token == ")" and inner is not None:
            axes.append(tuple(inner))
            inner = None
        elif token in "()" or (token == ELLIPSIS and inner is not None):
            raise UsageError(f"{whole!r}: parentheses hold names and numbers, and not other parentheses")
        elif inner is not None:
            inner.append(token)
        else:
            axes.append((token,))
    if inner is not None:
        raise UsageError(f"{whole!r}: a parenthesis is not closed")
    names = [name for axis in axes for name in axis if name != "1"]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{whole!r}: {twice[0]} occurs twice on one side; give each axis its own name")
    return tuple(axes)


def names_of(side: tuple[Axis, ...]) -> set[str]:
    """The names, and the numbers other than 1, of the axes of a side."""
    return {name for axis in side for name in axis if name != "1"}


def axes_for(side: tuple[Axis, ...], dimensions: int) -> tuple[Axis, ...] | None:
    """The side with a name in place of each axis that `...` stands for, None where it has another number of axes."""
    if (ELLIPSIS,) not in side:
        return side if len(side) == dimensions else None
    at = side.index((ELLIPSIS,))
    more = dimensions - len(side) + 1
    return (*side[:at], *rest_axes(more), *side[at + 1 :]) if more >= 0 else None


def rest_axes(count: int) -> list[Axis]:
    return [(f"{ELLIPSIS}{i}",) for i in range(count)]


def size_of(name: str, sizes: Sizes) -> int | None:
    """The size of an axis, None where it is not known yet."""
    return int(name) if name.isdecimal() else sizes.get(name)
