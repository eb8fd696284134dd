"""Texts that JSON can spell and UTF-8 cannot: surrogates that are not in pairs, beside each other and beside pairs."""

from __future__ import annotations

from typing import Any, Final

from ..declare import encode_sealed, given
from .product import Plain, product

_PLACES: Final = [
    Plain("value", "a text in a stream", part="stream-encode"),
    Plain("key", "a key in a stream", part="stream-encode"),
    Plain("value-in-a-flax-file", "a text in a flax file", part="flax-encode"),
    Plain("key-in-a-flax-file", "a key in a flax file", part="flax-encode"),
    Plain("value-of-the-metadata", "a text of the metadata", part="stream-encode"),
    Plain("key-of-the-metadata", "a key of the metadata", part="stream-encode"),
]
_TEXTS: Final = [
    Plain("two-first-halves", "the first half of a pair, twice", "\ud83d\ud83d"),
    Plain("two-second-halves", "the second half of a pair, twice", "\ude00\ude00"),
    Plain("halves-in-the-wrong-order", "the second half of a pair before the first", "\ude00\ud83d"),
    Plain("the-last-first-half", "a first half and the last that there is", "\ud83d\udbff"),
    Plain("the-first-second-half", "the second half that is the first of all, twice", "\udc00\udc00"),
    Plain("a-half-before-a-letter", "a first half and a letter", "\ud83dA"),
    Plain("a-half-before-what-follows", "a first half and the first character behind all halves", "\ud83d\ue000"),
    Plain("a-half-behind-what-precedes", "the last character before all halves and a second half", "\ud7ff\udc00"),
    Plain("a-half-before-hexadecimal-digits", "a first half, and letters like the second half", "\ud83dxudc00"),
    Plain("a-half-before-a-backslash", "a first half, and a backslash and digits of the second half", "\ud83d\\dc00"),
    Plain("a-half-before-a-pair", "a first half before a pair", "\ud83d\U0001f600"),
    Plain("a-half-behind-a-pair", "a second half behind a pair", "\U0001f600\ude00"),
]


@product("WIRE-5", "CONF-7", want="reject", places=_PLACES, sizes=_TEXTS, part=lambda place: place.part, since="2.0")
def surrogates_that_are_no_pair(place: Plain, text: Plain):
    """A writer is given a text with half of a surrogate pair in it: no UTF-8 holds that, and nothing is written."""
    if not place.name.endswith("metadata"):
        is_key = place.name.startswith("key")
        return [given([text.value] if is_key else ["k"], "str", value="v" if is_key else text.value)]
    entry: list[Any] = ["k", {"kind": "str", "value": text.value}]
    if place.name.startswith("key"):
        entry = [text.value, {"kind": "nil"}]
    return encode_sealed([given(["k"], "int", value="7")], {"kind": "map", "value": [entry]})
