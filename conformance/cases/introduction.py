"""Chapter 00: what a reader and a writer owe to any input."""

from ..assembly import (
    Bytes,
    arr_,
    bin32,
    bin_,
    body_,
    chunked_,
    data,
    ext_,
    fill,
    int_,
    ndarray_,
    path_,
    raw,
    record_,
    str_,
)
from ..declare import accept, array, empty, given, integer, nil, refuse, refuses_to_write, scalar, text


@refuse("CONF-1", also=("REC-1",))
def plain_text():
    """A text file. Its first byte happens to be a small MessagePack integer, as most bytes of text are."""
    return data(b"These are not weights.\n", "! an int where a record is expected")


@refuse("CONF-1", also=("REC-1", "WIRE-4"))
def bytes_of_ff():
    """A file of the byte ff, as an erased disk gives it: every byte is the MessagePack integer -1."""
    return fill(0xFF, 64, "! the int -1 where a record is expected")


@refuse("CONF-1", also=("REC-1",))
def a_record_in_an_array():
    """The records stand in one MessagePack array, as a program would write that packs the list of them."""
    return data(b"\x91", "! an array of 1 element") + record_("a", int_(7))


@accept("CONF-2", longer=True)
def every_liberty_at_once():
    """What no clause refuses is accepted: long headers, any order, an empty node, a dtype tag as bin, odd key parts.

    A reader that was only tried on files of one writer stumbles here.
    """
    first = raw("""
        dc 00 02 dd 00 00 00 02 d9 01 62 da 00 01 7a    # ["b", "z"], every header longer than needed
        c5 00 05 d2 ff ff ff ff                          # the int -1 in 5 bytes
    """)
    tag = record_("", ndarray_(raw("c4 05 69 6e 74 31 36"), (1,), "0201"))
    late = record_(["b", "a"], raw("80")) + record_("__proto__", raw("cf 00 00 00 00 00 00 00 00"))
    return first + tag + late, [
        integer(["b", "z"], -1),
        array("", "int16", (1,), "0201"),
        empty(["b", "a"]),
        integer("__proto__", 0),
    ]


@accept("CONF-2", "CONF-6")
def what_a_training_run_saves():
    """The tree of a small train state: a step, weights, a moment, and a leaf that is nil."""
    path = ("params", "params", "dense", "kernel")
    moment = ("opt_state", "0", "mu", "dense", "kernel")
    stream = record_("step", ndarray_("int32", (), "07000000"))
    stream += record_(path, ndarray_("bfloat16", (1, 2), "803f 0040")) + record_(("opt_state", "0", "count"), raw("c0"))
    return stream + record_(moment, ndarray_("float32", (1, 2), "00000000 0000803f")), [
        array("step", "int32", (), "07000000"),
        array(path, "bfloat16", (1, 2), "803f 0040"),
        nil(("opt_state", "0", "count")),
        array(moment, "float32", (1, 2), "00000000 0000803f"),
    ]


@refuse("CONF-3", also=("LEAF-1",))
def a_fault_after_a_hundred_good_records():
    """A hundred good records, and then a leaf that is a list. What was read before is not a checkpoint."""
    good = Bytes()
    for i in range(100):
        good += record_(f"layer_{i}", ndarray_("int8", (1,), "01"))
    last = arr_(2) + path_("last") + raw("c4 02") + raw("91 # ! an array is not a leaf") + raw("00")
    return data(good.data(), "100 good records") + last


@refuse("CONF-3", "STREAM-2", also=("WIRE-3",))
def a_hundred_records_and_a_half():
    """A copy that was broken off: every loop that stops quietly at the end of its input gives 100 of 101 leaves."""
    good = Bytes()
    for i in range(100):
        good += record_(f"layer_{i}", ndarray_("int8", (1,), "01"))
    last = record_("layer_100", ndarray_("int8", (1,), "01"))
    return data(good.data(), "100 good records") + last.cut(9)


@refuse("CONF-4", "WIRE-3", also=("STREAM-2", "KEY-3"))
def a_key_path_of_four_billion_parts():
    """A path says that it has 2^32 - 1 parts. A reader that makes room for them first takes tens of gigabytes."""
    return raw("""
        92
        dd ff ff ff ff    # ! a key path of 4294967295 parts
        a1 61 c4 01 c0
    """)


@refuse("CONF-4", "WIRE-3", also=("STREAM-2", "WIRE-6"))
def a_leaf_blob_of_four_gigabytes():
    """A leaf says that it has 2^32 - 1 bytes, in a file of 12. Room for it must not be made before that is checked."""
    return raw("""
        92 91 a1 61
        c6 ff ff ff ff    # ! a bin of 4294967295 bytes
        c4 01 00
    """)


@refuse("CONF-4", "LEAF-5")
def a_shape_of_a_terabyte():
    """A shape says 2^40 elements and the payload has one. Room for the array must not be made on the word of its
    shape."""
    shape = arr_(1) + raw("cf 00 00 01 00 00 00 00 00")
    body = arr_(3) + shape + str_("uint8") + raw("c4 # ! a payload of 1 byte") + raw("01 00")
    return record_("k", ext_(1, body))


@refuse("CONF-4", "LEAF-12", also=("LEAF-5",))
def a_chunked_shape_of_a_terabyte():
    """A chunked array whose shape says 2^40 elements, and whose one chunk has three."""
    return record_("k", chunked_((2**40,), [ndarray_("int8", (3,), "01 02 03")]))


