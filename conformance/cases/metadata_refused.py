"""Chapter 14: metadata that is refused: other kinds, other forms, too deep or too long."""

from typing import Any

from ..assembly import Bytes, Part, bin_, fill, header, here, int_, map_, raw, str_
from ..declare import refuse
from .metadata import ITEMS
from .metadata_values import Long, Many, Pairs, long_entry, nested
from .sealed_assembly import sealed


def _with(content: Any) -> Bytes:
    return sealed(ITEMS, metadata=content).data()


@refuse("META-3", also=("INDEX-1",))
def metadata_65_deep():
    """One list more than there may be."""
    return _with(nested(65))


@refuse("META-3", also=("INDEX-1",))
def an_empty_list_at_depth_65():
    """The innermost is a list of no element, at depth 65."""
    return _with(nested(64, []))


@refuse("META-3", also=("INDEX-1", "WIRE-3"))
def metadata_one_hundred_thousand_deep():
    """Lists in lists: a reader that calls itself for each of them has no stack left."""
    return _with({"k": fill(0x91, 100_000) + raw("c0")})


@refuse("META-3", also=("INDEX-1", "WIRE-3"))
def maps_one_hundred_thousand_deep():
    """Maps in maps."""
    return _with({"k": Bytes(Part(bytes.fromhex("81a16b"), "", 100_000)) + raw("c0")})


@refuse("META-3")
def metadata_of_2_to_the_24_bytes_and_1():
    """One byte more than there may be."""
    return _with(long_entry("str", (1 << 24) + 1))


@refuse("META-3")
def bytes_of_2_to_the_24():
    """A bin of 2^24 bytes: with its key the metadata has more."""
    return _with({"k": Long("bin", 0, 1 << 24)})


@refuse("META-3", also=("INDEX-1",))
def a_list_of_one_value_too_many():
    """The map, the list in it, and 65,535 values in that."""
    return _with({"k": Many(None, 65_535)})


@refuse("META-3", also=("INDEX-1",))
def two_lists_of_too_many_values():
    """Two lists of 40,000 values each: together they are too many."""
    return _with({"a": Many(7, 40_000), "b": Many(7, 40_000)})


@refuse("META-3", also=("INDEX-1",))
def a_map_of_too_many_entries():
    """140,000 entries in a map."""
    return _with({"k": Many(7, 140_000, keys=True)})


@refuse("META-2")
def keys_out_of_order():
    """`b` before `a`."""
    return _with(Pairs((("b", 1), ("a", 2))))


@refuse("META-2")
def a_key_twice():
    """`a` twice, with one value."""
    return _with(Pairs((("a", 1), ("a", 1))))


@refuse("META-2")
def keys_out_of_order_far_below():
    """Twenty lists and maps down stand two keys out of order."""
    return _with(nested(20, Pairs((("b", 1), ("a", 2)))))


@refuse("META-2")
def keys_in_the_order_of_utf_16():
    """U+10000 before U+FFFD."""
    return _with(Pairs((("\U00010000", 1), ("\ufffd", 2))))


@refuse("META-2")
def a_text_behind_one_that_begins_with_it():
    """`aa` before `a`."""
    return _with(Pairs((("aa", 1), ("a", 2))))


@refuse("META-2")
def keys_in_the_order_of_their_lengths():
    """`b` before `aa`: the shorter key first, as an order of encoded keys would have it."""
    return _with(Pairs((("b", 1), ("aa", 2))))


@refuse("META-1", also=("META-2",))
def a_key_that_is_a_bin():
    """The key is a bin."""
    return _with(Pairs(((here("! the key") + bin_(raw("61")), 1),)))


@refuse("META-1", also=("META-2",))
def a_key_that_is_an_int():
    """The key is an int."""
    return _with(Pairs(((here("! the key") + int_(1), 1),)))


@refuse("META-1", also=("META-2",))
def a_key_far_below_that_is_nil():
    """In a map in a list the key is nil."""
    return _with({"k": [Pairs(((here("! the key") + raw("c0"), 1),))]})


@refuse("META-1")
def a_float_of_32_bits():
    """A float 32."""
    return _with({"k": here("! the float") + raw("ca 3f c0 00 00")})


@refuse("META-1")
def an_ext():
    """An ext of type -1, a timestamp."""
    return _with({"k": here("! the ext") + raw("d6 ff 00 00 00 01")})


@refuse("META-1")
def an_array_of_numpy():
    """An ext of type 1, as leaves have it."""
    return _with({"k": here("! the ext") + raw("c7 0b 01 93 91 01 a4 69 6e 74 38 c4 01 07")})


@refuse("WIRE-5", "META-1")
def a_text_that_is_not_utf_8():
    """A surrogate in a value."""
    return _with({"k": here("! the text") + raw("a3 ed a0 80")})


@refuse("WIRE-5", "META-1", also=("META-2",))
def a_key_that_is_not_utf_8():
    """The byte ff in a key."""
    return _with(Pairs(((here("! the key") + raw("a1 ff"), 1),)))


@refuse("WIRE-4", "META-1")
def the_byte_that_is_never_used():
    """`c1` in place of a value."""
    return _with({"k": here("! never used") + raw("c1")})


@refuse("INDEX-5", "META-2", also=("WIRE-6", "WIRE-3", "META-1"))
def a_map_of_more_entries_than_it_has():
    """The metadata says that it has two entries, and has one. It is the last entry of the index."""
    return _with(map_(2) + str_("a") + int_(1))


@refuse("META-2", also=("WIRE-3", "INDEX-5", "META-1"))
def a_text_that_says_that_it_has_gigabytes():
    """A str 32 of 2^31 bytes, of which there are three."""
    return _with({"k": header(0xDB, 4, 1 << 31) + raw("61 61 61")})


@refuse("INDEX-1", "META-1")
def metadata_that_is_a_list():
    """An array of pairs in place of the map."""
    return _with(raw("91 92 a1 61 01"))


@refuse("INDEX-1", "META-1")
def metadata_that_is_nil():
    """Nil in place of the map of no entry."""
    return _with(raw("c0"))
