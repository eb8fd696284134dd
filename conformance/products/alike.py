"""Leaves of a base and a target that are two, and that a program may take for one which compares values, not bytes:
zeros of both signs, NaNs, neighbours, numbers of several kinds (DELTA-4, DELTA-6). And many removed leaves."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, Part, data
from ..cases.delta_assembly import Leaf, number, recovery, small, tensor
from .product import Plain, product
from .sizes import Size, sizes


def _recover(_: Any) -> str:
    return "recover"


# --- floats ------------------------------------------------------------------------------------------------------

# Dtypes, the bytes of a word, the bits of its exponent, and how many words an element has.
_FLOATS: Final = [
    Plain(tag, f"elements of {tag}", (width, exponent, words))
    for tag, width, exponent, words in (
        ("float16", 2, 5, 1),
        ("bfloat16", 2, 8, 1),
        ("float32", 4, 8, 1),
        ("float64", 8, 11, 1),
        ("complex64", 4, 8, 2),
        ("complex128", 8, 11, 2),
    )
]
_PAIRS: Final = [
    Plain("zeros-of-both-signs", "0 and -0"),
    Plain("two-nans", "NaNs of two payloads"),
    Plain("a-nan-of-the-other-sign", "NaNs of both signs"),
    Plain("zero-and-the-least", "0 and the least subnormal number"),
    Plain("neighbours", "1 and the next number"),
]


def _words(width: int, exponent: int, pair: str) -> tuple[int, int]:
    """The words of a pair."""
    bits = 8 * width
    sign, fraction = 1 << bits - 1, bits - 1 - exponent
    one = ((1 << exponent - 1) - 1) << fraction
    nan = ((1 << exponent) - 1) << fraction | 1 << fraction - 1
    return {
        "zeros-of-both-signs": (0, sign),
        "two-nans": (nan, nan | 1),
        "a-nan-of-the-other-sign": (nan, nan | sign),
        "zero-and-the-least": (0, 1),
        "neighbours": (one, one + 1),
    }[pair]


def _planes(content: Bytes, width: int) -> Bytes:
    """DELTA-8."""
    whole = content.data()
    return data(bytes(whole[at] for i in range(width) for at in range(i, len(whole), width)))


@product("DELTA-6", "DELTA-4", want="accept", places=_FLOATS, sizes=_PAIRS, part=_recover)
def floats_that_compare_as_equal(dtype: Plain, pair: Plain):
    """One word of an array, and a scalar, are other ones in the target, of which a comparison of numbers may say that
    they are the same; a NaN, which is equal to no number, stays as it is, and its leaf has no block."""
    width, exponent, words = dtype.value
    nan = _words(width, exponent, "two-nans")[0].to_bytes(width, "little")
    before, after = (word.to_bytes(width, "little") for word in _words(width, exponent, pair.name))
    zeros = bytes(5 * width)
    kept = [tensor("kept", dtype.name, (3,), data(nan * 3 * words))]
    base, target = (
        [tensor("k", dtype.name, (6 // words,), data(zeros + word)), number("n", dtype.name, (word * words).hex())]
        for word in (before, after)
    )
    made = [data(b"\0\0") + _planes(leaf.content, width) for leaf in target]
    return recovery(base + kept, target + kept, *made)


_BLOCK: Final = 1 << 22
_PLACES: Final = [
    Plain(str(at), f"byte {at:,}", at)
    for at in (4096, 65_535, 65_536, 131_072, 1 << 20, (1 << 20) + 65_536, _BLOCK - 1, _BLOCK, _BLOCK + 99)
]


@product("DELTA-6", "DELTA-3", want="accept", places=_PLACES, part=_recover)
def blocks_that_differ_in_one_byte(place: Plain, _: Plain):
    """An array of one block and 100 bytes, of which one byte is another in the target: a program that compares a part
    of each block takes it for the base's."""
    n, at = _BLOCK + 100, place.value
    base, target = (
        [tensor("k", "uint8", (n,), Bytes(Part(b"\x07", "", at)) + data(byte) + Bytes(Part(b"\x07", "", n - at - 1)))]
        for byte in (b"\x07", b"\x08")
    )
    content = target[0].content
    made = [
        data(b"\0\0") + content.piece(first, _BLOCK) if first <= at < first + _BLOCK else data(b"\x03")
        for first in (0, _BLOCK)
    ]
    return recovery(base, target, *made)


# --- kinds -------------------------------------------------------------------------------------------------------


def _float(bits: str) -> Leaf:
    return small("k", "float", f"cb {bits}")


def _complex(real: str, imaginary: str) -> Leaf:
    return small("k", "complex", f"c7 13 02 92 cb {real} cb {imaginary}")


