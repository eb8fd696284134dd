"""Chapter 04: the payload of an array (LEAF-5), and numpy scalars (LEAF-6)."""

from ..assembly import arr_, bin_, data, ext_, here, int_, ndarray_, raw, record_, scalar_, str_, together
from ..declare import accept, array, refuse, scalar


def _with_payload(payload, tag="int8", shape=(2,)):
    """An ndarray whose payload is given as bytes, header and all."""
    return record_("k", ext_(1, arr_(3) + arr_(len(shape)) + together([int_(n) for n in shape]) + str_(tag) + payload))


@accept("LEAF-5")
def elements_in_c_order():
    """A matrix of 2 rows and 3 columns of int16: its rows stand one after the other, 1 2 3 and 4 5 6."""
    payload = "01 00 02 00 03 00 04 00 05 00 06 00"
    return record_("k", ndarray_("int16", (2, 3), payload)), [array("k", "int16", (2, 3), payload)]


@accept("LEAF-5")
def elements_of_three_dimensions():
    """An array of shape (2, 3, 2): the last dimension varies fastest."""
    payload = "00 01 02 03 04 05 06 07 08 09 0a 0b"
    return record_("k", ndarray_("uint8", (2, 3, 2), payload)), [array("k", "uint8", (2, 3, 2), payload)]


@accept("LEAF-5")
def payload_that_looks_like_text():
    """A payload is a bin, and its bytes are elements whatever text they spell: here `NaN`, a line end, and a NUL."""
    return record_("k", ndarray_("uint8", (5,), "4e 61 4e 0a 00")), [array("k", "uint8", (5,), "4e 61 4e 0a 00")]


@refuse("LEAF-5")
def payload_one_byte_long():
    """Two int8 are expected, and the payload has three bytes. A reader that takes what it needs hides the fault."""
    return _with_payload(raw("c4 03 07 08 09 # ! three bytes"))


@refuse("LEAF-5")
def payload_that_ends_inside_an_element():
    """One int16 is expected and the payload has 3 bytes. A division by the width that rounds down finds one element."""
    return _with_payload(raw("c4 03 01 00 02 # ! three bytes"), "int16", (1,))


@refuse("LEAF-5")
def payload_counted_in_elements():
    """Four float32 are expected and the payload has 4 bytes: as many bytes as there should be elements."""
    return _with_payload(raw("c4 04 00 00 80 3f # ! four bytes"), "float32", (4,))


@refuse("LEAF-5")
def payload_for_no_elements():
    """The shape (3, 0) has no elements, and the payload has 3 bytes."""
    return _with_payload(raw("c4 03 01 02 03 # ! three bytes"), "int8", (3, 0))


@refuse("LEAF-5")
def payload_missing_at_0_dimensions():
    """The shape () has one element, and the payload has no bytes: the product of no dimensions is not 0."""
    return _with_payload(raw("c4 00 # ! no bytes"), "int8", ())


@refuse("LEAF-5")
def payload_of_two_elements_at_0_dimensions():
    """The shape () has one element, and the payload has two."""
    return _with_payload(raw("c4 02 01 02 # ! two bytes"), "int8", ())


@refuse("LEAF-5", "DTYPE-4")
def payload_of_int4_in_pairs():
    """Two int4 stand in one byte, as other formats pack them. Here each element takes a byte."""
    return _with_payload(raw("c4 01 21 # ! one byte"), "int4")


@refuse("LEAF-5")
def payload_of_int4_in_words():
    """An int4 stands in 4 bytes, as if its tag were numpy's `i4`."""
    return _with_payload(raw("c4 04 01 00 00 00 # ! four bytes"), "int4", (1,))


@refuse("LEAF-5")
def dimension_that_32_bits_cut_to_1():
    """The shape is (2^32 + 1,) of int8. Ints of 32 bits find one element, as many as the payload has."""
    return _with_payload(raw("c4 01 07 # ! one byte"), "int8", (2**32 + 1,))


@refuse("LEAF-5")
def product_that_32_bits_cut_to_0():
    """The shape is (65536, 65536) of int8. Ints of 32 bits find no element, as many as the payload has."""
    return _with_payload(raw("c4 00 # ! no bytes"), "int8", (65536, 65536))


@refuse("LEAF-5")
def payload_that_is_a_text():
    """The payload is a str. MessagePack before 2013 had no bin, and old writers use str for bytes; flax takes it."""
    return _with_payload(raw("a2 00 01 # ! a str"))


@refuse("LEAF-5")
def payload_that_is_nil():
    """The payload is nil, of an array without elements."""
    return _with_payload(raw("c0 # ! nil"), "int8", (0,))


@refuse("LEAF-5")
def payload_that_is_a_list():
    """The payload is an array of two ints, as JSON-minded writers put it."""
    return _with_payload(raw("92 00 01 # ! an array"))


# --- scalars ----------------------------------------------------------------------------------------------------------


@accept("LEAF-6")
def scalar_and_array_of_0_dimensions():
    """The same value as a numpy scalar (ext 3) and as an array of 0 dimensions (ext 1): leaves of two kinds."""
    leaves = record_("s", scalar_("float32", "00 00 80 3f")) + record_("a", ndarray_("float32", (), "00 00 80 3f"))
    return leaves, [scalar("s", "float32", "00 00 80 3f"), array("a", "float32", (), "00 00 80 3f")]


@refuse("LEAF-6")
def scalar_without_elements():
    """A body of ext 3 has the shape (0,) and no payload."""
    return record_("k", ext_(3, arr_(3) + raw("91 00 # ! shape (0,)") + str_("int8") + bin_(data(b""))))


@refuse("LEAF-3", "LEAF-6", also=("LEAF-6",))
def scalar_whose_shape_is_nil():
    """A body of ext 3 has a nil in place of the array of 0 dimensions."""
    return record_("k", ext_(3, arr_(3) + raw("c0 # ! nil") + str_("int8") + bin_(data(b"\0"))))


@refuse("LEAF-2", "LEAF-6", also=("LEAF-6",))
def scalar_of_tag_and_payload():
    """A body of ext 3 is an array of two, the tag and the payload: a scalar has a shape to write, if an empty one."""
    return record_("k", ext_(3, here("! an array of two") + arr_(2) + str_("int8") + bin_(data(b"\0"))))


@refuse("LEAF-5", "LEAF-6", also=("LEAF-6",))
def scalar_with_a_long_payload():
    """A scalar of int8 has a payload of two bytes."""
    return record_("k", ext_(3, arr_(3) + arr_(0) + str_("int8") + raw("c4 02 01 02 # ! two bytes")))
