"""Chapter 04: leaves that are no chunked arrays."""

from ..assembly import arr_, bin_, body_, data, ext8, ext_, int_, ndarray_, raw, record_, str_
from ..declare import accept, array, given, refuse, refuses_to_write


@accept("LEAF-2", "LEAF-5")
def two_int8():
    """An array of two int8, the smallest thing of its kind."""
    return raw("""
        92 91 a1 6b         # record, key path ["k"]
        c4 0f               # leaf blob of 15 bytes
        c7 0c 01 93         # ext 1, body of 12 bytes: array of 3
        91 02               # shape (2,)
        a4 69 6e 74 38      # "int8"
        c4 02 00 01         # payload [0, 1]
    """), [array("k", "int8", (2,), "00 01")]


@refuse("LEAF-2")
def body_of_two_elements():
    """The body of ext 1 has shape and tag, and no payload."""
    return record_("k", ext_(1, raw("92 # ! an array of two elements") + arr_(1) + int_(2) + str_("int8")))


@refuse("WIRE-6", "LEAF-2")
def body_with_a_byte_left_over():
    """After the array of three, the body of ext 1 has one more byte."""
    return record_("k", ext_(1, body_("int8", (2,), "00 01") + raw("c0 # ! left over")))


@refuses_to_write("DTYPE-7")
def array_of_objects():
    """An array of Python objects has no tag."""
    return [given(["k"], "ndarray", dtype="object", shape=["1"], payload="0000000000000000")]
