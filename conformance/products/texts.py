"""UTF-8 wherever a text can stand and at every offset (WIRE-5): some check the first bytes alone, or words of 16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

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
    raw,
    record_,
    str_,
    str_of,
    together,
)
from ..declare import given, integer, text
from .product import Plain, product
from .sizes import BUFFERS, OFFSETS, Size, sizes


class TextPlace(NamedTuple):
    """Where a text stands: the file around it, and what is read there where it is a right one."""

    name: str
    about: str
    part: str
    around: Callable[[Bytes], Bytes]
    read: Callable[[str], dict[str, Any]]


def _path(i: int, n: int) -> tuple[Callable[[Bytes], Bytes], Callable[[str], dict[str, Any]]]:
    """A record whose key path has n parts, of which the text is number i."""

    def around(value: Bytes) -> Bytes:
        return raw("92") + arr_(n) + together([value if k == i else str_(f"p{k}") for k in range(n)]) + bin_(int_(1))

    return around, lambda word: integer([word if k == i else f"p{k}" for k in range(n)], 1)


def _key(i: int, n: int) -> tuple[Callable[[Bytes], Bytes], Callable[[str], dict[str, Any]]]:
    """A flax file with keys one below the other, of which the text is number i."""

    def around(value: Bytes) -> Bytes:
        return together([map_(1) + (value if k == i else str_(f"p{k}")) for k in range(n)]) + int_(1)

    return around, lambda word: integer([word if k == i else f"p{k}" for k in range(n)], 1)


PLACES: Final = (
    TextPlace("key-alone", "the one part of a key path", "stream", *_path(0, 1)),
    TextPlace("first-part", "the first of three parts of a key path", "stream", *_path(0, 3)),
    TextPlace("middle-part", "the second of three parts of a key path", "stream", *_path(1, 3)),
    TextPlace("last-part", "the last of three parts of a key path", "stream", *_path(2, 3)),
    TextPlace("part-40", "the last of forty parts of a key path", "stream", *_path(39, 40)),
    TextPlace("text", "a text leaf", "stream", lambda value: record_("k", value), lambda word: text("k", word)),
    TextPlace("flax-key", "a key at the root of a flax file", "flax", *_key(0, 1)),
    TextPlace("flax-key-above", "the first of three keys of a flax file", "flax", *_key(0, 3)),
    TextPlace("flax-key-below", "the last of three keys of a flax file", "flax", *_key(2, 3)),
    TextPlace(
        "flax-text",
        "a text leaf in a flax file",
        "flax",
        lambda value: map_(2) + str_("a") + map_(1) + str_("k") + value + str_("z") + int_(1),
        lambda word: text(["a", "k"], word),
    ),
)
# What no text may hold, in turn: each place meets each of them at several offsets.
_FAULTS: Final = (
    ("80", "a byte that continues a character which has not begun"),
    ("ff", "a byte that begins nothing"),
    ("c3 28", "the first of two bytes and a parenthesis"),
    ("ed a0 80", "a surrogate"),
    ("e2 82", "two of three bytes"),
    ("f0 9f a7", "three of four bytes"),
    ("c0 af", "a slash in two bytes"),
    ("f4 90 80 80", "a character beyond the last"),
    ("f0 8f bf bf", "a character of three bytes in four"),
)
_CUT: Final = (b"\xc3", b"\xe2\x82", b"\xf0\x9f\xa7", b"\xf0\x9f")
_BEHIND: Final = (0, 1, 16, 40)  # letters behind the fault, in turn


def _before(n: int, turn: int) -> Bytes:
    """So many bytes of right UTF-8: of letters, or as far as that goes of characters of two or three bytes."""
    wide = ("", "\u00e9", "\u20ac")[turn % 3].encode()
    if not wide:
        return patterned(n, LETTERS)
    return Bytes(Part(wide, "", n // len(wide))) + patterned(n % len(wide), LETTERS)


@product("WIRE-5", want="reject", places=PLACES, sizes=sizes("bytes before the fault", OFFSETS))
def what_is_not_utf_8(place: TextPlace, size: Size):
    """A text has bytes that are not UTF-8, behind so many that are."""
    turn = OFFSETS.index(size.n) + 4 * PLACES.index(place)
    fault, _ = _FAULTS[turn % len(_FAULTS)]
    behind = patterned(_BEHIND[turn // 2 % len(_BEHIND)], LETTERS)
    return place.around(here("! not UTF-8") + str_of(_before(size.n, turn) + raw(fault) + behind))


_TEXTS: Final = [place for place in PLACES if place.name in ("text", "flax-text")]


def _torn(apart: int) -> Bytes:
    """A text in which so many letters stand between the two bytes of a character."""
    return here("! not UTF-8") + str_of(raw("c3") + Bytes(Part(b"a", "", apart)) + raw("a9 7a"))


@product(
    "WIRE-5",
    want="reject",
    places=_TEXTS,
    sizes=sizes(
        "bytes before the second byte, where a buffer may begin", [n for n in BUFFERS if 1 << 12 <= n <= 1 << 20]
    ),
)
def a_character_torn_apart(place: TextPlace, size: Size):
    """Letters stand between the two bytes of a character. Who looks at a text buffer by buffer, and no further in one
    that has a fault, comes to the second byte as if it followed the first."""
    apart = size.n
    for _ in range(2):  # the headers are larger where the text is
        apart = size.n - place.around(_torn(apart)).data().index(b"\xc3a") - 1
    return place.around(_torn(apart))


_LONG: Final = sizes("bytes in all", (131_072, 200_000, 262_145, 524_289, 1_048_577, 2_097_153, 4_194_305))


@product("WIRE-5", want="reject", places=_TEXTS, sizes=_LONG)
def long_texts_that_end_inside_a_character(place: TextPlace, size: Size):
    """A long text is right UTF-8 but for its last character, which lacks a byte: a reader takes it in pieces, and the
    last of them must not be treated like those that the next one goes on with."""
    fault = _CUT[size.n % len(_CUT)]
    return place.around(here("! not UTF-8") + str_of(patterned(size.n - len(fault), LETTERS) + data(fault)))


# Sequences whose first byte is right, and whose second is one that no reader can tell alone from a right one.
_ACROSS: Final = (b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80")
_FROM: Final = [
    Plain("of-the-text", "of the text", 0),
    Plain("of-the-file", "of the file", len(_TEXTS[0].around(str_of(patterned(70_000))).data()) - 70_000),
]
_BLOCKS: Final = sizes("bytes", (1 << k for k in (12, 14, 16, 17, 18, 20, 22)))


@product("WIRE-5", want="reject", places=_FROM, sizes=_BLOCKS)
def sequences_across_the_end_of_a_block(place: Plain, size: Size):
    """A text has a sequence that is not UTF-8, of which one byte is the last of so many: where a reader takes the text
    in blocks of this size, what the second byte may be follows from the block before."""
    fault = _ACROSS[(size.n.bit_length() + len(place.name)) % len(_ACROSS)]
    word = patterned(size.n - 1 - place.value, LETTERS) + data(fault) + patterned(100, LETTERS)
    return _TEXTS[0].around(here("! not UTF-8") + str_of(word))


_AT: Final = (0, 1, 2, 3, 7, 8, 12, 13, 14, 15, 16, 31, 255, 4095)


@product("WIRE-5", "KEY-2", want="accept", places=PLACES, sizes=sizes("bytes before them", _AT), canonical=True)
def characters_of_every_width(place: TextPlace, size: Size):
    """A text has characters of two to four bytes, the first and the last of each width, behind so many bytes."""
    edges = "\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"
    word = _before(size.n, size.n).data().decode() + edges + "."
    wanted = [place.read(word)] + ([integer("z", 1)] if place.name == "flax-text" else [])
    return place.around(str_(word)), wanted


# --- texts that cannot be written --------------------------------------------------------------------------------


class Written(NamedTuple):
    """Where the text stands in what is to be written: the record that holds it."""

    name: str
    about: str
    part: str
    record: Callable[[str], dict[str, Any]]


_WRITTEN: Final = [
    Written(f"{name}-to-{part.partition('-')[0]}", about, part, record)
    for part in ("stream-encode", "flax-encode")
    for name, about, record in (
        ("first-part", "the first of three parts", lambda word: given([word, "b", "c"], "nil")),
        ("middle-part", "the second of three parts", lambda word: given(["a", word, "c"], "nil")),
        ("last-part", "the last of three parts", lambda word: given(["a", "b", word], "nil")),
        ("text", "a text", lambda word: given(["a"], "str", value=word)),
    )
]
_LONE: Final = tuple(
    Plain(f"{name}-behind-{n}", f"{about} behind {n} letters", (n, half))
    for n in (0, 1, 15, 31, 255, 4095)
    for name, about, half in (
        ("high", "the first half of a pair", "\ud83d"),
        ("low", "the second half of a pair", "\udc00"),
    )
)


@product("WIRE-5", "CONF-7", want="reject", places=_WRITTEN, sizes=_LONE, also=lambda *_: ("KEY-4",))
def half_a_pair_of_surrogates(place: Written, size: Plain):
    """What is to be written has half of a pair of surrogates in a text, behind leaves that are good. Nothing is
    written."""
    n, half = size.value
    word = _before(n, 0).data().decode() + half + "z"
    return [given(["0"], "int", value="7"), place.record(word)]
