"""Where the elements of an array stand in others: the algebra of index moves, which looks at no element.

A layout is a view with strides, over one array or over several that are stacked. Splitting, permuting, indexing and
stacking make another of it, so that any sequence of them is carried out in one pass over the bytes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Dim(NamedTuple):
    """One loop over the elements of a layout: neighbours are `step` elements, or `jump` origins, apart."""

    size: int
    step: int
    jump: int = 0


class Layout(NamedTuple):
    """The elements of an array in C order, as loops over where they stand.

    `origins` are the arrays that they stand in, as (number of the array, its first element); which of them an element
    stands in is the sum of the jumps. Loops of size 1 are left out; a layout of no elements has one of size 0.
    """

    dims: tuple[Dim, ...]
    origins: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(dim.size for dim in self.dims)


class NotStrided(ValueError):
    """A split that no loops can stand for: its elements have to be put in order first, in a pass of their own."""


def whole(number: int, size: int) -> Layout:
    """All elements of the array with this number, in C order."""
    return Layout(merged([Dim(size, 1)]), ((number, 0),))


def merged(dims: Iterable[Dim]) -> tuple[Dim, ...]:
    """The loops with neighbours that make one joined, and those of size 1 left out."""
    found: list[Dim] = []
    for dim in dims:
        if dim.size == 0:
            return (Dim(0, 1),)
        if dim.size == 1:
            continue
        if found and found[-1][1:] == (dim.size * dim.step, dim.size * dim.jump):
            dim = Dim(found.pop().size * dim.size, dim.step, dim.jump)
        found.append(dim)
    return tuple(found)


def split(layout: Layout, sizes: Sequence[int]) -> list[tuple[Dim, ...]]:
    """The loops of a layout in groups that have these sizes, whose product is the layout's. Raises NotStrided."""
    if 0 in sizes:
        return [(Dim(size, 0),) for size in sizes]
    left = list(reversed(layout.dims))
    groups: list[tuple[Dim, ...]] = []
    for size in sizes:
        group: list[Dim] = []
        while size > 1:
            dim = left.pop()
            if size % dim.size == 0:
                group.append(dim)
                size //= dim.size
            elif dim.size % size == 0:
                inner = dim.size // size
                group.append(Dim(size, inner * dim.step, inner * dim.jump))
                left.append(Dim(inner, dim.step, dim.jump))
                size = 1
            else:
                raise NotStrided
        groups.append(tuple(group))
    return groups


def joined(groups: Iterable[tuple[Dim, ...]], origins: Sequence[tuple[int, int]]) -> Layout:
    """The layout whose loops are those of the groups, one group within the other."""
    return _settled(merged(itertools.chain.from_iterable(groups)), origins)


def indexed(
    groups: Sequence[tuple[Dim, ...]], origins: Sequence[tuple[int, int]], index: dict[int, int]
) -> tuple[list[tuple[Dim, ...]], tuple[tuple[int, int], ...]]:
    """The groups but for those at the positions in `index`, of which the element with that number is taken."""
    element = origin = 0
    for position, number in index.items():
        for dim in reversed(groups[position]):
            number, at = divmod(number, dim.size)
            element += at * dim.step
            origin += at * dim.jump
    kept = [group for position, group in enumerate(groups) if position not in index]
    return kept, tuple((number, first + element) for number, first in origins[origin:])


def stacked(layouts: Sequence[Layout]) -> Layout:
    """Layouts with the same loops as one, whose first loop is over them. Raises NotStrided where they differ."""
    if len({(layout.dims, len(layout.origins)) for layout in layouts}) > 1:
        raise NotStrided
    first = layouts[0]
    origins = tuple(itertools.chain.from_iterable(layout.origins for layout in layouts))
    return Layout(merged([Dim(len(layouts), 0, len(first.origins)), *first.dims]), origins)


def _settled(dims: tuple[Dim, ...], origins: Sequence[tuple[int, int]]) -> Layout:
    """The layout with those origins alone that its loops come to, in the order of the loops."""
    numbers = [0]
    size = 1
    kept: list[Dim] = []
    for dim in reversed(dims):
        if dim.jump:
            numbers = [number + i * dim.jump for i in range(dim.size) for number in numbers]
            dim, size = Dim(dim.size, dim.step, size), size * dim.size
        kept.append(dim)
    return Layout(merged(reversed(kept)), tuple(origins[number] for number in numbers))


def is_as_it_stands(layout: Layout, size: int) -> bool:
    """Whether these are all `size` elements of one array, in its own order."""
    return layout.dims in ((), (Dim(size, 1),)) and len(layout.origins) == 1 and layout.size == size
