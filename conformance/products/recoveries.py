"""Leaves of every kind in a delta, and leaves of several blocks by every method and word (DELTA-4 to DELTA-12)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from ..assembly import PATTERN, Bytes, bin_, data, hexed, patterned, raw, together
from ..cases.delta_assembly import (
    BLOCK,
    MAGIC,
    MARK,
    Leaf,
    blocks_,
    manifest,
    manifest_,
    recovery,
    small,
    stream,
    tensor,
    zstd_block,
)
from .casts import cycled
from .conversions import ROUTES, Route
from .product import Plain, product
from .sizes import Size, sizes
from .specimens import SPECIMENS, Specimen
from .values import assembled


def _recover(_: Any) -> str:
    return "recover"


# --- leaves of every kind ----------------------------------------------------------------------------------------

_OTHER: Final = small("other", "int", "07")
_FATES: Final = (
    Plain("kept", "is kept"),
    Plain("added", "is added"),
    Plain("removed", "is removed"),
    Plain("in-place-of-another", "takes the place of a leaf of another kind"),
)
_WHOLE: Final = SPECIMENS[:-1]  # a chunked array is an array


def leaf_of(specimen: Specimen) -> Leaf:
    read, encoded = specimen.read(["k"]), assembled(specimen.value)
    if "dtype" not in read:
        return Leaf(("k",), read["kind"], encoded, encoded)
    shape = tuple(map(int, read.get("shape", ())))
    return Leaf(("k",), read["kind"], encoded, hexed(read["payload"]), read["dtype"], shape)


def _sides(specimen: Specimen, fate: str) -> tuple[list[Leaf], list[Leaf], list[str | Bytes]]:
    """Base, target, and the blocks between them."""
    leaf = leaf_of(specimen)
    if fate == "kept":
        return [leaf, _OTHER], [_OTHER, leaf], []
    if fate == "removed":
        return [leaf, _OTHER], [_OTHER], []
    before = [small("k", "str", "a1 78"), _OTHER] if fate != "added" else [_OTHER]
    return before, [_OTHER, leaf], [raw("00 00") + planes_of(leaf)]


def planes_of(leaf: Leaf) -> Bytes:
    """DELTA-8."""
    width = {None: 1, "uint8": 1, "int16": 2, "float32": 4}[leaf.dtype]
    whole = leaf.content.data()
    return data(bytes(whole[at] for i in range(width) for at in range(i, len(whole), width)))


@product("DELTA-4", "DELTA-6", want="accept", places=_WHOLE, sizes=_FATES, part=_recover)
def a_leaf_of_every_kind(specimen: Specimen, fate: Plain):
    """A leaf of each kind is kept, added, removed, or takes another's place. Its digest is that of its kind."""
    base, target, made = _sides(specimen, fate.name)
    return recovery(base, target, *made)


@product("DELTA-12", "CONV-1", want="accept", places=ROUTES, sizes=_WHOLE, part=_recover)
def a_leaf_between_containers(route: Route, specimen: Specimen):
    """The base stands in a stream or a flax file, and so does what is recovered: a leaf of each kind is kept, and
    another one like it is added."""
    leaf = leaf_of(specimen)
    more = leaf._replace(path=("added",))
    base, target = [_OTHER, leaf], [leaf, more, _OTHER]
    says = manifest(base, target)
    delta = MARK + blocks_(says, [raw("00 00") + planes_of(more)]) + manifest_(says)
    sides = [[(one.path, one.encoded) for one in leaves] for leaves in (base, target)]
    return route.conversion, route.before(sides[0]), delta, route.after(sides[1])


_DIGESTS: Final = (
    Plain("first-bit", "the first bit of its digest is another", (0, 8)),
    Plain("last-bit", "the last bit of its digest is another", (63, 1)),
)


