"""Key paths in display form that are parsed (KEY-6): what an escape is, at the beginning and the end of a text too."""

from __future__ import annotations

from typing import Final

from ..assembly import raw, record_
from ..declare import given
from .product import Plain, product

_ESCAPES: Final = [
    Plain("slash", "a `/`", (r"\/", "/")),
    Plain("backslash", "a backslash", (r"\\", "\\")),
    Plain("number-of-a-slash", "the number of `/`", (r"\u002f", "/")),
    Plain("number-of-a-backslash", "the number of a backslash", (r"\u005C", "\\")),
    Plain("number-of-two-bytes", "the number of a character of two bytes", (r"\u00e9", "é")),
]
_PLACES: Final = [
    Plain("alone", "alone", "{}"),
    Plain("first", "at the beginning", "{}a"),
    Plain("last", "at the end", "a{}"),
    Plain("twice", "twice", "{}{}"),
    Plain("last-of-a-part", "at the end of a part that is not the last", "a{}/b"),
    Plain("first-of-a-part", "at the beginning of the last part", "a/{}b"),
    Plain("a-part-of-its-own", "a part of its own, and the last", "a/{}"),
    Plain("before-no-text", "before a part without a character", "a{}/"),
]


@product("KEY-6", want="accept", places=_ESCAPES, sizes=_PLACES, part=lambda _: "stream-encode")
def escapes_where_a_text_begins_or_ends(escape: Plain, place: Plain):
    """A leaf is given under a key path in display form with an escape in it, which may be the first of the text or of a
    part, or the last."""
    shown, meant = escape.value
    parts = [part.replace("{}", meant) for part in place.value.split("/")]
    return [given(place.value.replace("{}", shown), "nil")], record_(parts, raw("c0"))
