"""Key paths that are one, or of which one is the beginning of another (STREAM-4, STREAM-5, FLAX-5), near and far apart,
below few keys and many, of leaves of every kind; and those that only look as if they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..assembly import (
    LETTERS,
    Bytes,
    Part,
    arr_,
    bin_,
    data,
    here,
    int_,
    map_,
    patterned,
    record_,
    str_,
    str_of,
    together,
)
from ..declare import given, integer
from ..repetition import Counted
from .product import Plain, product
from .specimens import ARRAY, INT, SPECIMENS, Specimen
from .values import assembled


class Neighbourhood(NamedTuple):
    """How two key paths lie to each other."""

    distance: int = 1  # records or entries between them
    depth: int = 2  # parts of the path that both have
    prefix: int = 3  # bytes in which the last part begins like those of the records between
    first: Specimen = INT
    second: Specimen = ARRAY

    @property
    def name(self) -> str:
        kinds = f"{self.first.name}-and-{self.second.name}"
        return f"distance-{self.distance}-depth-{self.depth}-prefix-{self.prefix}-{kinds}"

    @property
    def about(self) -> str:
        return (
            f"{self.first.about} and {self.second.about}, {self.distance} between them, at a depth of {self.depth}; "
            f"their last part and those between begin with the same {self.prefix} bytes"
        )

    def key(self, end: bytes = b"k") -> Bytes:
        """The last part, as a str."""
        return str_of(patterned(self.prefix, LETTERS) + data(end))

    def above(self) -> list[Bytes]:
        """The parts above the last."""
        return [str_(f"{i % 10}") for i in range(self.depth - 1)]


def _swept() -> Iterator[Neighbourhood]:
    """Each axis by itself, and some of all of them together."""
    for n in (0, 1, 2, 7, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 1000, 1024, 4095, 4096):
        yield Neighbourhood(distance=n)
    for n in (1, 3, 15, 16, 17, 64, 255, 256, 510, 511):
        yield Neighbourhood(depth=n)
    for n in (0, 1, 7, 8, 15, 16, 23, 31, 32, 63, 64, 127, 254, 255, 256, 1023, 4094, 4095, 32_767, 64_000):
        yield Neighbourhood(prefix=n)
    for i, specimen in enumerate(SPECIMENS):
        yield Neighbourhood(i, 1 + i % 3, i, specimen, SPECIMENS[(i + 1) % len(SPECIMENS)])
        yield Neighbourhood(1, 2, 3, specimen, specimen)
    for n in (5, 20, 33, 65):
        yield Neighbourhood(4 * n, n, 50 * n, SPECIMENS[n % len(SPECIMENS)], INT)


SWEPT: Final = tuple(dict.fromkeys(_swept()))


_COUNTING: Final = 4096  # bytes of a prefix up to which there are several between, which are counted


def _repeated(one: Bytes, near: Neighbourhood, behind: int) -> Bytes:
    """So many as there are between, alike but for the six digits with which the last part of each ends."""
    if near.prefix > _COUNTING or not near.distance:
        return one if near.distance else Bytes()
    return Bytes(Part(one.data(), "", near.distance, counted=Counted(one.size - 6 - behind)))


def _record(parts: Sequence[Bytes], leaf: Bytes) -> Bytes:
    return arr_(2) + arr_(len(parts)) + together(parts) + bin_(leaf)


def _in_records(near: Neighbourhood, first: list[str], second: list[str]) -> Bytes:
    path = [*near.above(), near.key()]
    one = _record([*path, *map(str_, first)], assembled(near.first.value))
    between = _repeated(_record([*near.above(), near.key(b"000000")], int_(7)), near, 3)
    second_ = _record([*path, *map(str_, second)], assembled(near.second.value))
    return one + between + here("! the second") + second_


_ORDERS: Final = (
    Plain("twice", "the same key path twice", ([], [])),
    Plain("a-leaf-and-below-it", "a leaf, and then one below it", ([], ["b"])),
    Plain("below-a-leaf-and-it", "a leaf, and then one at the beginning of its path", (["b"], [])),
    Plain("a-leaf-and-far-below-it", "a leaf, and then one three parts below it", ([], ["b", "", "c"])),
    Plain("a-leaf-and-20-below-it", "a leaf, and then one twenty parts below it", ([], ["b"] * 20)),
    Plain("20-below-a-leaf-and-it", "a leaf, and then one twenty parts above it", (["b"] * 20, [])),
    Plain("a-leaf-and-300-below-it", "a leaf, and then one 300 parts below it", ([], ["b"] * 300)),
    *(
        Plain(
            f"a-leaf-and-a-part-of-{n}-bytes-below-it", f"a leaf, and one below it in a part of {n:,}", ([], ["b" * n])
        )
        for n in (31, 48, 300)
    ),
    Plain(
        "a-part-of-48-bytes-below-a-leaf-and-it",
        "a leaf in a part of 48 bytes, and then one above it",
        (["b" * 48], []),
    ),
)
_FAR: Final = (0, 16, 1000)  # distances of those of which the one path is much longer than the other


@product(
    "STREAM-5",
    want="reject",
    places=_ORDERS,
    sizes=SWEPT,
    cites=lambda order, near: ("STREAM-4",) if order.name == "twice" else (),
)
def key_paths_that_clash(order: Plain, near: Neighbourhood):
    """Two records of one key path, or of two of which one is the beginning of the other. Between them stand others."""
    first, second = order.value
    if near.depth + max(len(first), len(second)) > 512:
        return None
    if max(len(first), len(second)) > 1 and near.distance not in _FAR:
        return None
    if len("".join((*first, *second))) > 30 and max(len(first), len(second)) == 1 and near.prefix < 15:
        return None
    return _in_records(near, first, second)


_ENTRIES: Final = (
    Plain("two-leaves", "two leaves", (False, False), "flax"),
    Plain("a-leaf-and-a-map", "a leaf, and then a map that is not empty", (False, True), "flax"),
    Plain("a-map-and-a-leaf", "a map that is not empty, and then a leaf", (True, False), "flax"),
    Plain("two-maps", "two maps that have different keys", (True, True), "flax"),
)


@product("FLAX-5", want="reject", places=_ENTRIES, sizes=SWEPT)
def a_key_twice_in_a_map(entries: Plain, near: Neighbourhood):
    """A key stands twice in one map, with leaves or maps as values. Between the two stand other keys."""
    if near.depth > 511 or (entries.name == "two-maps" and near.distance not in (0, 16, 1000)):
        return None
    values = []
    for i, (is_map, specimen) in enumerate(zip(entries.value, (near.first, near.second), strict=True)):
        leaf = assembled(specimen.value)
        values.append(map_(1) + str_(f"m{i}") + leaf if is_map else leaf)
    head = together([map_(1) + part for part in near.above()])
    n = min(near.distance, 1) if near.prefix > _COUNTING else near.distance
    between = _repeated(near.key(b"000000") + int_(7), near, 1)
    return head + map_(n + 2) + near.key() + values[0] + between + here("! again") + near.key() + values[1]


# --- those that do not clash -------------------------------------------------------------------------------------

_ALIKE: Final = (
    Plain("last-byte", "they differ in the last byte of the last part", lambda key: ([key + "x"], [key + "y"])),
    Plain("one-byte-longer", "the last part of one has one byte more", lambda key: ([key], [key + "k"])),
    Plain("first-byte", "they differ in the first byte of the last part", lambda key: (["x" + key], ["y" + key])),
    Plain("middle-byte", "they differ in the middle", lambda key: ([key + "x" + key], [key + "y" + key])),
    Plain("parts", "the same bytes are cut into parts elsewhere", lambda key: ([key + "a", "b"], [key, "ab"])),
    Plain("one-part-and-two", "one part has the bytes of two", lambda key: ([key + "ab"], [key + "a", "b"])),
    Plain("joined-by-a-slash", "one part is two, joined by a slash", lambda key: ([key + "/b"], [key, "b"])),
    Plain("a-part-between", "one has an empty part between", lambda key: ([key, "b"], [key + "c", "", "b"])),
    Plain("order-of-parts", "the same parts in another order", lambda key: ([key, "b"], ["b", key])),
)
_LENGTHS: Final = tuple(
    Plain(f"{n}-at-depth-{depth}", f"{n:,} bytes are the same, below {depth - 1} parts", (n, depth))
    for n, depth in ((1, 1), (7, 1), (15, 2), (31, 1), (32, 3), (64, 1), (255, 2), (256, 1), (4095, 1), (3, 500))
)


@product("STREAM-5", "STREAM-4", "KEY-2", want="accept", places=_ALIKE, sizes=_LENGTHS, canonical=True)
def key_paths_that_are_almost_one(alike: Plain, size: Plain):
    """Two key paths that differ in one byte, or in where a part ends. Neither is the other's beginning."""
    n, depth = size.value
    first, second = alike.value(patterned(n, LETTERS).data().decode())
    above = [f"{i % 10}" for i in range(depth - 1)]
    paths = [[*above, *first], [*above, *second]]
    if any(len("".join(path)) > 65_535 for path in paths):
        return None
    return together([record_(path, int_(i)) for i, path in enumerate(paths)]), [
        integer(path, i) for i, path in enumerate(paths)
    ]