@product(
    "DELTA-12",
    want="reject",
    places=_WHOLE,
    sizes=_DIGESTS,
    part=_recover,
    also=lambda *_: ("DELTA-3", "DELTA-6", "DELTA-11"),
)
def a_leaf_with_another_digest(specimen: Specimen, change: Plain):
    """A leaf of each kind is added whose digest in the manifest is another, by one bit; those that follow from it are
    right."""
    base, target, made = _sides(specimen, "added")
    says = manifest(base, target)
    at, bit = change.value
    digest = says["leaves"][1]["target"]
    digest = digest[:at] + f"{int(digest[at], 16) ^ bit:x}" + digest[at + 1 :]
    says["leaves"][1]["target"] = digest
    digests = [bytes.fromhex(leaf["target"]) for leaf in says["leaves"]]
    says |= {"target": sha256(b"".join(sorted(digests))).hexdigest(), "order": sha256(b"".join(digests)).hexdigest()}
    return stream(base), MARK + blocks_(says, made) + manifest_(says)


# --- blocks ------------------------------------------------------------------------------------------------------


class Words(NamedTuple):
    """A dtype, the bytes of its words, and whether they are ordered as floats are."""

    name: str
    size: int
    is_float: bool
    elements: int = 1  # words in an element

    @property
    def about(self) -> str:
        return f"words of {8 * self.size} bits, of {self.name}"

    def before(self) -> list[int]:
        return self._cycle(1)

    def after(self) -> list[int]:
        return self._cycle(2)

    def _cycle(self, seed: int) -> list[int]:
        """251 words, the highest bit set in some."""
        return [
            int.from_bytes(
                bytes(PATTERN[(i * (2 * seed + 1) + 17 * k + seed) % 251] for k in range(self.size)), "little"
            )
            for i in range(251)
        ]

    def image(self, word: int) -> int:
        """DELTA-10."""
        high = 1 << 8 * self.size - 1
        if not self.is_float:
            return word
        return word ^ (2 * high - 1) if word & high else word | high

    def difference(self, before: int, after: int) -> int:
        bits = 8 * self.size
        d = (self.image(after) - self.image(before)) % (1 << bits)
        d = d - (1 << bits) if d >> bits - 1 else d
        return 2 * d if d >= 0 else -2 * d - 1

    def payload(self, words: list[int]) -> Bytes:
        return data(b"".join(word.to_bytes(self.size, "little") for word in words))


WORDS: Final = (
    Words("uint8", 1, False),
    Words("float8_e4m3fn", 1, True),
    Words("bfloat16", 2, True),
    Words("int16", 2, False),
    Words("float32", 4, True),
    Words("complex64", 4, True, 2),
    Words("int64", 8, False),
    Words("float64", 8, True),
)
_METHODS: Final = (
    Plain("as-it-is", "as it is", 0),
    Plain("by-exclusive-or", "by exclusive or", 1),
    Plain("by-ordered-difference", "by ordered difference", 2),
    Plain("in-turn", "the first equal to the base's, the second by exclusive or", 3),
    Plain("in-frames", "by exclusive or, in frames of zstd", 4),
)
_MOST: Final = 128 << 10  # bytes of a block of zstd


def _frame(planes: Bytes) -> Bytes:
    """A zstd frame of raw blocks, which states its content size in four bytes."""
    size = planes.size
    frame = raw(f"{MAGIC} a0 {size.to_bytes(4, 'little').hex()}")
    for at in range(0, size, _MOST):
        frame += zstd_block(0, min(_MOST, size - at), planes.piece(at, _MOST), at + _MOST >= size)
    return frame


