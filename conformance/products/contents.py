"""Contents of leaves that are no arrays in a delta (DELTA-6): texts of several blocks, with characters that stand
across two of them and what is no UTF-8 in a late one; and encodings that are not canonical."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, Part, data, hexed, raw
from ..cases.delta_assembly import BLOCK, MARK, Leaf, blocks_, manifest, manifest_, recovery, small, stream
from .product import Plain, product
from .sizes import Size, sizes

_OTHER: Final = small("other", "int", "07")


def _recover(_: Any) -> str:
    return "recover"


def _repeated(character: str, n: int) -> Bytes:
    """So many bytes of it, and letters in place of what is left."""
    once = character.encode()
    return Bytes(Part(once, "", n // len(once))) + data(b"x" * (n % len(once)))


def _leaf(text: Bytes) -> Leaf:
    return small("k", "str", raw(f"db {text.size:08x}") + text)


def _blocks(content: Bytes) -> list[str | Bytes]:
    return [raw("00 00") + content.piece(at, BLOCK) for at in range(0, content.size, BLOCK)]


_CHARACTERS: Final = [
    Plain(f"{len(one.encode())}-bytes", f"characters of {len(one.encode())} bytes", one)
    for one in ("\u00e9", "\u20ac", "\U0001f9ea")
]
_SIZES: Final = sizes("bytes", (BLOCK - 4, BLOCK - 3, BLOCK - 2, BLOCK + 5, 2 * BLOCK + 1))


@product("DELTA-6", "WIRE-5", want="accept", places=_CHARACTERS, sizes=_SIZES, part=_recover)
def texts_across_two_blocks(character: Plain, size: Size):
    """A text is added that takes more than one block, whose end cuts a character: the text is valid as a whole."""
    leaf = _leaf(_repeated(character.value, size.n))
    return recovery([_OTHER], [leaf, _OTHER], *_blocks(leaf.content))


# The bytes of a text of two blocks and 100 bytes that are others: where in its content they stand, and what they are.
_FAULTS: Final = [
    Plain(
        "the-end-of-the-first-block", "a character that has not ended, at the end of the first", (BLOCK - 1, b"\xc3")
    ),
    Plain("the-second-block", "a continuation byte alone, at the beginning of the second", (BLOCK, b"\x80")),
    Plain("far-in-the-second-block", "the byte ff, far in the second", (BLOCK + 100_000, b"\xff")),
    Plain("across-two-blocks", "a surrogate, of which two bytes stand in the second", (BLOCK - 1, b"\xed\xa0\x80")),
    Plain("the-last-block", "an overlong form, in the third and last", (2 * BLOCK + 50, b"\xc0\xaf")),
    Plain("the-end", "a character that has not ended, at the end", (2 * BLOCK + 104, b"\xc3")),
]


@product(
    "DELTA-6",
    "CONF-7",
    want="reject",
    places=_FAULTS,
    part=_recover,
    also=lambda *_: ("WIRE-5", "DELTA-12"),
)
def texts_of_several_blocks_that_are_not_utf_8(fault: Plain, _: Plain):
    """A text is added that takes three blocks and is not UTF-8. Its digests are right; no file is left of it."""
    at, wrong = fault.value
    before, size = at - 5, 2 * BLOCK + 100
    text = Bytes(Part(b"x", "", before)) + data(wrong)
    if text.size < size:
        text += Bytes(Part(b"x", "", size - text.size))
    leaf = _leaf(text)
    says = manifest([_OTHER], [leaf, _OTHER])
    return stream([_OTHER]), MARK + blocks_(says, _blocks(leaf.content)) + manifest_(says)


_LONGER: Final = [
    Plain(name, about, (kind, encoded))
    for name, about, kind, encoded in (
        ("int-in-2-bytes", "the int 7 in two bytes", "int", "cc 07"),
        ("int-with-a-sign", "the int 7 as a signed one", "int", "d0 07"),
        ("int-in-9-bytes", "the int 255 in nine bytes", "int", "cf 00 00 00 00 00 00 00 ff"),
        ("negative-int", "the int -1 in two bytes", "int", "d0 ff"),
        ("float", "a float of 32 bits", "float", "ca 3f 80 00 00"),
        ("complex", "a complex of floats of 32 bits", "complex", "c7 0b 02 92 ca 3f 80 00 00 ca 40 00 00 00"),
        ("ext", "a complex in a longer ext", "complex", "c8 00 13 02 92" + "cb 3f f0 00 00 00 00 00 00" * 2),
        ("empty", "an empty node in three bytes", "empty", "de 00 00"),
        ("text", "a text with a longer header", "str", "d9 01 61"),
        ("text-of-no-byte", "the empty text with a longer header", "str", "d9 00"),
        ("bin", "a bin with a longer header", "bin", "c5 00 01 61"),
        ("text-for-a-bin", "a text where a bin is told of", "bin", "a2 61 62"),
        ("nil-for-a-bool", "nil where a bool is told of", "bool", "c0"),
        ("nil-for-an-empty-node", "nil where an empty node is told of", "empty", "c0"),
        ("no-value", "no byte at all", "int", ""),
    )
]


@product(
    "DELTA-6",
    "CONF-7",
    want="reject",
    places=_LONGER,
    part=_recover,
    also=lambda *_: ("DELTA-3", "WIRE-1", "LEAF-1", "DELTA-12"),
)
def contents_that_are_not_canonical(content: Plain, _: Plain):
    """A leaf is added whose content is not the one canonical encoding of a leaf of its kind. Its digest is that of this
    content."""
    kind, encoded = content.value
    leaf = small("k", kind, encoded)
    says = manifest([_OTHER], [leaf, _OTHER])
    made = [raw("00 00") + hexed(encoded)] if encoded else []
    return stream([_OTHER]), MARK + blocks_(says, made) + manifest_(says)
