"""A leaf of every kind as a value whose headers can be chosen, with what is read from it. A new one stands in every
product of leaves by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ..declare import array, binary, boolean, complexes, empty, floating, integer, nil, scalar, text
from . import values
from .values import Value, body, chunked, number, plain


class Specimen(NamedTuple):
    """A leaf; `read` gives what a decoder prints of it at a key path."""

    name: str
    about: str
    value: Value
    read: Callable[[list[str]], dict[str, Any]]


_ONE, _TWO = "cb 3f f0 00 00 00 00 00 00", "cb c0 00 00 00 00 00 00 00"
_COMPLEX = Value(
    "ext",
    "ext",
    2,
    (
        Value(
            "array",
            "body",
            2,
            (plain("real-part", _ONE, "LEAF-7", "float"), plain("imaginary-part", _TWO, "LEAF-7", "float")),
            clause="LEAF-7",
        ),
    ),
    clause="LEAF-1",
)
_CHUNKED = chunked((1, 3), [("int16", 2, "01 00 02 80"), ("int16", 1, "ff 7f")])

INT: Final = Specimen("int", "an int", number("leaf", 7, "LEAF-1"), lambda path: integer(path, 7))
ARRAY: Final = Specimen(
    "array",
    "an array",
    body("", 1, "int16", (2, 1), "01 80 ff 7f"),
    lambda path: array(path, "int16", (2, 1), "01 80 ff 7f"),
)
SCALAR: Final = Specimen(
    "scalar",
    "a scalar",
    body("", 3, "float32", (), "00 00 80 3f", "LEAF-6"),
    lambda path: scalar(path, "float32", "00 00 80 3f"),
)
COMPLEX: Final = Specimen(
    "complex", "a complex number", _COMPLEX, lambda path: complexes(path, "3ff0000000000000", "c000000000000000")
)
CHUNKED: Final = Specimen(
    "chunked",
    "a chunked array",
    _CHUNKED,
    lambda path: array(path, "int16", (1, 3), "01 00 02 80 ff 7f"),
)
TEXT: Final = Specimen("text", "a text", values.text("leaf", "\u00e9t", "LEAF-1"), lambda path: text(path, "\u00e9t"))
BIN: Final = Specimen(
    "bin",
    "a bin",
    Value("bin", "leaf", content=values.hexed("00 ff c1"), clause="LEAF-1"),
    lambda path: binary(path, b"\x00\xff\xc1"),
)
SPECIMENS: Final = (
    INT,
    Specimen("negative-int", "an int of -33", number("leaf", -33, "LEAF-1"), lambda path: integer(path, -33)),
    Specimen(
        "int-of-9-bytes", "an int of 2^63", number("leaf", 1 << 63, "LEAF-1"), lambda path: integer(path, 1 << 63)
    ),
    TEXT,
    BIN,
    Specimen("nil", "nil", plain("leaf", "c0", "LEAF-1"), nil),
    Specimen("true", "a bool", plain("leaf", "c3", "LEAF-1", "bool"), lambda path: boolean(path, True)),
    Specimen(
        "float", "a float", plain("leaf", _TWO, "LEAF-1", "float"), lambda path: floating(path, "c000000000000000")
    ),
    Specimen("empty", "an empty node", Value("map", "leaf", clause="LEAF-1"), empty),
    ARRAY,
    SCALAR,
    COMPLEX,
    CHUNKED,
)
