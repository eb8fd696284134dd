"""What no writer can write, behind much that it can: nothing is written (CONF-7). And numbers that are none."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..assembly import MARKER
from ..declare import given
from .product import Plain, product
from .sizes import Size, sizes


class Fault(NamedTuple):
    """A leaf that cannot be written, the clause that says so, and the kind of file."""

    name: str
    about: str
    clause: str
    part: str
    record: dict[str, Any]


_ANY: Final = (
    ("int-too-large", "an int of 2^64", "LEAF-1", given(["k"], "int", value=str(1 << 64))),
    ("int-too-small", "an int of -2^63 - 1", "LEAF-1", given(["k"], "int", value=str(-(1 << 63) - 1))),
    ("kind-that-is-none", "a leaf of no kind", "LEAF-1", given(["k"], "set")),
    (
        "dtype-that-is-none",
        "an array of objects",
        "DTYPE-7",
        given(["k"], "ndarray", dtype="object", shape=["0"], payload=""),
    ),
    ("path-of-no-part", "a key path of no part", "KEY-1", given([], "nil")),
    ("path-of-513-parts", "a key path of 513 parts", "KEY-3", given(["p"] * 513, "nil")),
    ("path-of-65536-bytes", "a key path of 65,536 bytes", "KEY-4", given(["p" * 65_000, "q" * 536], "nil")),
    ("text-that-is-none", "half of a pair of surrogates", "WIRE-5", given(["k"], "str", value="a\ud800")),
    ("path-again", "the first key path again", "STREAM-4", given(["good"], "nil")),
    (
        "shape-of-65-dimensions",
        "a shape of 65 dimensions",
        "LEAF-3",
        given(["k"], "ndarray", dtype="int8", shape=["1"] * 65, payload="07"),
    ),
)
_FAULTS: Final = [
    *(
        Fault(f"{name}-to-{part.partition('-')[0]}", about, clause, part, record)
        for part in ("stream-encode", "flax-encode")
        for name, about, clause, record in _ANY
    ),
    Fault("marker-to-flax", "the key that marks a chunked array", "FLAX-3", "flax-encode", given(["k", MARKER], "nil")),
]
_GOOD: Final = sizes("bytes that are good", (0, 4096, 65_536, 131_072, 1 << 20, 5 << 20))


@product(
    "CONF-7",
    want="reject",
    places=_FAULTS,
    sizes=_GOOD,
    cites=lambda fault, _: (fault.clause, "CONF-7"),
    also=lambda *_: ("TREE-1", "FLAX-5", "STREAM-5", "LEAF-4", "FLAX-2"),
)
def a_leaf_that_cannot_be_written(fault: Fault, size: Size):
    """A tree has a good array of so many bytes, and then a leaf that cannot be written. Nothing of it is written."""
    good = given(["good"], "ndarray", dtype="uint8", shape=[str(size.n)], fill="07")
    return [good, fault.record]


# Texts that some languages read as a number, and that are none in decimal.
NUMBERS: Final = [
    Plain(name, f"{text!r}", text)
    for name, text in (
        ("nothing", ""),
        ("a-blank", " "),
        ("a-blank-before", " 7"),
        ("a-blank-behind", "7 "),
        ("a-line-feed-behind", "7\n"),
        ("a-nul-behind", "7\0"),
        ("a-letter-behind", "7L"),
        ("plus", "+7"),
        ("an-underscore", "1_0"),
        ("a-comma", "1,000"),
        ("hexadecimal", "0x7"),
        ("a-fraction", "7.0"),
        ("a-point", "7."),
        ("an-exponent", "1e1"),
        ("arabic", "\u0667"),
        ("wide", "\uff17"),
        ("two-signs", "--7"),
    )
]
_MEMBERS: Final = [
    Plain("int", "the value of an int", ("LEAF-1", lambda text: given(["k"], "int", value=text))),
    Plain(
        "dimension",
        "a dimension",
        ("LEAF-3", lambda text: given(["k"], "ndarray", dtype="int8", shape=[text], fill="07")),
    ),
    Plain("bytes", "the length of a bin", ("LEAF-1", lambda text: given(["k"], "bin", bytes=text, fill="07"))),
    Plain("bytes-of-a-text", "that of a text", ("LEAF-1", lambda text: given(["k"], "str", bytes=text, fill="78"))),
]


@product(
    "LEAF-1",
    "CONF-7",
    want="reject",
    places=_MEMBERS,
    sizes=NUMBERS,
    cites=lambda member, _: (member.value[0], "CONF-7"),
    also=lambda *_: ("LEAF-1", "LEAF-3", "LEAF-5"),
    part=lambda _: "stream-encode",
    since="2.0",
)
def numbers_that_are_not_decimal(member: Plain, text: Plain):
    """In place of a number in decimal stands a text that is none, and that a parser of numbers may take."""
    return [member.value[1](text.value)]


# Values of another type of JSON than CLIENT.md has for the kind.
_TYPES: Final = [
    Plain(name, about, given(["k"], kind, **members))
    for name, about, kind, members in (
        ("text-for-a-bool", "the text true", "bool", {"value": "true"}),
        ("number-for-a-bool", "the number 1 for a bool", "bool", {"value": 1}),
        ("null-for-a-bool", "null for a bool", "bool", {"value": None}),
        ("nothing-for-a-bool", "a bool without a value", "bool", {}),
        ("bool-for-an-int", "true for an int", "int", {"value": True}),
        ("null-for-an-int", "null for an int", "int", {"value": None}),
        ("float-of-15-digits", "a float of 15 digits", "float", {"value": "3ff000000000000"}),
        ("float-of-17-digits", "a float of 17 digits", "float", {"value": "3ff00000000000000"}),
        ("float-of-letters", "a float that is not hexadecimal", "float", {"value": "3gf0000000000000"}),
        ("float-with-a-sign", "a float with a sign among its digits", "float", {"value": "+ff0000000000000"}),
        ("float-of-nothing", "a float without digits", "float", {"value": ""}),
        ("complex-of-one", "a complex of one part", "complex", {"value": ["3ff0000000000000"]}),
        ("complex-of-three", "a complex of three parts", "complex", {"value": ["3ff0000000000000"] * 3}),
        ("null-for-a-complex", "null for a complex", "complex", {"value": None}),
        ("complex-of-numbers", "a complex of two numbers", "complex", {"value": [1, 0]}),
        ("null-for-a-text", "null for a text", "str", {"value": None}),
        ("number-for-a-text", "a number for a text", "str", {"value": 7}),
        ("bin-of-half-a-byte", "a bin of an odd number of digits", "bin", {"value": "7"}),
        ("bin-of-letters", "a bin that is not hexadecimal", "bin", {"value": "0g"}),
        ("bin-with-a-prefix", "a bin with 0x before its digits", "bin", {"value": "0x07"}),
        ("bin-with-a-sign", "a bin with a sign among its digits", "bin", {"value": "+7"}),
        ("bin-with-a-blank", "a bin with a blank among its digits", "bin", {"value": " 7"}),
        ("fill-with-a-sign", "a fill with a sign among its digits", "bin", {"fill": "+7", "bytes": "3"}),
        ("fill-of-half-a-byte", "a fill of an odd number of digits", "bin", {"fill": "070", "bytes": "3"}),
        ("payload-with-a-sign", "a payload with a sign", "ndarray", {"dtype": "int8", "shape": ["1"], "payload": "+7"}),
        ("payload-of-half-a-byte", "half a byte", "ndarray", {"dtype": "int8", "shape": ["1"], "payload": "070"}),
        ("number-for-a-shape", "a number for a shape", "ndarray", {"dtype": "int8", "shape": 1, "payload": "07"}),
        ("null-for-a-shape", "null for a shape", "ndarray", {"dtype": "int8", "shape": None, "payload": "07"}),
        ("no-shape", "an array without a shape", "ndarray", {"dtype": "int8", "payload": "07"}),
        ("no-dtype", "an array without a dtype", "ndarray", {"shape": ["1"], "payload": "07"}),
        ("no-payload", "an array without a payload", "ndarray", {"dtype": "int8", "shape": ["1"]}),
    )
]


@product(
    "LEAF-1",
    "CONF-7",
    want="reject",
    places=_TYPES,
    also=lambda *_: ("LEAF-3", "LEAF-5", "LEAF-7", "LEAF-8", "DTYPE-1", "DTYPE-7", "WIRE-5"),
    part=lambda _: "stream-encode",
    since="2.0",
)
def values_of_another_type(leaf: Plain, _: Plain):
    """A leaf has a value that is none of its kind, and that a program in a language which converts values may take."""
    return [given(["good"], "nil"), leaf.value]


# Keys of a map that give one text.
_INTEGERS: Final = [
    Plain(f"{n}".replace("-", "minus-"), f"the key {n:,}", n)
    for n in (0, 9, 10, 1234, 65_536, 1 << 31, 10**10, 1 << 53, (1 << 53) + 1, 1 << 64, -1, -1234, -(1 << 53) - 1)
]
_BELOW: Final = [
    Plain("leaves", "with leaves", ([], [])),
    Plain("maps", "with maps that have other keys", (["a"], ["b"])),
    Plain("maps-below-others", "with maps, all of them below another key", (["a", "c"], ["a", "d"])),
]


@product(
    "TREE-3",
    "CONF-7",
    want="reject",
    places=_INTEGERS,
    sizes=_BELOW,
    also=lambda *_: ("STREAM-4", "STREAM-5", "TREE-1"),
    part=lambda _: "stream-encode",
    since="2.0",
)
def an_integer_and_its_text_as_keys(number: Plain, below: Plain):
    """A map has an integer as a key, and far behind it the text of that integer."""
    first, second = below.value
    between = [given(["k", f"{i}k"], "nil") for i in range(20)]
    return [given(["k", number.value, *first], "nil"), *between, given(["k", str(number.value), *second], "nil")]
