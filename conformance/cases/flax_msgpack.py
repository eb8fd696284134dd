"""Chapter 08: the root map of a flax file (FLAX-1), its end (FLAX-6), and how it is written (FLAX-7)."""

from ..assembly import ext_, here, int_, map_, ndarray_, raw, scalar_, str_, together
from ..declare import (
    array,
    binary,
    boolean,
    complexes,
    empty,
    flax_accept,
    flax_refuse,
    floating,
    given,
    integer,
    nil,
    refuses_to_write,
    scalar,
    text,
    writes,
)


@flax_accept("FLAX-1", "FLAX-2")
def smallest_flax_file():
    """One entry, a nil under the empty key: three bytes."""
    return raw("81 a0 c0"), [nil("")]


@flax_accept("FLAX-1", "FLAX-2", "TREE-1")
def nested_maps():
    """A tree of three levels, in which the leaves of one map stand before and after a subtree."""
    return raw("""
        83                  # {
        a1 61 01            #   "a": 1,
        a1 62 82            #   "b": {
        a1 63 81 a1 64 02   #     "c": {"d": 2},
        a1 65 03            #     "e": 3},
        a1 66 04            #   "f": 4}
    """), [integer("a", 1), integer(["b", "c", "d"], 2), integer(["b", "e"], 3), integer("f", 4)]


@flax_accept("FLAX-2", "LEAF-1")
def flax_leaves_of_every_kind():
    """One leaf of each kind: they stand directly in the map, without a bin around them."""
    entries = [
        str_("ndarray") + ndarray_("int16", (1,), "01 02"),
        str_("scalar") + scalar_("int16", "01 02"),
        str_("complex") + ext_(2, raw("92 cb 3f f0 00 00 00 00 00 00 cb c0 00 00 00 00 00 00 00")),
        str_("nil") + raw("c0"),
        str_("bool") + raw("c2"),
        str_("int") + raw("cf ff ff ff ff ff ff ff ff"),
        str_("float") + raw("cb 3f f0 00 00 00 00 00 00"),
        str_("str") + raw("a1 31"),
        str_("bin") + raw("c4 01 31"),
        str_("empty") + raw("80"),
    ]
    return map_(len(entries)) + together(entries), [
        array("ndarray", "int16", (1,), "01 02"),
        scalar("scalar", "int16", "01 02"),
        complexes("complex", "3ff0 0000 0000 0000", "c000 0000 0000 0000"),
        nil("nil"),
        boolean("bool", False),
        integer("int", 2**64 - 1),
        floating("float", "3ff0 0000 0000 0000"),
        text("str", "1"),
        binary("bin", b"1"),
        empty("empty"),
    ]


@flax_accept("FLAX-2", "LEAF-9")
def empty_nodes_at_several_depths():
    """Empty maps under the root and two levels below it are leaves; the maps around them are not."""
    return raw("82 a1 61 80 a1 62 81 a1 63 82 a1 64 80 a1 65 80"), [
        empty("a"),
        empty(["b", "c", "d"]),
        empty(["b", "c", "e"]),
    ]


@flax_accept("FLAX-1", "FLAX-2", "LEAF-9")
def nothing_but_an_empty_node():
    """The one leaf of the tree is an empty node. The root itself has an entry."""
    return raw("81 a1 61 80"), [empty("a")]


@flax_accept("FLAX-1", "FLAX-2", "WIRE-2", longer=True)
def flax_file_in_longer_headers():
    """Maps, keys and leaves in longer headers, and a float 32."""
    return raw("""
        df 00 00 00 03                        # a map of 3
        d9 01 61 de 00 01 db 00 00 00 01 78   # "a": {"x":
        d2 00 00 00 07                        #   7},
        da 00 01 62 ca 3f c0 00 00            # "b": 1.5,
        d9 01 63 c8 00 0b 01 93 91 01 a4 69 6e 74 38 c4 01 05   # "c": int8 [5]
    """), [integer(["a", "x"], 7), floating("b", "3ff8 0000 0000 0000"), array("c", "int8", (1,), "05")]


@flax_accept("FLAX-1", "WIRE-1")
def root_of_16_entries():
    """The root map has 16 entries, so that the file begins with `de`."""
    return map_(16) + together([str_(f"{i:02}") + int_(i) for i in range(16)]), [
        integer(f"{i:02}", i) for i in range(16)
    ]


@flax_accept("FLAX-7", "TREE-5")
def entries_in_no_order():
    """The entries stand as the tree holds them: writers that sort keys, or put `2` before `10` and `b`, fail here."""
    names = ["b", "10", "a", "9", "B", "2", "", "\u00e9", "e"]
    return map_(len(names)) + together([str_(name) + int_(i) for i, name in enumerate(names)]), [
        integer(name, i) for i, name in enumerate(names)
    ]


