"""Numbers of dimensions and chunks that are too large by what an integer of a program holds, or are written with other
characters than digits (LEAF-11, LEAF-12)."""

from __future__ import annotations

from typing import Final

from ..assembly import MARKER, Bytes, int_, map_, ndarray_, raw, record_, str_, together
from .product import Plain, product

_BITS: Final = [Plain(f"2-to-the-{n}", f"by 2^{n}", n) for n in (8, 16, 31, 32, 53, 63, 64, 128)]
_WHICH: Final = [Plain("first", "the first of two", 0), Plain("second", "the second of two", 1)]


def _numbered(values: list[Bytes], which: int, more: int) -> Bytes:
    """A map of values by their numbers, of which one is larger than it has to be."""
    keys = [str_(str(i + more), f"! {i} is expected") if i == which else str_(str(i)) for i in range(len(values))]
    return map_(len(values)) + together([key + value for key, value in zip(keys, values, strict=True)])


# Texts that become the number of the last of some values where a program takes each character for a digit.
_NO_DIGITS: Final = [
    Plain(f"for-{n}", f"`{text}` for {n}", (n, text)) for n, text in ((10, ":"), (11, ";"), (19, "2/"), (20, "1:"))
]


def _last_as(text: str, number: int, value: Bytes) -> Bytes:
    """A map of a value by its numbers from 0 on, of which the last is this text instead."""
    keys = [str_(str(i)) for i in range(number)] + [str_(text, f"! {number} is expected")]
    return map_(len(keys)) + together([key + value for key in keys])


def _array(shape: Bytes, chunks: Bytes) -> Bytes:
    head = map_(3) + str_(MARKER) + raw("c3 # true")
    return record_("k", head + str_("shape") + shape + str_("chunks") + chunks)


_WHERE: Final = [Plain("dimension", "of a dimension", "LEAF-11"), Plain("chunk", "of a chunk", "LEAF-12")]
_SHAPE: Final = [int_(3), int_(1)]
_CHUNKS: Final = [ndarray_("int8", (2,), "01 02"), ndarray_("int8", (1,), "03")]


@product("LEAF-11", want="reject", places=_BITS, sizes=_WHICH)
def dimensions_of_which_a_number_is_too_large(more: Plain, which: Plain):
    """The number of a dimension is larger than it has to be, by as much as an integer of so many bits does not show."""
    return _array(_numbered(_SHAPE, which.value, 1 << more.value), _numbered(_CHUNKS, -1, 0))


_TEXTS: Final = [
    Plain(name, about, text)
    for name, about, text in (
        ("nothing", "no text", lambda i: ""),
        ("nul-behind", "it and a NUL", lambda i: f"{i}\0"),
        ("nul-and-more", "it, a NUL and a letter", lambda i: f"{i}\0x"),
        ("two-digits", "it in two digits", lambda i: f"{i:02}"),
        ("blank-before", "a blank and it", lambda i: f" {i}"),
        ("line-feed-behind", "it and a line feed", lambda i: f"{i}\n"),
        ("plus", "a plus and it", lambda i: f"+{i}"),
        ("fraction", "it and a fraction", lambda i: f"{i}.0"),
        ("hexadecimal", "it in hexadecimal", lambda i: f"0x{i}"),
        ("letter-behind", "it and a letter", lambda i: f"{i}x"),
        ("wide", "its digit as a wide one", lambda i: chr(0xFF10 + i)),
    )
]
_MAPS: Final = [Plain("dimensions", "dimensions", (3, 0)), Plain("chunks", "chunks", (0, 12))]


def _clause(place: Plain) -> tuple[str, ...]:
    return ("LEAF-11" if place.name == "dimensions" else "LEAF-12",)


@product("LEAF-11", "LEAF-12", want="reject", places=_MAPS, sizes=_TEXTS, cites=lambda at, _: _clause(at))
def numbers_of_another_form(place: Plain, text: Plain):
    """The first numbers of dimensions or chunks, all of one digit, are other texts that a program may take for them."""
    dimensions, chunks = place.value

    def numbered(values: list[Bytes], is_it: bool) -> Bytes:
        keys = [text.value(i) if is_it and i < 10 else str(i) for i in range(len(values))]
        return map_(len(values)) + together([str_(key) + value for key, value in zip(keys, values, strict=True)])

    shape = [int_(2)] + [int_(1)] * max(dimensions - 1, 0)
    held = [ndarray_("int8", (2,), "01 02")] + [ndarray_("int8", (0,), "")] * max(chunks - 1, 0)
    return _array(numbered(shape, bool(dimensions)), numbered(held, bool(chunks)))


@product("LEAF-12", want="reject", places=_BITS, sizes=_WHICH)
def chunks_of_which_a_number_is_too_large(more: Plain, which: Plain):
    """The number of a chunk is larger than it has to be, by as much as an integer of so many bits does not show."""
    return _array(_numbered(_SHAPE, -1, 0), _numbered(_CHUNKS, which.value, 1 << more.value))


@product(
    "LEAF-11",
    want="reject",
    places=_WHERE,
    sizes=_NO_DIGITS,
    cites=lambda where, _: (where.value,),
)
def numbers_that_are_not_written_in_digits(where: Plain, number: Plain):
    """A number is written with characters that are next to the digits, and would be right if they counted as such."""
    n, text = number.value
    if where.value == "LEAF-11":
        return _array(_last_as(text, n, int_(1)), _numbered([ndarray_("int8", (1,), "01")], -1, 0))
    return _array(_numbered([int_(n + 1)], -1, 0), _last_as(text, n, ndarray_("int8", (1,), "01")))
