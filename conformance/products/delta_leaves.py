"""Leaves of a delta at key paths of every kind, arrays of four blocks by all methods in turn, and large dimensions
(DELTA-3 to DELTA-12)."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, data, raw, together
from ..cases.delta_assembly import BLOCK, number, recovery, small, tensor
from .casts import cycled
from .product import Plain, product
from .recoveries import WORDS, made_of, plane_of
from .sizes import Size, sizes


def _recover(_: Any) -> str:
    return "recover"


_OTHER: Final = small("other", "int", "07")
_PATHS: Final = (
    Plain("two-parts", "a key path of two parts", ("a", "b")),
    Plain("three-parts", "a key path of three parts", ("a", "b", "c")),
    Plain("forty-parts", "a key path of forty parts", tuple(f"p{i}" for i in range(40))),
    Plain("combining", "an e with an accent that combines with it", ("e\u0301",)),
    Plain("composed", "an e with its accent in one character", ("é",)),
    Plain("hangul", "the letters of a syllable of Hangul", ("\u1112\u1161\u11ab",)),
    Plain("empty-parts", "two empty parts", ("", "")),
    Plain("slash", "a part with a slash", ("a/b", "c")),
    Plain("dots", "parts of dots", (".", "..")),
    Plain("digits", "digits with a zero before them", ("01", "1")),
    Plain("nul", "a part with a NUL", ("a\0b",)),
    Plain("letters-300", "a part of 300 letters", ("k" * 300,)),
)
_KINDS: Final = (
    Plain("array", "an array", lambda path: tensor(path, "uint8", (2,), "01 02")),
    Plain("scalar", "a scalar", lambda path: number(path, "uint8", "05")),
    Plain("text", "a text", lambda path: small(path, "str", "a1 78")),
)


@product("DELTA-4", "KEY-2", want="accept", places=_PATHS, sizes=_KINDS, part=_recover)
def leaves_at_every_kind_of_path(path: Plain, kind: Plain):
    """A leaf at this key path is added, beside one below the same part that is kept: their digests are made of the key
    paths as they are."""
    kept = kind.value((*path.value[:-1], path.value[-1] + "x"))
    leaf = kind.value(path.value)
    return recovery([_OTHER, kept], [_OTHER, leaf, kept], raw("00 00") + leaf.content)


_METHODS: Final = tuple(
    Plain("-".join(map(str, one)), f"the methods {one}", one)
    for one in ((1, 2, 0, 3), (2, 0, 3, 1), (0, 3, 1, 2), (3, 1, 2, 0))
)


@product("DELTA-7", "DELTA-6", want="accept", places=WORDS[:1] + WORDS[2:3], sizes=_METHODS, part=_recover)
def blocks_by_every_method_in_turn(words: Any, methods: Plain):
    """An array of four blocks, each made by another method, of which the last is short. A block refers to that of the
    base in its own place."""
    first, last = BLOCK // words.size, 10
    n = 3 * first + last
    before, after = words.before(), words.after()
    old = cycled(words.payload(before), n, words.size)
    pieces: list[Bytes] = []
    made: list[str | Bytes] = []
    for k, method in enumerate(methods.value):
        start, count = k * first, last if k == 3 else first
        turn = start % 251
        source = before if method == 3 else after
        pieces.append(cycled(words.payload(source[turn:] + source[:turn]), count, words.size))
        shown = [made_of(words, min(method, 2), a, b) for a, b in zip(before, after, strict=True)]
        planes = together([plane_of(words, shown, i, start, count) for i in range(words.size)])
        made.append(raw("03") if method == 3 else data(bytes((method, 0))) + planes)
    base, target = tensor("k", words.name, (n,), old), tensor("k", words.name, (n,), together(pieces))
    return recovery([base, _OTHER], [target, _OTHER], *made)


_DIMENSIONS: Final = sizes("", (1 << 16, 1 << 32, (1 << 40) + 1, (1 << 53) + 1, (1 << 63) - 1))


@product("DELTA-3", "DELTA-4", "LEAF-4", want="accept", places=(Plain("", ""),), sizes=_DIMENSIONS, part=_recover)
def dimensions_beside_a_dimension_of_0(_: Plain, size: Size):
    """An array without elements is added that has so large a dimension. Its digest is made of all of it."""
    return recovery([_OTHER], [_OTHER, tensor("k", "uint8", (0, size.n), "")])
