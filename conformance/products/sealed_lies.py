"""An index that says something else of a leaf than its record, while all checksums fit: of leaves of every kind, which
stand first, between others, or last (INDEX-7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..assembly import patterned
from ..cases.sealed_assembly import Sealed, detached, sealed
from ..cases.sealed_leaves import Item, number, of_specimen, tensor
from .product import Plain, product
from .specimens import SPECIMENS

_PADDED: Final = tensor("k", "uint8", (64, 64), patterned(4096))
_NONE: Final = tensor("k", "int16", (0, 3), "")
_LEAVES: Final = {one.name: of_specimen(one) for one in SPECIMENS} | {"padded": _PADDED, "no-elements": _NONE}


class Position(NamedTuple):
    """A leaf in a stream of three."""

    leaf: str
    place: int
    part: str = "stream"

    @property
    def name(self) -> str:
        return f"{self.leaf}-{('first', 'second', 'last')[self.place]}"

    @property
    def about(self) -> str:
        return f"the {self.leaf.replace('-', ' ')}, the {('first', 'second', 'last')[self.place]} of three leaves"

    def sealed(self) -> Sealed:
        return sealed(self._items())

    def detached(self) -> Sealed:
        return detached(self._items())

    def _items(self) -> list[Item]:
        others: list[Item] = [number("a", 1), number("z", 2)]
        return [*others[: self.place], _LEAVES[self.leaf], *others[self.place :]]


_POSITIONS: Final = [
    Position(leaf, place) for leaf in _LEAVES for place in (0, 1, 2) if place == 1 or leaf in ("int", "array", "padded")
]

# What is said of a leaf: its path, kind, dtype, shape, size, payload and checksums; None where there is nothing to say.
Says = list[Any]
_DTYPES: Final = {"int16": "uint16", "float32": "int32", "uint8": "int8"}
_WIDER: Final = {"int16": ("float32", 2), "uint8": ("uint16", 2)}
_OTHER_KIND: Final = {
    "int": "float",
    "float": "int",
    "str": "bin",
    "bin": "str",
    "nil": "empty",
    "empty": "nil",
    "bool": "int",
    "complex": "float",
    "ndarray": "scalar",
    "scalar": "ndarray",
}


def _path(path: Callable[[list[str]], list[str]]) -> Callable[[Says], Says | None]:
    return lambda says: [path(says[0]), *says[1:]]


def _kind(says: Says) -> Says | None:
    path, kind, dtype, shape, records = says
    if kind == "ndarray" and shape:
        return [path, "scalar", dtype, [], records]
    return [path, _OTHER_KIND[kind], dtype, shape, records]


def _dtype(says: Says) -> Says | None:
    path, kind, dtype, shape, records = says
    return None if dtype is None else [path, kind, _DTYPES[dtype], shape, records]


def _wider(says: Says) -> Says | None:
    """Another dtype and shape, of as many bytes."""
    path, kind, dtype, shape, records = says
    if dtype not in _WIDER or not shape or any(n % 2 for n in shape[:1]):
        return None
    tag, by = _WIDER[dtype]
    return [path, kind, tag, [shape[0] // by, *shape[1:]], records]


def _shape(made: Callable[[list[int]], list[int]]) -> Callable[[Says], Says | None]:
    def lie(says: Says) -> Says | None:
        path, kind, dtype, shape, records = says
        return [path, kind, dtype, made(shape), records] if shape else None

    return lie


def _payload(made: Callable[[int], int | None]) -> Callable[[Says], Says | None]:
    def lie(says: Says) -> Says | None:
        path, kind, dtype, shape, ((size, payload, checksums),) = says
        return None if payload is None else [path, kind, dtype, shape, [[size, made(payload), checksums]]]

    return lie


def _invented(says: Says) -> Says | None:
    """A payload of what has none in one piece."""
    path, kind, dtype, shape, ((size, payload, checksums),) = says
    return [path, kind, dtype, shape, [[size, 7, checksums]]] if payload is None else None


def _product_of(shape: list[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


_LIES: Final = [
    Plain("another-key", "another key", _path(lambda path: [*path[:-1], "l"])),
    Plain("another-key-of-another-length", "a longer key", _path(lambda path: [*path[:-1], "kk"])),
    Plain("a-part-more", "a part more", _path(lambda path: [*path, "k"])),
    Plain("an-empty-part-more", "an empty part before it", _path(lambda path: ["", *path])),
    Plain("upper-case", "the key in upper case", _path(lambda path: [path[0].upper()])),
    Plain("another-kind", "another kind", _kind),
    Plain("another-dtype", "another dtype of the same width", _dtype),
    Plain("another-width", "another dtype and shape, of as many bytes", _wider),
    Plain("flat", "a shape of one dimension", _shape(lambda shape: [_product_of(shape)])),
    Plain("in-reverse", "its dimensions in reverse", _shape(lambda shape: shape[::-1])),
    Plain("a-dimension-more", "a dimension of 1 before the others", _shape(lambda shape: [1, *shape])),
    Plain("a-last-dimension-more", "a dimension of 1 behind the others", _shape(lambda shape: [*shape, 1])),
    Plain("more-elements", "one element more", _shape(lambda shape: [*shape[:-1], shape[-1] + 1])),
    Plain("no-elements", "a dimension of 0", _shape(lambda shape: [*shape[:-1], 0])),
    Plain("no-dimensions", "no dimension", _shape(lambda shape: [])),
    Plain("payload-one-before", "a payload one byte before", _payload(lambda n: n - 1)),
    Plain("payload-one-behind", "a payload one byte behind", _payload(lambda n: n + 1)),
    Plain("payload-at-its-header", "a payload where the header of its bin stands", _payload(lambda n: n - 2)),
    Plain("payload-at-the-beginning", "a payload at the beginning of the record", _payload(lambda n: 0)),
    Plain("payload-not-in-one-piece", "a payload that is not in one piece", _payload(lambda n: None)),
    Plain("payload-in-one-piece", "a payload in one piece, at byte 7", _invented),
]
_MAY_NAME: Final = (
    "INDEX-3",
    "INDEX-4",
    "INDEX-6",
    "INDEX-2",
    "LEAF-1",
    "LEAF-6",
    "KEY-1",
    "SUM-3",
    "ALIGN-5",
    "DTYPE-1",
)


def _lying(whole: Sealed, position: Position, lie: Plain) -> dict[str, Any] | None:
    """What an index says that lies about a leaf; None where there is no such lie of it."""
    says = whole.says()
    before = says["leaves"][position.place]
    after = lie.value(before)
    if after is None or after == before:
        return None
    says["leaves"][position.place] = after
    return says


@product("INDEX-7", want="reject", places=_POSITIONS, sizes=_LIES, also=_MAY_NAME)
def the_index_lies(position: Position, lie: Plain):
    """The index says something else of a leaf than its record, and all sizes and checksums fit. Old programs and new
    ones would see different models."""
    whole = position.sealed()
    says = _lying(whole, position, lie)
    return whole.data(says, fault=position.place) if says else None


@product(
    "DETACHED-2",
    "INDEX-7",
    want="reject",
    places=[position for position in _POSITIONS if position.leaf != "padded"],
    sizes=_LIES,
    also=_MAY_NAME,
)
def a_detached_seal_lies(position: Position, lie: Plain):
    """A detached seal says something else of a leaf than its record in the stream, and all sizes and checksums fit."""
    whole = position.detached()
    says = _lying(whole, position, lie)
    return (whole.before(position.place), whole.seal_file(says)) if says else None


_KINDS: Final = [Plain(kind, f"a leaf of kind {kind}", kind) for kind in _OTHER_KIND]


@product("INDEX-7", want="reject", places=[p for p in _POSITIONS if p.place == 1], sizes=_KINDS, also=_MAY_NAME)
def the_index_says_another_kind(position: Position, kind: Plain):
    """The index says another kind of a leaf, with the dtype and shape of its record, or none where that has none."""
    whole = position.sealed()
    says = whole.says()
    leaf = says["leaves"][1]
    if leaf[1] == kind.value or (leaf[2] is None) != (kind.value not in ("ndarray", "scalar")):
        return None
    if kind.value == "scalar" and leaf[3]:
        return None
    leaf[1] = kind.value
    return whole.data(says, fault=1)


# Dtypes of one width, each of which is taken for the next, and the last for the first.
_ALIKE: Final = {
    1: "bool int8 uint8 int4 uint4 int2 uint2 int1 uint1",
    "1 of floats": "float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
    "float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn",
    2: "int16 uint16 float16 bfloat16",
    4: "int32 uint32 float32 complex32 bcomplex32",
    8: "int64 uint64 float64 complex64",
}
_PAIRS: Final = [
    Plain(f"{one}-as-{other}", f"{one} as {other}", (one, other, int(str(width)[0])))
    for width, tags in _ALIKE.items()
    for one, other in zip(tags.split(), [*tags.split()[1:], tags.split()[0]], strict=True)
]
_SEALS: Final = [Plain("attached", "in a sealed stream", False), Plain("detached", "in a detached seal", True)]


@product("INDEX-7", want="reject", places=_PAIRS, sizes=_SEALS, also=("DETACHED-2", *_MAY_NAME))
def the_index_says_another_dtype(pair: Plain, seal: Plain):
    """The index says another dtype of the same width, and all else fits."""
    one, other, width = pair.value
    leaves = [number("a", 1), tensor("k", one, (2,), "00 01" * width)]
    whole = detached(leaves) if seal.value else sealed(leaves)
    says = whole.says()
    says["leaves"][1][2] = other
    return (whole.before(1), whole.seal_file(says)) if seal.value else whole.data(says, fault=1)


_SHIFTS: Final = [Plain(f"by-{n}", f"by {n}", n) for n in (-3, -1, 1, 2, 5)]


@product(
    "INDEX-4",
    "INDEX-7",
    want="reject",
    places=[p for p in _POSITIONS if p.place != 2],
    sizes=_SHIFTS,
    also=("SUM-3", "INDEX-3", "SEAL-1"),
)
def records_that_end_elsewhere(position: Position, by: Plain):
    """The index says that a record is longer or shorter, and the next one that much shorter or longer: the sizes add
    up to the offset of the seal."""
    whole = position.sealed()
    says = whole.says()
    one, other = (says["leaves"][position.place + i][4][0] for i in (0, 1))
    one[0], other[0] = one[0] + by.value, other[0] - by.value
    return whole.data(says) if min(one[0], other[0]) > 0 else None


_COUNTS: Final = [
    Plain("none", "none", lambda one: b""),
    Plain("three-bytes", "three bytes", lambda one: one[:3]),
    Plain("five-bytes", "five bytes", lambda one: one + b"\0"),
    Plain("two", "two of them", lambda one: one * 2),
]


@product(
    "INDEX-4", want="reject", places=[p for p in _POSITIONS if p.place == 1], sizes=_COUNTS, also=("INDEX-3", "SUM-2")
)
def checksums_of_another_number(position: Position, count: Plain):
    """A record of one block does not have one checksum."""
    whole = position.sealed()
    says = whole.says()
    record = says["leaves"][1][4][0]
    record[2] = count.value(record[2])
    return whole.data(says)