@writes("FLAX-7", "TREE-5", container="flax")
def writes_the_leaves_of_a_map_together():
    """Leaves of one subtree are put into the tree before and after another leaf: in the file they stand together."""
    leaves = [(["a", "x"], "1"), (["b"], "2"), (["a", "y"], "3")]
    return [given(path, "int", value=value) for path, value in leaves], raw("82 a1 61 82 a1 78 01 a1 79 03 a1 62 02")


@writes("FLAX-7", "TREE-2", "TREE-3", container="flax")
def writes_places_and_int_keys_as_texts():
    """A place in a list and an integer key of a map become keys that are texts."""
    leaves = [(["a", 0], "1"), (["a", 1], "2"), ([10], "3")]
    return [given(path, "int", value=value) for path, value in leaves], raw("82 a1 61 82 a1 30 01 a1 31 02 a2 31 30 03")


@refuses_to_write("FLAX-1", also=("STREAM-3",), container="flax")
def flax_file_of_no_leaf():
    """A tree without a leaf: the root map would have no entry."""
    return []


# --- what is not one map (FLAX-1) -------------------------------------------------------------------------------------


@flax_refuse("FLAX-1", also=("FLAX-6",))
def flax_file_of_0_bytes():
    """A file of 0 bytes."""
    return here("! a map is expected")


@flax_refuse("FLAX-1")
def root_that_is_an_empty_map():
    """The root map has no entry. flax reads an empty tree."""
    return raw("80 # ! an empty map")


@flax_refuse("FLAX-1")
def root_that_is_an_empty_map_in_a_longer_header():
    """The root map has no entry, and its count takes 4 bytes."""
    return raw("df 00 00 00 00 # ! an empty map")


@flax_refuse("FLAX-1")
def root_that_is_an_int():
    """The file is the int 7: a bare leaf has no key path."""
    return raw("07 # ! an int")


@flax_refuse("FLAX-1")
def root_that_is_an_ndarray():
    """The file is one array, as `flax.serialization.to_bytes(array)` gives it."""
    return here("! an ext") + ndarray_("int8", (2,), "00 01")


@flax_refuse("FLAX-1")
def root_in_a_bin():
    """The file is a bin that holds a map: encoded once too often."""
    return raw("c4 04 # ! a bin") + raw("81 a1 61 01")


@flax_refuse("FLAX-1", also=("FLAX-4",))
def root_that_is_an_array():
    """The file is an array of two maps, as flax writes a list of two trees."""
    return raw("92 # ! an array") + raw("81 a1 61 01 81 a1 61 02")


@flax_refuse("FLAX-1")
def zeros_as_a_flax_file():
    """The file is zeros, as a copy leaves them that has not been completed."""
    return raw("00 00 00 00 00 00 00 00 # ! the int 0")


@flax_refuse("FLAX-1")
def pickle_as_a_flax_file():
    """The file is a pickle of protocol 4. Its first byte is that of an empty map, after which nothing may stand."""
    return raw("80 # ! an empty map") + raw("04 95 0a 00 00 00 00 00 00 00 7d 94 8c 01 61 94 4b 01 73 2e")


@flax_refuse("FLAX-1")
def second_map_after_the_first():
    """Two flax files, one after the other. Readers that stop at the end of the first map see one."""
    return raw("81 a1 61 01") + raw("81 a1 62 02 # ! left over")


# --- what has been cut off (FLAX-6) -----------------------------------------------------------------------------------


@flax_refuse("FLAX-6")
def cut_before_the_first_key():
    """The file ends after the header of the root map."""
    return raw("81 # ! an entry is expected")


@flax_refuse("FLAX-6")
def cut_inside_the_count_of_the_root():
    """The file ends inside the count of the root map."""
    return raw("de 00 # ! two bytes of count are expected")


@flax_refuse("FLAX-6")
def cut_inside_a_key():
    """The file ends inside the text of a key."""
    return raw("81") + raw("a6 6b 65 72 # ! six bytes are expected")


@flax_refuse("FLAX-6")
def cut_before_a_value():
    """The file ends after a key."""
    return raw("81 a1 61") + here("! a value is expected")


@flax_refuse("FLAX-6")
def cut_inside_an_int():
    """The file ends inside an int of four bytes."""
    return raw("81 a1 61") + raw("ce 00 01 # ! four bytes are expected")


@flax_refuse("FLAX-6")
def cut_after_an_inner_map():
    """An inner map is whole, and the root map's second entry is missing."""
    return raw("82 a1 61 81 a1 78 01") + here("! a key is expected")


@flax_refuse("FLAX-6", also=("WIRE-3",))
def cut_inside_a_payload():
    """The file ends one byte before the payload of its last array does."""
    return raw("81 a1 61") + here("! 12 bytes are expected") + ndarray_("int8", (2,), "00 01").cut(14)