# --- trees that cannot be written --------------------------------------------------------------------------------


class Order(NamedTuple):
    """Two leaves of a tree, by what stands below the path that both have, and the kind of file."""

    name: str
    about: str
    part: str
    first: tuple[str, ...]
    second: tuple[str, ...]


_TREES: Final = [
    Order(f"{name}-to-{part.partition('-')[0]}", about, part, first, second)
    for part in ("stream-encode", "flax-encode")
    for name, about, first, second in (
        ("twice", "the same key path twice", (), ()),
        ("leaf-and-below", "a leaf, and then one below it", (), ("b",)),
        ("below-and-leaf", "a leaf, and then one at the beginning of its path", ("b",), ()),
        ("leaf-and-far-below", "a leaf, and then one three parts below it", (), ("b", "", "c")),
        ("far-below-and-leaf", "a leaf, and then one three parts above it", ("b", "", "c"), ()),
        ("leaf-and-long-below", "a leaf, and then one below it in a part of 48 bytes", (), ("b" * 48,)),
        ("long-below-and-leaf", "a leaf in a part of 48 bytes, and then one above it", ("b" * 48,), ()),
    )
]
_SHARED: Final = tuple(
    Plain(f"{n}-between-at-depth-{depth}", f"{n} between them, at a depth of {depth}", (n, depth, 0))
    for n, depth in ((0, 1), (1, 2), (300, 1), (17, 16), (1, 256), (0, 508))
) + tuple(
    Plain(
        f"{n}-between-and-{prefix}-bytes",
        f"{n} between them; the last part of both, and of those, begins with the same {prefix:,} bytes",
        (n, 1, prefix),
    )
    for n, prefix in ((0, 31), (1, 63), (17, 300), (1, 5000))
)


@product(
    "STREAM-5", "CONF-7", want="reject", places=_TREES, sizes=_SHARED, also=lambda *_: ("STREAM-4", "TREE-1", "FLAX-5")
)
def trees_whose_leaves_clash(order: Order, size: Plain):
    """What is to be written has two leaves at one place, or one below the other, with others between them. Nothing is
    written."""
    n, depth, prefix = size.value
    above, key = [f"{i % 10}" for i in range(depth - 1)], "p" * prefix + "k"
    paths = [[*above, key, *order.first], *([*above, f"{key}{i}"] for i in range(n)), [*above, key, *order.second]]
    return [given(path, "int", value="7") for path in paths]
