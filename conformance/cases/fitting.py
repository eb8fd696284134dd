"""What just fits: the accepted side of clauses that say when something does not."""

from ..assembly import arr_, bin8, bin_, ext8, fill, int_, map_, ndarray_, path_, raw, record_, scalar_, str_
from ..declare import (
    SHOULD,
    Conversion,
    accept,
    array,
    binary,
    converts,
    flax_accept,
    given,
    integer,
    nil,
    scalar,
    text,
    writes,
)


@accept("WIRE-3", "WIRE-6", longer=True)
def lengths_that_reach_to_the_end():
    """Every length, the innermost and the outermost, reaches exactly to the end of what encloses it and of the file."""
    leaf = ext8(1, arr_(3) + arr_(1) + int_(3) + str_("int8") + bin8(raw("01 02 03")))
    return arr_(2) + path_("k") + bin8(leaf), [array("k", "int8", (3,), "01 02 03")]


@accept("WIRE-3", "WIRE-6")
def counts_that_are_used_up():
    """Texts, a bin and a nil, each of which fills its blob to the last byte."""
    stream = record_("a", str_("abc")) + record_("b", bin_(raw("00 ff"))) + record_("c", raw("c0"))
    return stream, [text("a", "abc"), binary("b", b"\x00\xff"), nil("c")]


@writes("DTYPE-7", "DTYPE-1")
def the_smallest_and_the_widest_dtypes():
    """Arrays of one bit and of sixteen bytes for each element have tags, and are written."""
    asked = [
        given(["a"], "ndarray", dtype="uint1", shape=["2"], payload="0100"),
        given(["b"], "scalar", dtype="complex128", payload="00" * 16),
    ]
    return asked, record_("a", ndarray_("uint1", (2,), "01 00")) + record_("b", scalar_("complex128", fill(0, 16)))


@flax_accept("FLAX-4", "TREE-2")
def a_list_that_was_turned_into_a_map():
    """What `to_state_dict` makes of a list: a map with the keys 0 and 1. That is how a list stands in a flax file."""
    return map_(1) + str_("a") + map_(2) + str_("0") + int_(1) + str_("1") + int_(2), [
        integer(["a", "0"], 1),
        integer(["a", "1"], 2),
    ]


@flax_accept("FLAX-6")
def a_file_that_ends_with_its_last_value():
    """The payload of the last array ends the file."""
    stream = map_(2) + str_("a") + raw("c0") + str_("b") + ndarray_("int16", (2,), "0100 0200")
    return stream, [nil("a"), array("b", "int16", (2,), "0100 0200")]


@writes("FLAX-7", "TREE-4", container="flax")
def a_flax_file_without_its_empty_nodes():
    """Empty nodes are left out of a flax file where that is asked for, and so is the map that holds nothing else."""
    asked = [given(["a", "b"], "empty"), given(["c"], "int", value="1"), given(["d"], "empty")]
    return {"records": asked, "empty_nodes": "leave out"}, map_(1) + str_("c") + int_(1)


@converts("CONV-4", level=SHOULD)
def values_that_overflow_are_counted():
    """Of 47 float32 values, 23 are too large for float16, and 7 were infinite before: 23 became infinite."""
    stream = record_("k", ndarray_("float32", (47,), "0000803f" * 17 + "00008047" * 23 + "0000807f" * 7))
    output = record_("k", ndarray_("float16", (47,), "003c" * 17 + "007c" * 30))
    return Conversion(float_dtype="fp16", says="23 finite values became infinite\n"), stream, output


@accept("DELTA-14")
def an_arithmetic_difference():
    """The difference of two checkpoints as earlier programs published it: a stream, in which nothing says what it
    is."""
    return record_(("h", "0", "w"), ndarray_("bfloat16", (2,), "803a 80ba")) + record_(
        "s", scalar_("float32", "00" * 4)
    ), [
        array(("h", "0", "w"), "bfloat16", (2,), "803a 80ba"),
        scalar("s", "float32", "00000000"),
    ]
