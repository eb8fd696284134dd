"""Chapter 08: keys that are str (FLAX-2), the key of chunked arrays (FLAX-3), and keys that stand twice (FLAX-5)."""

from ..assembly import MARKER, chunked_, here, int_, map_, ndarray_, raw, record_, str_, together
from ..declare import accept, array, empty, flax_accept, flax_refuse, given, integer, refuses_to_write

CHUNKED = chunked_((3,), [ndarray_("int8", (2,), "01 02"), ndarray_("int8", (1,), "03")])


@flax_accept("FLAX-2", "KEY-2")
def keys_that_readers_alter():
    """Keys are kept byte for byte: the empty text, slashes, NULs, a byte order mark, and two forms of e acute."""
    names = ["", "a/b", ".", "..", "a\0b", "a\n", " a", "\ufeffa", "\u00e9", "e\u0301", "\U0001f9ea", "__proto__"]
    return map_(len(names)) + together([str_(name) + int_(i) for i, name in enumerate(names)]), [
        integer(name, i) for i, name in enumerate(names)
    ]


@flax_accept("FLAX-5", "FLAX-2")
def one_key_in_several_maps():
    """The key `a` stands in a map, in the map above it and in the one beside it: no map holds it twice."""
    return raw("82 a1 61 82 a1 61 01 a1 62 02 a1 62 82 a1 61 03 a1 62 04"), [
        integer(["a", "a"], 1),
        integer(["a", "b"], 2),
        integer(["b", "a"], 3),
        integer(["b", "b"], 4),
    ]


@flax_accept("FLAX-5", "KEY-2")
def keys_that_differ_in_case():
    """The keys `a` and `A`, and a text and the same text with a NUL after it, are four keys."""
    return raw("84 a1 61 01 a1 41 02 a1 62 03 a2 62 00 04"), [
        integer("a", 1),
        integer("A", 2),
        integer("b", 3),
        integer("b\0", 4),
    ]


@flax_accept("FLAX-3", "LEAF-10", longer=True)
def chunked_array_in_a_flax_file():
    """A chunked array two levels below the root, between other leaves. The keys inside it are not parts of a path."""
    inner = map_(3) + str_("x") + int_(1) + str_("y") + CHUNKED + str_("z") + int_(2)
    return map_(2) + str_("a") + inner + str_("b") + int_(3), [
        integer(["a", "x"], 1),
        array(["a", "y"], "int8", (3,), "01 02 03"),
        integer(["a", "z"], 2),
        integer("b", 3),
    ]


@flax_accept("FLAX-3", "WIRE-2", longer=True)
def marker_in_a_longer_header():
    """The marker is a str in the header `d9`, and the map begins with `de`: a chunked array all the same."""
    return raw("""
        81 a1 61 de 00 03
        d9 19 5f 5f 6d 73 67 70 61 63 6b 5f 63 68 75 6e 6b 65 64 5f 61 72 72 61 79 5f 5f c3
        a5 73 68 61 70 65 81 a1 30 01
        a6 63 68 75 6e 6b 73 81 a1 30 c7 0b 01 93 91 01 a4 69 6e 74 38 c4 01 07
    """), [array("a", "int8", (1,), "07")]


@flax_accept("FLAX-3")
def keys_that_resemble_the_marker():
    """Keys that begin the marker, or that begin with it, are ordinary, and so are `shape` and `chunks`."""
    names = [MARKER[:-1], f"{MARKER}x", MARKER.upper(), "shape", "chunks"]
    entries = together([str_(name) + int_(i) for i, name in enumerate(names)])
    return map_(1) + str_("a") + map_(len(names)) + entries, [integer(["a", name], i) for i, name in enumerate(names)]


@accept("KEY-2", "FLAX-3")
def marker_as_a_part_of_a_key_path():
    """In a stream the marker of chunked arrays is a part like any other; it is a flax file that cannot hold it."""
    return record_(["a", MARKER], int_(1)) + record_([MARKER, "shape"], raw("80")), [
        integer(["a", MARKER], 1),
        empty([MARKER, "shape"]),
    ]


# --- keys that are not str (FLAX-2) -----------------------------------------------------------------------------------


@flax_refuse("FLAX-2")
def key_that_is_nil():
    """The first key is a nil."""
    return raw("81") + raw("c0 # ! nil") + raw("01")


@flax_refuse("FLAX-2")
def key_that_is_a_bool():
    """The second key of an inner map is true."""
    return raw("81 a1 61 82 a1 78 01") + raw("c3 # ! a bool") + raw("02")


@flax_refuse("FLAX-2")
def key_that_is_a_bin():
    """The first key is a bin of the byte of `a`. Old writers use one for the other."""
    return raw("81") + raw("c4 01 61 # ! a bin") + raw("01")


@flax_refuse("FLAX-2")
def key_that_is_an_array():
    """The first key is an array of two texts, a path."""
    return raw("81") + raw("92 a1 61 a1 62 # ! an array") + raw("01")


@flax_refuse("FLAX-2", also=("FLAX-3", "LEAF-10"))
def key_that_is_the_marker_as_a_bin():
    """A bin of the bytes of the marker is the first key of a map of three."""
    key = raw("c4 19 5f 5f 6d 73 67 70 61 63 6b 5f 63 68 75 6e 6b 65 64 5f 61 72 72 61 79 5f 5f # ! a bin")
    return map_(1) + str_("a") + map_(3) + key + raw("c3") + str_("shape") + raw("80") + str_("chunks") + raw("80")


