"""Chapter 00, CONF-8: kind before length, so that a file of the wrong shape is not called one that was cut off."""

from ..assembly import Bytes, arr_, bin_, path_, raw, record_
from ..declare import flax_refuse, refuse


def leaf_(leaf: str) -> Bytes:
    """A record whose blob ends where the leaf's length says that more is to follow."""
    return arr_(2) + path_("a") + bin_(raw(leaf))


@refuse("REC-1", "CONF-8")
def ext_in_place_of_a_record():
    """The input is an ext of 16 bytes, of which three are there. A record is an array, whatever else is missing."""
    return raw("d8 01 93 91 02 # ! an ext of 16 bytes")


@refuse("KEY-1", "CONF-8")
def ext_in_place_of_a_key_path():
    """In place of the key path stands an ext of 8 bytes, of which three are left. Its kind is wrong, whatever follows:
    a reader that looks at the length first tells its user that a file was cut off which is whole."""
    return raw("""
        92
        d7 a1 61 07 07          # ! an ext of 8 bytes
    """)


@refuse("KEY-1", "CONF-8")
def long_text_in_place_of_a_key_path():
    """A str of 97 bytes in place of the key path, in a file of seven."""
    return raw("""
        92
        d9 61 c4 01 c0 c0       # ! a str of 97 bytes
    """)


@refuse("KEY-1", "CONF-8")
def array_in_place_of_a_part():
    """A part is an array of 9 elements, of which four bytes are left."""
    return raw("""
        92 91
        99 61 c4 01 c0          # ! an array of 9
    """)


@refuse("REC-2", "CONF-8")
def long_text_in_place_of_a_blob():
    """A leaf stands in the record without the bin around it. It is a str of 9 bytes, of which two are left."""
    return raw("""
        92 91 a1 61
        a9 61 62                # ! a str of 9 bytes
    """)


@refuse("LEAF-1", "CONF-8")
def array_in_place_of_a_leaf():
    """The leaf is an array of one element, and the bin ends where that is expected."""
    return leaf_("91 # ! an array of 1")


@refuse("LEAF-2", "CONF-8")
def map_in_place_of_the_body_of_an_array():
    """The body of an ext 1 is a map of 3 entries, and not an array of 3 elements. Three bytes follow."""
    return leaf_("d6 01 \n 83 91 02 a0 # ! a map of 3")


@refuse("LEAF-3", "CONF-8")
def text_in_place_of_a_shape():
    """The shape is a str of 31 bytes, of which 13 are left in the body."""
    return leaf_("""
        c7 0f 01 93
        bf 02 a5 75 69 6e 74 38 c4 04 01 02 03 04   # ! a str of 31 bytes
    """)


@refuse("DTYPE-2", "CONF-8")
def array_in_place_of_a_tag():
    """The dtype tag is an array of 15 elements."""
    return leaf_("""
        c7 06 01 93 91 01
        9f 75 c4                # ! an array of 15
    """)


@refuse("LEAF-5", "CONF-8")
def text_in_place_of_a_payload():
    """The payload is a str of 4 bytes, of which one is left in the body."""
    return leaf_("""
        c7 0a 01 93 91 04 a4 69 6e 74 38
        a4 01                   # ! a str of 4 bytes
    """)


@refuse("LEAF-7", "CONF-8")
def text_in_place_of_a_part_of_a_complex():
    """The real part is a str of 8 bytes, of which one is left."""
    return leaf_("""
        c7 03 02 92
        a8 00                   # ! a str of 8 bytes
    """)


@flax_refuse("FLAX-1", "CONF-8")
def bin_in_place_of_a_root_map():
    """The file is a bin of 97 bytes, of which one is there."""
    return raw("c4 61 01 # ! a bin")


@flax_refuse("FLAX-2", "CONF-8")
def bin_in_place_of_a_key():
    """A key is a bin of 7 bytes, of which two are left."""
    return raw("""
        81
        c4 07 61 01             # ! a bin
    """)


@flax_refuse("FLAX-4", "CONF-8")
def array_in_place_of_a_value():
    """A value is an array of 5 elements, none of which is there: a list in the tree, and no file that was cut off."""
    return raw("""
        81 a1 61
        95                      # ! an array of 5
    """)


@refuse("STREAM-2", "CONF-8", also=("WIRE-3",))
def key_path_that_is_cut_off_is_an_array():
    """The other side: the key path is an array, as it should be, of 5 parts, and two bytes are left. The file was cut
    off."""
    return raw("""
        92
        95 a1 61                # ! an array of 5
    """)


@refuse("KEY-3", "CONF-8", also=("WIRE-3",))
def path_of_too_many_parts_that_are_there():
    """513 parts, all of them there and an int the last: the count is judged after the length and before the content."""
    return raw("92 \n dc 02 01 # ! an array of 513") + raw("a0") * 512 + raw("07 c4 01 c0")


@refuse("LEAF-1", "CONF-8")
def array_before_a_good_record():
    """A leaf that is an array, in a bin that it fills, with a good record behind it."""
    return leaf_("92 01 02 # ! an array of 2") + record_("b", raw("07"))


@flax_refuse("FLAX-2", "CONF-8")
def ext_in_place_of_the_first_key_of_a_map():
    """The first key of an inner map is an ext of 8 bytes, of which one is left. A reader that looks whether it is the
    marker of a chunked array finds that it is not a text."""
    return raw("""
        81 a1 61 81
        d7 01                   # ! an ext of 8 bytes
    """)
