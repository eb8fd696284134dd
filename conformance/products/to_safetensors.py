"""Streams, flax files and deltas that become safetensors files (CONV-7 to CONV-10): the judge reads what is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..assembly import Bytes, patterned
from ..cases.conversion_safetensors import TABLE
from ..cases.delta_assembly import Leaf, recovery, small, stream, tensor
from ..declare import Conversion
from .arrays import TAGS
from .conversions import in_maps
from .product import Plain, product
from .recoveries import leaf_of
from .sizes import BUFFERS, Size, sizes
from .specimens import ARRAY, CHUNKED, SPECIMENS, Specimen

_REMOVED: Final = small("removed", "int", "07")


class Way(NamedTuple):
    """From one kind of file to a safetensors file."""

    name: str
    about: str
    part: str
    prefix: str = "params"

    def of(self, leaves: Sequence[Leaf], want: str = "accept") -> tuple[Conversion | Bytes, ...]:
        """What a case is of these leaves, the wider first of those that are not as wide."""
        asked, after = Conversion(self.prefix, via="safetensors"), stream(leaves)
        if self.part == "recover":
            base, delta, _ = recovery([_REMOVED, *leaves], leaves)
            made: tuple[Conversion | Bytes, ...] = asked, base, delta
        else:
            before = after if self.prefix == "params" else in_maps([(leaf.path, leaf.encoded) for leaf in leaves])
            made = asked, before
        return (*made, after) if want == "accept" else made


_WAYS: Final = (
    Way("from-a-stream", "from a stream", "convert"),
    Way("from-a-flax-file", "from a flax file", "convert", "flax"),
    Way("recovered", "recovered from a delta", "recover"),
)
_DAMAGED: Final = ("CONV-1", "CONV-7", "CONV-8", "CONV-9", "CONV-10", "CONF-7", "DELTA-13", "KEY-1")

# --- arrays ------------------------------------------------------------------------------------------------------

_LENGTHS: Final = sizes("bytes", [n + 16 * (i + 1) for i, n in enumerate(BUFFERS[:-1:2])])


@product("CONV-10", "CONV-1", want="accept", places=_WAYS, sizes=_LENGTHS)
def arrays_of_every_length(way: Way, size: Size):
    """An array that is longer than a common buffer, and does not repeat itself at any power of two, with others before
    it and behind it."""
    leaves = [
        tensor(("m", "first"), "float32", (2,), "00 00 80 3f 00 00 20 40"),
        tensor(("m", "k"), "int16", (size.n // 2,), patterned(size.n)),
        tensor(("m", "n"), "uint16", (1,), "34 12"),
        tensor(("z",), "uint8", (3,), "07 08 09"),
    ]
    return way.of(leaves)


_DTYPES: Final = [Plain(tag.replace("_", "-"), f"dtype {tag}", (tag, int(width))) for _, tag, width in TABLE]


@product("CONV-8", "CONV-1", want="accept", places=_WAYS, sizes=_DTYPES)
def arrays_of_every_dtype(way: Way, dtype: Plain):
    """The bytes of two dimensions are all different, and are the same ones in the file: of a bool also those that have
    no meaning (CONV-1)."""
    tag, width = dtype.value
    return way.of([tensor("w", tag, (2, 3), patterned(6 * width, start=3)), tensor("v", tag, (1,), patterned(width))])


_SHAPES: Final = (
    Plain("of-no-dimension", "no dimension", ()),
    Plain("of-one-element", "the shape (1)", (1,)),
    Plain("of-no-element", "the shape (0)", (0,)),
    Plain("of-3-by-0", "the shape (3, 0)", (3, 0)),
    Plain("of-0-by-2-to-the-40", "the shape (0, 2^40)", (0, 1 << 40)),
    Plain("of-2-by-3-by-4", "the shape (2, 3, 4)", (2, 3, 4)),
    Plain("of-4-by-3-by-2", "the shape (4, 3, 2)", (4, 3, 2)),
    Plain("of-1-by-257", "the shape (1, 257)", (1, 257)),
    Plain("of-64-dimensions", "64 dimensions, the last of 2", (*(1,) * 63, 2)),
)


@product("CONV-10", "LEAF-3", want="accept", places=_WAYS, sizes=_SHAPES)
def arrays_of_every_shape(way: Way, shape: Plain):
    """An array of this shape, before one of another."""
    n = 1
    for dimension in shape.value:
        n *= dimension
    leaves = [tensor(("a", "w"), "float32", shape.value, patterned(4 * n)), tensor("b", "int32", (1,), "01 00 00 80")]
    return way.of(leaves)


_PATHS: Final = (
    Plain("backwards", "names that are not in their order", ("z", "y.b", "y.a", "x")),
    Plain("numbers", "names of digits", ("10", "9", "1", "01")),
    Plain("empty", "empty parts", (".a", "b..", "b.c")),
    Plain(
        "not-ascii", "letters that are not ASCII, one of them composed in two ways", ("é", "e\u0301", "\U0001f600.w")
    ),
    Plain("signs", "signs that JSON escapes", ('"', "\\", "a\0", "\n\t", "\x7f\u2028")),
    Plain("members", "the names of members of an entry", ("dtype", "shape", "data_offsets", "metadata")),
    Plain("like-metadata", "names like that of the metadata", ("__metadata__.x", "__metadata", "__METADATA__")),
    Plain("long", "a name of 65,535 bytes", ("k" * 65_535, "l")),
    Plain("many", "300 names", tuple(f"{(7 * i) % 307}" for i in range(300))),
    Plain("deep", "a name of 200 parts", ("a." * 199 + "w", "b")),
)


@product("CONV-7", "CONV-10", "TREE-5", want="accept", places=_WAYS, sizes=_PATHS)
def names_of_every_kind(way: Way, names: Plain):
    """Arrays of one width, each with another element. They are listed in depth-first order."""
    paths = [tuple(name.split(".")) for name in names.value]
    return way.of([tensor(path, "uint16", (1,), f"{i % 256:02x} {i // 256:02x}") for i, path in enumerate(paths)])


# --- what cannot be held -----------------------------------------------------------------------------------------

_W: Final = tensor("w", "uint8", (300,), patterned(300))
_ENDS: Final = (Plain("first", "before one that can be", 0), Plain("last", "behind one that can be", 1))


def _beside(leaf: Leaf, end: Plain) -> list[Leaf]:
    return [_W, leaf] if end.value else [leaf, _W]


class Ended(NamedTuple):
    """A way, and where the leaf stands that cannot go it."""

    way: Way
    end: Plain

    @property
    def name(self) -> str:
        return f"{self.end.name}-{self.way.name}"

    @property
    def about(self) -> str:
        return f"{self.way.about}, {self.end.about}"

    @property
    def part(self) -> str:
        return self.way.part


_ENDED: Final = [Ended(way, end) for way in _WAYS for end in _ENDS]
_OTHER_KINDS: Final = [one for one in SPECIMENS if one not in (ARRAY, CHUNKED)]


@product("CONV-9", "CONV-1", want="reject", places=_ENDED, sizes=_OTHER_KINDS, also=_DAMAGED)
def leaves_that_are_no_arrays(place: Ended, specimen: Specimen):
    """A leaf of another kind is refused: it does not become an array, is not left out, and nothing is written."""
    if (_ENDED.index(place) + _OTHER_KINDS.index(specimen)) % 2:
        return None
    return place.way.of(_beside(leaf_of(specimen), place.end), "reject")


_OTHER_DTYPES: Final = [
    Plain(tag.replace("_", "-"), f"dtype {tag}", (tag, width))
    for tag, width in TAGS.items()
    if tag not in {tag for _, tag, _ in TABLE}
]


@product("CONV-8", want="reject", places=_ENDED, sizes=_OTHER_DTYPES, also=_DAMAGED)
def dtypes_that_are_not_in_the_table(place: Ended, dtype: Plain):
    """An array of a dtype that safetensors does not have is refused, and not written as bytes or as another."""
    if (_ENDED.index(place) + _OTHER_DTYPES.index(dtype)) % 2:
        return None
    tag, width = dtype.value
    return place.way.of(_beside(tensor("x", tag, (3,), patterned(3 * width)), place.end), "reject")


_NAMES: Final = (
    Plain("metadata", "__metadata__", ("__metadata__",)),
    Plain("dot", "a dot alone", (".",)),
    Plain("dot-in-the-first-part", "a dot in the first part", ("a.b", "c")),
    Plain("dot-in-the-last-part", "a dot in the last part", ("a", "b.c")),
    Plain("dot-at-the-beginning", "a dot at the beginning", ("a", ".c")),
    Plain("dot-at-the-end", "a dot at the end", ("a", "b.")),
    Plain("dot-behind-much", "a dot behind 300 letters", ("a" * 300 + ".b",)),
)


@product("CONV-7", "CONV-10", want="reject", places=_ENDED, sizes=_NAMES, also=_DAMAGED)
def names_that_cannot_be_written(place: Ended, name: Plain):
    """A leaf that would be called so, or whose name would come back as another key path, is refused."""
    return place.way.of(_beside(tensor(name.value, "uint8", (1,), "01"), place.end), "reject")


@product("CONV-10", "CONV-7", want="reject", places=_WAYS, also=_DAMAGED)
def metadata_as_the_only_name(way: Way, _: Plain):
    """The only leaf would be called `__metadata__`: readers would take it for that, and the file for an empty one."""
    return way.of([tensor("__metadata__", "uint8", (0,), "")], "reject")