@product("DELTA-8", "DELTA-6", "DELTA-7", want="accept", places=WORDS, sizes=_METHODS, part=_recover)
def a_leaf_of_two_blocks(words: Words, method: Plain):
    """An array of two blocks, of which the second has a few words, by each method and with words of each width. Its
    words repeat themselves every 251, so that no two planes and no two pieces of them are alike."""
    if method.value == 4 and words.name not in ("bfloat16", "float32", "uint8"):
        return None
    first = BLOCK // words.size
    n = first + 10 * words.elements
    before, after = words.before(), words.after()
    if method.value == 3:  # the first block is the base's
        held = cycled(words.payload(before), first, words.size)
        start = first % 251
        rest = words.payload((after[start:] + after)[: n - first])
        old, new = cycled(words.payload(before), n, words.size), held + rest
    else:
        old, new = (cycled(words.payload(one), n, words.size) for one in (before, after))
    shape = (n // words.elements,)
    base, target = tensor("k", words.name, shape, old), tensor("k", words.name, shape, new)
    made = []
    for start, count in ((0, first), (first, n - first)):
        by = {0: 0, 1: 1, 2: 2, 3: 3 if start == 0 else 1, 4: 1}[method.value]
        if by == 3:
            made.append(raw("03"))
            continue
        shown = [made_of(words, by, a, b) for a, b in zip(before, after, strict=True)]
        planes = together([plane_of(words, shown, k, start, count) for k in range(words.size)])
        head = raw(f"{by:02x} {'01' if method.value == 4 else '00'}")
        made.append(head + (_frame(planes) if method.value == 4 else planes))
    return recovery([base, _OTHER], [target, _OTHER], *made)


def made_of(words: Words, method: int, before: int, after: int) -> int:
    """What stands in a delta for a word."""
    return (after, before ^ after, words.difference(before, after))[method]


def plane_of(words: Words, shown: list[int], k: int, start: int, count: int) -> Bytes:
    """The bytes number k of `count` words, from one on."""
    turned = start % 251
    plane = bytes(word >> 8 * k & 0xFF for word in shown[turned:] + shown[:turned])
    return cycled(data(plane), count, 1)


_SIZES: Final = sizes("bytes", (1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1))


@product(
    "DELTA-6", want="accept", places=(Plain("array", "an array"), Plain("bin", "a bin")), sizes=_SIZES, part=_recover
)
def contents_at_the_edges_of_blocks(place: Plain, size: Size):
    """A leaf is added whose content has as many bytes as one or two blocks, or one more or less."""
    if place.name == "array":
        leaf = tensor("k", "uint8", (size.n,), patterned(size.n))
    else:
        n = size.n - (5 if size.n > 70_000 else 2)
        if n < 0:
            return None
        leaf = small("k", "bin", bin_(patterned(n)))
    return recovery([_OTHER], [leaf, _OTHER], *_as_it_is(leaf.content))


def _as_it_is(content: Bytes) -> list[str | Bytes]:
    """The blocks of a content whose words have 8 bits, by method 0."""
    return [raw("00 00") + content.piece(at, BLOCK) for at in range(0, content.size, BLOCK)]


_COUNTS: Final = sizes("leaves", (9, 10, 11, 99, 101, 255, 257, 1001))


@product("DELTA-6", "DELTA-3", want="accept", places=(Plain("", ""),), sizes=_COUNTS, part=_recover)
def so_many_leaves(_: Plain, size: Size):
    """So many leaves, of which every second has changed and every third is added: the place of a block is counted in
    decimal digits, and the order of the blocks is not that of these texts."""
    target = [tensor(f"{i}", "uint8", (2,), f"{i % 256:02x} {i // 256:02x}") for i in range(size.n)]
    base = [leaf for i, leaf in enumerate(target) if i % 3]
    base = [tensor(leaf.path, "uint8", (2,), "ff ff") if int(leaf.path[0]) % 2 else leaf for leaf in base]
    made: list[str | Bytes] = [raw("00 00") + leaf.content for i, leaf in enumerate(target) if i % 2 or not i % 3]
    return recovery(base, target, *made)


_GOOD: Final = sizes("bytes that are good", (1, 65_537, (1 << 20) + 1, BLOCK + 1))


@product("DELTA-12", "CONF-7", want="reject", places=(Plain("", ""),), sizes=_GOOD, part=_recover)
def a_fault_behind_leaves_that_are_good(_: Plain, size: Size):
    """The last leaf has a block that does not give its digest; the leaf before it is good, and as long as that. The
    file that stood at the output's name is as it was."""
    good, bad = tensor("good", "uint8", (size.n,), patterned(size.n)), tensor("k", "uint8", (2,), "01 02")
    says = manifest([_OTHER], [good, bad])
    made = [*_as_it_is(good.content), raw("00 00 01 03")]
    return stream([_OTHER]), MARK + blocks_(says, made) + manifest_(says)
