"""Keys that are names of parts and keys that are not (PART-3): by their numbers, and by their place in a key path."""

from __future__ import annotations

from typing import Final

from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import number
from ..declare import encode_sealed
from .product import Plain, product

_PARTS: Final = (
    *("0_of_1", "0_of_2", "1_of_2", "9_of_10", "2_of_10", "10_of_11", "99_of_100", "100_of_1000", "0_of_4294967296"),
    *("4294967295_of_4294967296", "0_of_18446744073709551616", "1_of_99999999999999999999999999999999999999999"),
    *("11_of_12", "19_of_20"),
)
_OTHERS: Final = (
    *("0_of_0", "1_of_1", "10_of_10", "10_of_9", "10_of_2", "100_of_99", "4294967296_of_1", "4294967297_of_2"),
    *("18446744073709551616_of_1", "00_of_10", "01_of_10", "001_of_2000", "0_of_010", "0_of_00", "_of_1", "0_of_"),
    *("0_of_1_of_2", "0__of_1", "-0_of_1", "0.0_of_1", "0_OF_1", "0_of_1 ", "0_of_1_", "1e1_of_20", "0_of_1\0"),
    # As many digits, of which a later one decides.
    *("12_of_11", "21_of_20", "4294967296_of_4294967295", "18446744073709551616_of_18446744073709551615"),
)
_NAMES: Final = [Plain(f"part-{i}", f"`__part_{one}__`", f"__part_{one}__") for i, one in enumerate(_PARTS)]
_LIKE: Final = [
    Plain(f"key-{i}", f"`__part_{one}__`".replace("\0", "NUL"), f"__part_{one}__") for i, one in enumerate(_OTHERS)
]
_FORM: Final = "__part_0_of_1__"
_PLACES_OF_IT: Final = range(len(_FORM))
_ALMOST: Final = [
    Plain(
        "shorter",
        "some in a row are left out",
        {_FORM[:i] + _FORM[j + 1 :] for i in _PLACES_OF_IT for j in _PLACES_OF_IT[i:]} - {""},
    ),
    Plain(
        "other",
        "one is another",
        {_FORM[:i] + other + _FORM[i + 1 :] for i in _PLACES_OF_IT for other in "x_01"} - {_FORM},
    ),
]
_PLACES: Final = [
    Plain("alone", "the only key", lambda key: (key,)),
    Plain("first", "the first of two keys", lambda key: (key, "k")),
    Plain("last", "the last of two keys", lambda key: ("k", key)),
    Plain("between", "the second of three keys", lambda key: ("k", key, "l")),
    Plain("far-below", "the last of twenty keys", lambda key: (*["k"] * 19, key)),
]


@product(
    "PART-3", want="reject", places=_NAMES, sizes=_PLACES, also=("INDEX-6", "INDEX-7", "PART-1", "PART-2", "KEY-1")
)
def names_of_parts_where_there_are_none(name: Plain, place: Plain):
    """A key of an int is the name of a part, in the record and in the index."""
    return sealed([number("a", 1), number(place.value(name.value), 7), number("z", 2)]).data()


@product("PART-3", "CONF-7", want="reject", places=_NAMES, sizes=_PLACES, part=lambda _: "stream-encode")
def names_of_parts_that_no_writer_writes(name: Plain, place: Plain):
    """A key of an int that is to be written is the name of a part. Nothing is written."""
    return encode_sealed([number("a", 1).read, number(place.value(name.value), 7).read])


@product("PART-3", want="accept", places=_LIKE, sizes=_PLACES, canonical=True)
def keys_that_name_no_part(name: Plain, place: Plain):
    """A key looks much like the name of a part: its numbers have leading zeros, or the first is not less than the
    second, in as many digits as they have."""
    return sealed([number("a", 1), number(place.value(name.value), 7), number("z", 2)]).accepted()


@product("PART-3", want="accept", places=_ALMOST, sizes=_PLACES, canonical=True)
def keys_with_other_characters_than_the_name_of_a_part(almost: Plain, place: Plain):
    """Keys are the name of a part but for some of its characters, whichever these are."""
    return sealed([number(place.value(key), i) for i, key in enumerate(sorted(almost.value))]).accepted()
