"""Chapter 04: what a writer refuses to write as a leaf."""

from ..assembly import raw, record_, scalar_
from ..declare import given, refuses_to_write, writes


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
    """A point in time. msgpack libraries have an ext type for it (-1), and it is not a leaf."""
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


@refuses_to_write("LEAF-6")
def scalar_with_a_dimension_to_write():
    """A scalar of shape (1,): numpy's own scalars have no dimension. Written as an array of one element it would come
    back as another kind."""
    return [given(["k"], "scalar", dtype="int8", shape=["1"], payload="07")]


@refuses_to_write("LEAF-6")
def scalar_without_elements_to_write():
    """A scalar of shape (0,), which has no element at all."""
    return [given(["k"], "scalar", dtype="float32", shape=["0"], payload="")]


@writes("LEAF-6")
def scalar_with_a_shape_of_no_dimension():
    """The other side: the shape of a scalar may be said, and is ()."""
    return [given(["k"], "scalar", dtype="int8", shape=[], payload="07")], record_("k", scalar_("int8", "07"))


@refuses_to_write("LEAF-5")
def payload_of_another_size_than_its_shape():
    """A shape of two int16 and three bytes."""
    return [given(["k"], "ndarray", dtype="int16", shape=["2"], payload="010203")]


@refuses_to_write("LEAF-5", also=("LEAF-6",))
def scalar_of_two_elements():
    """A scalar of int8 and two bytes."""
    return [given(["k"], "scalar", dtype="int8", payload="0102")]


@refuses_to_write("WIRE-5", "LEAF-1")
def text_that_is_filled_with_a_continuation_byte():
    """A str whose three bytes are all 80, which begins no character of UTF-8."""
    return [given(["k"], "str", fill="80", bytes="3")]


@refuses_to_write("WIRE-5", "LEAF-1", container="flax")
def text_of_bytes_that_are_not_utf8_in_a_flax_file():
    """A str whose bytes are all ff."""
    return [given(["k"], "str", fill="ff", bytes="2")]


@writes("LEAF-1")
def bin_that_is_filled_with_a_continuation_byte():
    """The other side: a bin holds any bytes."""
    return [given(["k"], "bin", fill="80", bytes="3")], record_("k", raw("c4 03 80 80 80"))


@writes("WIRE-5", "LEAF-1")
def text_of_no_byte_of_any_fill():
    """A str of 0 bytes is valid whatever it would be filled with."""
    return [given(["k"], "str", fill="80", bytes="0")], record_("k", raw("a0"))


@refuses_to_write("LEAF-1")
def int_of_five_thousand_digits():
    """The int 10^5000. Python's own int() stops at 4,300 digits, with an error that a writer may not expect."""
    return [given(["k"], "int", value="1" + "0" * 5000)]
