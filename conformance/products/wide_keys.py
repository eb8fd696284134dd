"""Key paths at their limit of 65,535 bytes (KEY-4), in characters of several bytes: who counts characters, or units of
UTF-16, finds far fewer."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..assembly import Bytes, Part, arr_, bin_, data, here, int_, map_, str_, str_of, together
from ..declare import integer
from .product import Plain, product

_MOST: Final = 65_535
_PLACES: Final = (
    Plain("two-parts", "the last of two parts, the first of which has one", 2),
    Plain("two-keys", "the last of two keys, the first of which has one", 2, "flax"),
    Plain("forty-keys", "the last of forty keys, each of which has one", 40, "flax"),
)
_WIDE: Final = (
    Plain("of-2-bytes", "characters of two bytes", "\u00e9"),
    Plain("of-3-bytes", "characters of three bytes", "\u20ac"),
    Plain("of-4-bytes", "characters of four bytes", "\U0001f9e9"),
)


class Keys(NamedTuple):
    """So many keys of so many bytes in all: each a letter, and the last of wide characters and the letters missing."""

    n: int
    total: int
    character: str

    def last(self) -> tuple[int, int]:
        """How many wide characters it has, and how many letters."""
        return divmod(self.total - self.n + 1, len(self.character.encode()))

    def names(self) -> list[str]:
        wide, letters = self.last()
        return ["k"] * (self.n - 1) + [self.character * wide + "k" * letters]

    def encoded(self) -> list[Bytes]:
        wide, letters = self.last()
        return [str_("k")] * (self.n - 1) + [
            str_of(Bytes(Part(self.character.encode(), "", wide)) + data(b"k" * letters))
        ]


def _file(place: Plain, keys: Keys) -> Bytes:
    *above, last = keys.encoded()
    if place.part == "flax":
        return together([map_(1) + key for key in above]) + map_(1) + here("! the last key") + last + int_(7)
    return arr_(2) + here("! the key path") + arr_(keys.n) + together(above) + last + bin_(int_(7))


@product("KEY-4", want="reject", places=_PLACES, sizes=_WIDE)
def one_byte_too_many_in_wide_characters(place: Plain, size: Plain):
    """A key path has 65,536 bytes, nearly all of them in characters of several bytes: most stand in one key."""
    return _file(place, Keys(place.value, _MOST + 1, size.value))


@product("KEY-4", want="accept", places=_PLACES[:2], sizes=_WIDE[1:2], canonical=True)
def as_many_bytes_as_may_be_in_wide_characters(place: Plain, size: Plain):
    """A key path has 65,535 bytes, nearly all of them in characters of several bytes: most stand in one key."""
    keys = Keys(place.value, _MOST, size.value)
    return _file(place, keys), [integer(keys.names(), 7)]