@flax_refuse("WIRE-5", "FLAX-2")
def flax_key_that_is_no_utf_8():
    """A key holds a byte that no UTF-8 has."""
    return raw("82 a1 61 01") + raw("a2 78 ff # ! not UTF-8") + raw("02")


@refuses_to_write("WIRE-5", "FLAX-2", container="flax")
def flax_key_that_is_a_surrogate():
    """A key of a lone surrogate has no UTF-8."""
    return [given(["a", "\udc80"], "int", value="1")]


@refuses_to_write("KEY-1", also=("FLAX-1",), container="flax")
def flax_leaf_at_the_root():
    """A leaf without a key path: there is no map that could hold it."""
    return [given([], "int", value="1")]


# --- the key of chunked arrays (FLAX-3) -------------------------------------------------------------------------------


@flax_refuse("FLAX-3")
def marker_after_a_subtree():
    """The marker follows a whole subtree, as the last key of the map."""
    return raw("81 a1 61 82 a1 78 81 a1 79 01") + str_(MARKER, "! the marker") + raw("c3")


@flax_refuse("FLAX-3", also=("LEAF-10",))
def marker_as_the_only_key_of_the_root():
    """The root map has one entry, under the marker."""
    return raw("81") + str_(MARKER, "! the marker") + raw("01")


@flax_refuse("FLAX-3", also=("FLAX-1",))
def root_that_is_a_chunked_array():
    """The root map is a chunked array, complete: it would be a leaf without a key path."""
    shape = str_("shape") + map_(1) + str_("0") + int_(1)
    chunks = str_("chunks") + map_(1) + str_("0") + ndarray_("int8", (1,), "07")
    return map_(3) + str_(MARKER, "! the marker") + raw("c3") + shape + chunks


@flax_refuse("FLAX-3")
def marker_as_the_second_key_of_the_root():
    """The marker is the second key of the root map."""
    return raw("82 a1 61 01") + str_(MARKER, "! the marker") + raw("02")


@flax_refuse("LEAF-10", "FLAX-3", also=("FLAX-3",))
def map_that_begins_with_the_marker_and_is_no_chunked_array():
    """An inner map begins with the marker, and goes on with ordinary keys."""
    inner = map_(3) + str_(MARKER) + raw("c3") + str_("x", "! shape is expected") + raw("01 a1 79 02")
    return map_(1) + str_("a") + inner


@flax_refuse("LEAF-10", "FLAX-3", also=("FLAX-3",))
def chunked_array_with_a_subtree():
    """A fourth entry of a chunked array in a flax file is a map of its own."""
    head = str_("a") + here("! four entries") + map_(4) + str_(MARKER) + raw("c3") + str_("shape") + map_(1)
    chunks = str_("chunks") + map_(1) + str_("0") + ndarray_("int8", (1,), "07")
    return map_(1) + head + str_("0") + int_(1) + chunks + raw("a1 78 81 a1 79 01")


@refuses_to_write("FLAX-3", container="flax")
def marker_as_a_key_to_write():
    """A tree has the marker as a key, in the middle of a path. In a stream it could stand."""
    return [given(["a"], "int", value="1"), given(["b", MARKER, "c"], "int", value="2")]


@refuses_to_write("FLAX-3", container="flax")
def marker_as_a_key_of_the_root_to_write():
    """A tree has the marker as its only key, over a true. What is written would look like a chunked array."""
    return [given([MARKER], "bool", value=True)]


# --- keys that stand twice (FLAX-5) -----------------------------------------------------------------------------------


@flax_refuse("FLAX-5")
def key_twice_with_the_same_value():
    """The key `a` stands twice with equal values."""
    return raw("82 a1 61 01") + raw("a1 61 # ! again") + raw("01")


@flax_refuse("FLAX-5")
def key_twice_with_others_between():
    """The key `a` stands in the root map before and after other entries, one of them a subtree."""
    return raw("83 a1 61 01 a1 62 81 a1 61 02") + raw("a1 61 # ! again") + raw("03")


@flax_refuse("FLAX-5")
def key_twice_in_an_inner_map():
    """The key `x` stands twice in a map below the root."""
    return raw("81 a1 61 82 a1 78 01") + raw("a1 78 # ! again") + raw("02")


@flax_refuse("FLAX-5")
def key_twice_over_maps():
    """The key `a` stands over two maps that share no key: a reader that merges them loses nothing, and refuses."""
    return raw("82 a1 61 81 a1 78 01") + raw("a1 61 # ! again") + raw("81 a1 79 02")


@flax_refuse("FLAX-5")
def key_twice_over_a_map_and_a_leaf():
    """The key `a` stands over a subtree and then over a leaf."""
    return raw("82 a1 61 81 a1 78 01") + raw("a1 61 # ! again") + raw("02")


@flax_refuse("FLAX-5")
def key_twice_in_two_headers():
    """The key `a` stands in the shortest header and then in `d9`: keys are compared as texts."""
    return raw("82 a1 61 01") + raw("d9 01 61 # ! again") + raw("02")


@flax_refuse("FLAX-5")
def empty_key_twice():
    """The empty key stands twice, over an empty node and over a nil."""
    return raw("82 a0 80") + raw("a0 # ! again") + raw("c0")


@refuses_to_write("FLAX-5", also=("STREAM-4",), container="flax")
def flax_path_twice_to_write():
    """One key path is given twice."""
    return [given(["a", "b"], "int", value="1"), given(["a", "b"], "int", value="2")]


@refuses_to_write("STREAM-5", "FLAX-2", container="flax")
def flax_leaf_with_leaves_below_to_write():
    """What stands at a key is a leaf or a map, and here it is both."""
    return [given(["a"], "int", value="1"), given(["a", "b"], "int", value="2")]
