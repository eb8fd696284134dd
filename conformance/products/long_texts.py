"""Texts of up to 16 MiB, in which characters are cut by the end of every common buffer (WIRE-5)."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, Part, here, map_, raw, record_, str_, str_of
from ..digests import sha256
from .product import Plain, product
from .sizes import Size, sizes

_LONG: Final = 1 << 24
_PLACES: Final = (
    Plain("in-a-stream", "a text in a stream", lambda text: record_("k", text), "stream"),
    Plain("in-a-flax-file", "a text in a flax file", lambda text: map_(1) + str_("k") + text, "flax"),
)
_SHIFTS: Final = sizes("letters before them", (0, 1, 2))


@product("WIRE-5", want="accept", places=_PLACES, sizes=_SHIFTS)
def characters_at_the_end_of_every_buffer(place: Plain, shift: Size):
    """A text of somewhat more than 16 MiB, of characters of three bytes: wherever a buffer ends, two in three such
    texts have a character there that goes on in the next one."""
    before = [Part(b"ab"[: shift.n])] if shift.n else []
    text = Bytes(*before, Part("\u20ac".encode(), "", _LONG // 3 + 2))
    read: dict[str, Any] = {"path": ["k"], "kind": "str", "bytes": str(text.size), "sha256": sha256(text.pieces())}
    return place.value(str_of(text)), [read]


_ENDS: Final = sizes("bytes", (1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 23, 1 << 24))
_COUNTED: Final = tuple(
    Plain(f"{from_}-{place.name}", f"{place.about}, counted from the beginning of the {from_}", place, place.part)
    for place in _PLACES
    for from_ in ("text", "file")
)


@product("WIRE-5", want="reject", places=_COUNTED, sizes=_ENDS)
def characters_that_end_with_a_buffer(counted: Plain, end: Size):
    """The first two of three bytes of a character stand before the end of a buffer of so many bytes, and a letter
    behind it: a reader that begins anew with each buffer has forgotten that a byte is due."""
    before, behind = end.n - 2, 100
    place = counted.value
    if counted.name.startswith("file"):
        before -= place.value(str_of(Bytes(Part(b"x", "", before + 2 + behind)))).size - (before + 2 + behind)
    text = Bytes(Part(b"x", "", before)) + raw("e2 82") + Bytes(Part(b"x", "", behind))
    return place.value(here("! not UTF-8") + str_of(text))