_ZERO, _MINUS_ZERO, _ONE = "0000000000000000", "8000000000000000", "3ff0000000000000"
_LEAVES: Final = [
    Plain(name, about, leaves)
    for name, about, *leaves in (
        ("int-and-float", "the int 1 and the float 1", small("k", "int", "01"), _float(_ONE)),
        ("int-and-bool", "the int 1 and true", small("k", "int", "01"), small("k", "bool", "c3")),
        ("zero-and-false", "the int 0 and false", small("k", "int", "00"), small("k", "bool", "c2")),
        ("float-and-complex", "the float 1 and the complex number 1", _float(_ONE), _complex(_ONE, _ZERO)),
        ("float-zeros", "the floats 0 and -0", _float(_ZERO), _float(_MINUS_ZERO)),
        ("float-nans", "NaNs of two payloads", _float("7ff8000000000000"), _float("7ff8000000000001")),
        ("signalling-nan", "a NaN and a signalling one", _float("7ff8000000000001"), _float("7ff0000000000001")),
        ("complex-zeros", "complex zeros of two signs", _complex(_ONE, _ZERO), _complex(_ONE, _MINUS_ZERO)),
        (
            "ints-beyond-53-bits",
            "2^53 and the next int",
            small("k", "int", "cf0020000000000000"),
            small("k", "int", "cf0020000000000001"),
        ),
        (
            "int-of-64-bits",
            "2^64 - 1 and -1",
            small("k", "int", "cfffffffffffffffff"),
            small("k", "int", "ff"),
        ),
        ("text-and-bytes", "the text a and the byte 61", small("k", "str", "a161"), small("k", "bin", "c40161")),
        ("text-of-a-number", "the int 7 and the text 7", small("k", "int", "07"), small("k", "str", "a137")),
        ("texts-of-two-forms", "an accent in two forms", small("k", "str", "a2c3a9"), small("k", "str", "a365cc81")),
        ("texts-of-two-cases", "the texts a and A", small("k", "str", "a161"), small("k", "str", "a141")),
        ("nil-and-empty", "nil and an empty node", small("k", "nil", "c0"), small("k", "empty", "80")),
        ("nil-and-false", "nil and false", small("k", "nil", "c0"), small("k", "bool", "c2")),
        ("nil-and-no-text", "nil and the empty text", small("k", "nil", "c0"), small("k", "str", "a0")),
        ("int-and-scalar", "the int 7 and an int8", small("k", "int", "07"), number("k", "int8", "07")),
        (
            "array-and-scalar",
            "an array of no dimension and a scalar",
            tensor("k", "int8", (), "07"),
            number("k", "int8", "07"),
        ),
        (
            "arrays-of-two-signs",
            "int8 and uint8",
            tensor("k", "int8", (2,), "0107"),
            tensor("k", "uint8", (2,), "0107"),
        ),
        (
            "arrays-of-two-shapes",
            "shapes (2,) and (1, 2)",
            tensor("k", "int8", (2,), "0107"),
            tensor("k", "int8", (1, 2), "0107"),
        ),
        (
            "arrays-without-elements",
            "shapes (0, 2) and (0, 3)",
            tensor("k", "int8", (0, 2), ""),
            tensor("k", "int8", (0, 3), ""),
        ),
        (
            "bytes-and-array",
            "a bin and an array of its bytes",
            small("k", "bin", "c40107"),
            tensor("k", "uint8", (1,), "07"),
        ),
    )
]
_TURNS: Final = (Plain("", "", 1), Plain("the-other-way-round", "the other way round", -1))


@product("DELTA-4", "DELTA-6", want="accept", places=_LEAVES, sizes=_TURNS, part=_recover)
def leaves_that_compare_as_equal(pair: Plain, turn: Plain):
    """A leaf becomes another one, of which a program may say that it has the same value. A NaN stays what it is."""
    before, after = pair.value[:: turn.value]
    nan = Leaf(("nan",), "float", _float("7ff8000000000000").encoded, _float("7ff8000000000000").content)
    made = [data(b"\0\0") + after.content] if after.content.size else []
    return recovery([nan, before], [nan, after], *made)


# --- many --------------------------------------------------------------------------------------------------------

_MANY: Final = sizes("leaves", (15, 16, 255, 256, 257, 1000, 4097))


@product("DELTA-3", "DELTA-11", want="accept", places=(Plain("", ""),), sizes=_MANY, part=_recover)
def so_many_removed_leaves(_: Plain, size: Size):
    """So many leaves of the base are not in the target, and one is."""
    kept = small("kept", "int", "07")
    base = [small(("k", f"{i}"), "int", f"{i % 128:02x}") for i in range(size.n)]
    return recovery([*base[::2], kept, *base[1::2]], [kept])
