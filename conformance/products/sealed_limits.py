"""Limits of chapters 02 to 04 that hold in the index as well (INDEX-6): what goes beyond one stands in the index alone,
or in the record as well."""

from __future__ import annotations

from typing import Any, Final

from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import number, tensor
from .product import Plain, product

_WHERE: Final = (
    Plain("index", "the index alone says so", False),
    Plain("both", "the record and the index say so", True),
)
# Both sides of what counts in 8 and 16 bits, and what is a small number there.
_COUNTS: Final = (1, 2, 63, 64, 190, 191, 192, 194, 448)
_DIMENSIONS: Final = [
    Plain(f"{64 + n}-dimensions", f"a shape of {64 + n} dimensions", ("LEAF-3", [1] * (64 + n))) for n in _COUNTS
]
_PATHS: Final = [
    *(Plain(f"{n}-parts", f"a key path of {n} parts", ("KEY-3", ["p"] * n)) for n in (513, 514, 767, 768, 769, 1024)),
    Plain("65536-bytes", "a key of 65,536 bytes", ("KEY-4", ["k" * 65_536])),
    Plain("65537-bytes", "two keys of 65,537 bytes together", ("KEY-4", ["k" * 65_530, "l" * 7])),
    Plain("21846-characters", "a key of 21,846 characters of three bytes", ("KEY-4", ["\u20ac" * 21_846])),
]


def _fields(leaf: list[Any], place: int, value: Any) -> list[Any]:
    return [*leaf[:place], value, *leaf[place + 1 :]]


@product("INDEX-6", want="reject", places=_WHERE, sizes=_DIMENSIONS, also=lambda *_: ("LEAF-3", "INDEX-7"))
def more_dimensions_than_a_shape_may_have(where: Plain, size: Plain):
    """A shape in the index has more than 64 dimensions, all of them 1."""
    _, shape = size.value
    whole = sealed([number("a", 1), tensor("k", "int8", shape if where.value else [1] * (len(shape) % 64), "07")])
    says = whole.says()
    says["leaves"][1] = _fields(says["leaves"][1], 3, shape)
    return whole.data(says)


@product("INDEX-6", want="reject", places=_WHERE, sizes=_PATHS, also=lambda _, size: (size.value[0], "INDEX-7"))
def key_paths_that_are_too_long_in_the_index(where: Plain, size: Plain):
    """A key path in the index has more than 512 parts, or 65,535 bytes."""
    clause, path = size.value
    if where.value and clause == "KEY-4" and len(path) == 1:  # the corpus is to stay small
        return None
    whole = sealed([number("a", 1), number(path if where.value else "k", 7)])
    says = whole.says()
    says["leaves"][1] = _fields(says["leaves"][1], 0, path)
    return whole.data(says)
