"""Chapter 04: what a writer refuses to write as a leaf."""

from ..declare import given, refuses_to_write


@refuses_to_write("LEAF-1")
def int_of_2_to_the_64():
    """The int 2^64, one more than `cf` holds. Writers that keep the low 64 bits write 0."""
    return [given(["k"], "int", value=str(2**64))]


@refuses_to_write("LEAF-1")
def int_below_minus_2_to_the_63():
    """The int -2^63 - 1, one less than `d3` holds."""
    return [given(["k"], "int", value=str(-(2**63) - 1))]


@refuses_to_write("LEAF-1")
def int_of_a_thousand_bits():
    """The int 2^1000, which Python holds and which float 64 would round to nothing."""
    return [given(["k"], "int", value=str(2**1000))]


@refuses_to_write("LEAF-1")
def timestamp_to_write():
    """A point in time. msgpack libraries have an ext type for it (-1), and it is no leaf."""
    return [given(["k"], "timestamp", value="2026-01-01T00:00:00Z")]


@refuses_to_write("LEAF-1")
def ext_to_write():
    """An ext of type 5, which msgpack libraries write as they find it."""
    return [given(["k"], "ext", value={"type": "5", "data": "00"})]


@refuses_to_write("LEAF-1", "CONF-7")
def leaf_of_no_kind_after_a_good_one():
    """A good leaf comes first, then one that no leaf can hold: nothing may have been written when that is found."""
    return [given(["a"], "int", value="1"), given(["b"], "function", value="lambda: 1")]


@refuses_to_write("LEAF-3")
def array_of_65_dimensions_to_write():
    """An array of 65 dimensions, each of them 1."""
    return [given(["k"], "ndarray", dtype="int8", shape=["1"] * 65, payload="00")]


@refuses_to_write("LEAF-4")
def array_without_elements_too_large_to_write():
    """The shape is (0, 2^62) of int16: there is no payload to write, and every reader would refuse the shape."""
    return [given(["k"], "ndarray", dtype="int16", shape=["0", str(2**62)], payload="")]


@refuses_to_write("WIRE-5", "LEAF-1")
def text_with_surrogates_in_the_wrong_order():
    """A text that holds a low surrogate and then a high one, among letters."""
    return [given(["k"], "str", value="a\ude00\ud83db")]