@refuse("CONF-4", "LEAF-3", also=("WIRE-3",))
def a_million_dimensions():
    """A shape of 200,000 dimensions that do stand in the file: more than 64 are refused before they are collected."""
    dims = data(b"\xdd\x00\x03\x0d\x40", "! 200,000 dimensions") + fill(0x01, 200_000)
    return record_("k", ext_(1, arr_(3) + dims + str_("int8") + bin_(data(b"\x00"))))


@refuse("CONF-4", "LEAF-1")
def a_leaf_of_nested_arrays():
    """A leaf of 200,000 arrays in each other. A reader that decodes first and looks afterwards overflows its stack."""
    return record_("k", data(b"\x91", "! an array is not a leaf") + fill(0x91, 200_000) + data(b"\x00"))


@refuse("CONF-4", "LEAF-1")
def a_leaf_of_a_million_empty_arrays():
    """A leaf that is a list of 900,000 empty lists: decoded first, it takes a hundred times the bytes of the file."""
    return record_("k", data(b"\xdd\x00\x0d\xbb\xa0", "! an array is not a leaf") + fill(0x90, 900_000))


@refuse("CONF-5", also=("LEAF-3",))
def a_fault_far_into_the_file():
    """The offset that a refusal names counts from the start of the file, not of the record or of the leaf."""
    good = record_("first", scalar_like()) + record_(("second", "x"), raw("c3"))
    shape = arr_(1) + raw("ff # ! the dimension -1")
    return good + record_(("second", "y"), ext_(1, arr_(3) + shape + str_("int8") + bin_(data(b"\0"))))


def scalar_like() -> Bytes:
    """A numpy float32 of 1.0."""
    return ext_(3, body_("float32", (), "0000803f"))


@accept("CONF-5", "CONF-6")
def several_kinds_in_one_file():
    """The same records as in the case of a fault far into the file, and no fault."""
    good = record_("first", scalar_like()) + record_(("second", "x"), str_("on"))
    return good, [scalar("first", "float32", "0000803f"), text(("second", "x"), "on")]


@refuses_to_write("CONF-7", "LEAF-1")
def last_leaf_cannot_be_written():
    """The last of three leaves is of a kind that no stream holds. The writer finds out before its first byte."""
    return [
        given(["a"], "int", value="1"),
        given(["b"], "ndarray", dtype="int8", shape=["1"], payload="00"),
        given(["c"], "timestamp", value="2026-01-01"),
    ]


@refuses_to_write("CONF-7", "DTYPE-7")
def last_dtype_cannot_be_written():
    """The last of two arrays is of text. Loops that write as they go leave half a file behind."""
    return [
        given(["a"], "ndarray", dtype="int8", shape=["1"], payload="00"),
        given(["b"], "ndarray", dtype="str64", shape=["1"], payload="6100000062000000"),
    ]


@refuse("CONF-8", also=("REC-1", "WIRE-3", "STREAM-1", "STREAM-2", "KEY-1", "WIRE-4"))
def several_faults_at_once():
    """A record of three elements, whose path is an int, whose blob is cut off: any of the clauses may be named."""
    return raw("93 01 c4 09 c1 # three elements, an int for a path, 9 bytes of which 1 stands here")


@refuse("CONF-8", also=("DTYPE-1", "LEAF-3", "LEAF-5", "LEAF-4"))
def a_bad_shape_and_a_bad_tag():
    """The shape has a negative dimension, the tag is unknown and the payload is a str: three reasons to refuse."""
    body = arr_(3) + arr_(1) + int_(-1) + str_("float") + str_("\0")
    return record_("k", ext_(1, body))


@refuse("CONF-4", "WIRE-3", also=("STREAM-2",))
def a_huge_bin_inside_a_good_blob():
    """The leaf in a blob of 6 bytes is a bin that says 2^31 bytes."""
    return arr_(2) + path_("a") + bin_(data(b"\xc6\x80\x00\x00\x00", "! a bin of 2147483648 bytes") + data(b"\0"))


@refuse("CONF-4", "WIRE-3", also=("STREAM-2", "LEAF-1"))
def a_huge_map_inside_a_good_blob():
    """The leaf in a blob is a map that says 2^32 - 1 entries."""
    return arr_(2) + path_("a") + bin_(data(b"\xdf\xff\xff\xff\xff", "! a map of 4294967295 entries") + data(b"\0"))


@accept("CONF-4", longer=True, until="1.0")
def long_headers_of_small_lengths():
    """Lengths in 4 bytes that are small: width of a header says nothing about how much is needed."""
    return raw("dd 00 00 00 02 dd 00 00 00 01 db 00 00 00 01 61") + bin32(raw("c6 00 00 00 01 61")), [
        {"path": ["a"], "kind": "bin", "bytes": "1", "sha256": SHA_OF_A, "value": "61"}
    ]


SHA_OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


@accept("CONF-1", "CONF-3", "CONF-8")
def two_thousand_records():
    """Two thousand small records, none of which is lost."""
    stream = b"".join(record_(("layers", str(i), "bias"), int_(i)).data() for i in range(2000))
    return data(stream, "2,000 records"), [integer(("layers", str(i), "bias"), i) for i in range(2000)]


@accept("CONF-7")
def leaves_of_every_kind():
    """One leaf of each kind that a stream holds, in one file."""
    stream = record_("a", ndarray_("uint8", (2,), "01 02")) + record_("b", scalar_like()) + record_("c", raw("c0"))
    stream += record_("d", raw("c2")) + record_("e", int_(-7)) + record_("f", str_("text")) + record_("g", raw("80"))
    return stream, [
        array("a", "uint8", (2,), "01 02"),
        scalar("b", "float32", "0000803f"),
        nil("c"),
        {"path": ["d"], "kind": "bool", "value": False},
        integer("e", -7),
        text("f", "text"),
        empty("g"),
    ]
