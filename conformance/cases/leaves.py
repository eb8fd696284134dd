"""Chapter 04: the closed table of leaves (LEAF-1, LEAF-9)."""

from ..assembly import (
    MARKER,
    body_,
    ext_,
    here,
    int_,
    map_,
    ndarray_,
    raw,
    record_,
    scalar_,
    str_,
    together,
)
from ..declare import accept, array, binary, boolean, complexes, empty, floating, integer, nil, refuse, scalar, text


@accept("LEAF-1", "LEAF-2", "LEAF-6", "LEAF-7", "LEAF-8", "LEAF-9")
def one_leaf_of_every_kind():
    """A stream with one leaf of each kind of the table, all of them at the root of the tree."""
    leaves = [
        record_("ndarray", ndarray_("int16", (1,), "01 02")),
        record_("scalar", scalar_("int16", "01 02")),
        record_("complex", raw("c7 13 02 92 cb 3f f0 00 00 00 00 00 00 cb c0 00 00 00 00 00 00 00 # 1-2j")),
        record_("nil", raw("c0")),
        record_("bool", raw("c3")),
        record_("int", raw("01")),
        record_("float", raw("cb 3f f0 00 00 00 00 00 00 # 1.0")),
        record_("str", raw("a1 31")),
        record_("bin", raw("c4 01 31")),
        record_("empty", raw("80")),
    ]
    return together(leaves), [
        array("ndarray", "int16", (1,), "01 02"),
        scalar("scalar", "int16", "01 02"),
        complexes("complex", "3ff0 0000 0000 0000", "c000 0000 0000 0000"),
        nil("nil"),
        boolean("bool", True),
        integer("int", 1),
        floating("float", "3ff0 0000 0000 0000"),
        text("str", "1"),
        binary("bin", b"1"),
        empty("empty"),
    ]


@accept("LEAF-1")
def false_and_true():
    """The two bools beside the ints 0 and 1. A bool is not an int, although Python's `True` is one."""
    return raw("""
        92 91 a1 66 c4 01 c2   # "f": false
        92 91 a1 74 c4 01 c3   # "t": true
        92 91 a1 30 c4 01 00   # "0": the int 0
        92 91 a1 31 c4 01 01   # "1": the int 1
    """), [boolean("f", False), boolean("t", True), integer("0", 0), integer("1", 1)]


@accept("LEAF-9", "TREE-4")
def empty_node():
    """An empty map is a leaf of the kind `empty`, as JAXSeq writes it. It is not nil, and is not left out."""
    return raw("92 92 a1 61 a1 62 c4 01 80 92 91 a1 63 c4 01 c0"), [empty(["a", "b"]), nil("c")]


# --- values that are not leaves ---------------------------------------------------------------------------------------


@refuse("LEAF-1")
def array_of_two_ints_as_a_leaf():
    """A list of ints, as a writer leaves it that has not turned lists into maps first."""
    return record_("k", raw("92 01 02 # ! an array"))


@refuse("LEAF-1")
def body_of_an_array_without_its_ext():
    """Shape, dtype tag and payload in an array, but no ext of type 1 around it."""
    return record_("k", here("! an array") + body_("int8", (2,), "00 01"))


@refuse("LEAF-1")
def map_with_the_marker_second():
    """The map has all three entries of a chunked array, but its first key is `shape`, so that it is none."""
    marker = str_(MARKER) + raw("c3")
    shape = str_("shape") + map_(1) + str_("0") + int_(1)
    chunks = str_("chunks") + map_(1) + str_("0") + ndarray_("int8", (1,), "07")
    return record_("k", here("! a map that does not begin with the marker") + map_(3) + shape + marker + chunks)


@refuse("LEAF-1")
def map_whose_first_key_is_longer_than_the_marker():
    """The first key begins with the text of the marker and has one more letter: a comparison of prefixes takes it."""
    shape = str_("shape") + map_(1) + str_("0") + int_(1)
    chunks = str_("chunks") + map_(1) + str_("0") + ndarray_("int8", (1,), "07")
    return record_("k", here("! another key") + map_(3) + str_(f"{MARKER}x") + raw("c3") + shape + chunks)


@refuse("LEAF-1")
def ext_of_type_0():
    """The body is that of an array, but the type of the ext is 0. msgpack-python hands it over as an ExtType."""
    return record_("k", here("! ext of type 0") + ext_(0, body_("int8", (2,), "00 01")))


@refuse("LEAF-1")
def ext_of_type_4():
    """The body is that of an array, but the type of the ext is 4, the first that has no meaning."""
    return record_("k", here("! ext of type 4") + ext_(4, body_("int8", (2,), "00 01")))


@refuse("LEAF-1")
def ext_of_type_minus_127():
    """The type of the ext is the byte 81, which is -127. A reader that drops the highest bit takes it for 1."""
    return record_("k", here("! ext of type -127") + ext_(-127, body_("int8", (2,), "00 01")))


@refuse("LEAF-1", also=("WIRE-6",))
def ext_without_a_body():
    """An ext of type 5 with a body of 0 bytes."""
    return record_("k", raw("c7 00 05 # ! ext of type 5"))


@refuse("LEAF-1")
def timestamp_of_12_bytes():
    """A MessagePack timestamp in its longest form, ext type -1."""
    return record_("k", raw("c7 0c ff 00 00 00 01 00 00 00 00 65 00 00 00 # ! a timestamp"))
