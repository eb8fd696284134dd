"""Chapter 03, DTYPE-4 and DTYPE-5: bits that carry no meaning, and elements that are wrongly packed."""

from ..assembly import Bytes, ext_, loose_, map_, ndarray_, raw, record_, scalar_, str_
from ..declare import SHOULD, accept, array, cleared, given, refuse, scalar, writes


def dirty(tag: str, count: int, payload: str, clean: str) -> tuple[Bytes, list[dict]]:
    """A stream of one array with bits that carry no meaning, and the payload without them."""
    return record_("k", ndarray_(tag, (count,), payload)), [cleared(array("k", tag, (count,), payload), clean)]


@accept("DTYPE-4", longer=True)
def int4_with_its_sign_in_the_high_bits():
    """The ints -8, -1 and 7 as a writer stores them whose int4 is a byte with a sign: f8 and ff, where 08 and 0f are
    canonical."""
    return dirty("int4", 3, "f8 ff 07", "08 0f 07")


@accept("DTYPE-4", longer=True)
def uint4_with_high_bits():
    """uint4 with all high bits set, and with one of them."""
    return dirty("uint4", 3, "f0 ff 15", "00 0f 05")


@accept("DTYPE-4", longer=True)
def int2_and_uint2_with_high_bits():
    """Of the byte of an int2 or uint2 the two low bits count."""
    bytes_, records = dirty("int2", 3, "fe ff 04", "02 03 00")
    return bytes_ + record_("u", ndarray_("uint2", (2,), "ff fc")), [
        *records,
        cleared(array("u", "uint2", (2,), "ff fc"), "03 00"),
    ]


@accept("DTYPE-4", longer=True)
def int1_and_uint1_with_high_bits():
    """Of the byte of an int1 or uint1 the lowest bit counts: ff is -1 and 1, 02 is 0 in both."""
    bytes_, records = dirty("int1", 2, "ff 02", "01 00")
    return bytes_ + record_("u", ndarray_("uint1", (2,), "ff 02")), [
        *records,
        cleared(array("u", "uint1", (2,), "ff 02"), "01 00"),
    ]


@accept("DTYPE-4", longer=True)
def float4_with_high_bits():
    """float4_e2m1fn with high bits: f7 is 6, not -6."""
    return dirty("float4_e2m1fn", 3, "f7 10 ff", "07 00 0f")


@accept("DTYPE-4", longer=True)
def float6_with_high_bits():
    """Of the byte of a float of 6 bits the six low bits count: c8 and 8c are 1 in the two types."""
    bytes_, records = dirty("float6_e2m3fn", 2, "c8 ff", "08 3f")
    return bytes_ + record_("u", ndarray_("float6_e3m2fn", (2,), "8c 40")), [
        *records,
        cleared(array("u", "float6_e3m2fn", (2,), "8c 40"), "0c 00"),
    ]


@accept("DTYPE-4", "DTYPE-5", longer=True)
def scalars_with_high_bits():
    """A scalar of int4 with its sign in the high bits, and one of bool that is neither 0 nor 1."""
    bytes_ = record_("a", scalar_("int4", "ff")) + record_("b", scalar_("bool", "02"))
    return bytes_, [cleared(scalar("a", "int4", "ff"), "0f"), cleared(scalar("b", "bool", "02"), "01")]


@accept("DTYPE-5", longer=True)
def bools_that_are_neither_0_nor_1():
    """02, 80, ff and fe are true, as they are in C: a reader that looks at the lowest bit only takes three of them for
    false."""
    return dirty("bool", 5, "00 02 80 ff fe", "00 01 01 01 01")


@writes("DTYPE-4", level=SHOULD)
def writing_int4_with_high_bits():
    """A writer that is given an int4 with its sign in the high bits should write them as zeros."""
    return [given(["k"], "ndarray", dtype="int4", shape=["2"], payload="f807")], record_(
        "k", ndarray_("int4", (2,), loose_("int4", "08 07"))
    )


@writes("DTYPE-5", level=SHOULD)
def writing_bools_that_are_neither_0_nor_1():
    """A writer that is given bools of the bytes 02 and ff should write 01 for both."""
    return [given(["k"], "ndarray", dtype="bool", shape=["3"], payload="0002ff")], record_(
        "k", ndarray_("bool", (3,), loose_("bool", "00 01 01"))
    )


def packed(tag: str, count: int, payload: str) -> Bytes:
    """A stream of one array whose payload is shorter than its shape."""
    body = raw("93 91") + raw(f"{count:02x}") + str_(tag)
    size = len(bytes.fromhex(payload))
    return record_("k", ext_(1, body + raw(f"c4 {size:02x} # ! payload of {size}") + raw(payload)))


@refuse("LEAF-5", "DTYPE-4")
def float4_packed_in_pairs():
    """Two float4_e2m1fn in one byte."""
    return packed("float4_e2m1fn", 2, "72")


@refuse("LEAF-5", "DTYPE-4")
def float6_packed_in_three_bytes():
    """Four floats of 6 bits in three bytes."""
    return packed("float6_e3m2fn", 4, "0c f3 41")


@refuse("LEAF-5", "DTYPE-5")
def bools_packed_in_bits():
    """Eight bools in one byte."""
    return packed("bool", 8, "a5")


@writes("DTYPE-4", "DTYPE-3", level=SHOULD)
def writing_big_endian_int4_with_high_bits():
    """An int4 with its sign in the high bits, in a big-endian array. Nothing is to be swapped, and
    the high bits should be zeros all the same."""
    asked = [given(["k"], "ndarray", dtype="int4", shape=["2"], payload="f807", byte_order="big")]
    return asked, record_("k", ndarray_("int4", (2,), "08 07"))


@writes("DTYPE-4", "DTYPE-3", level=SHOULD)
def writing_a_big_endian_scalar_of_uint2_with_high_bits():
    """The same for a scalar: of ff the two low bits are written."""
    asked = [given(["k"], "scalar", dtype="uint2", payload="ff", byte_order="big")]
    return asked, record_("k", scalar_("uint2", "03"))


@writes("DTYPE-4", "DTYPE-3", level=SHOULD, container="flax")
def writing_big_endian_float6_with_high_bits_to_a_flax_file():
    """The same for a float of 6 bits, in a flax file."""
    asked = [given(["k"], "ndarray", dtype="float6_e2m3fn", shape=["2"], payload="c8ff", byte_order="big")]
    return asked, map_(1) + str_("k") + ndarray_("float6_e2m3fn", (2,), "08 3f")


@writes("DTYPE-4", level=SHOULD, since="2.0")
def writing_a_pattern_of_int4_with_high_bits():
    """The bytes f8 and 07 again and again, of which the high bits should be written as zeros, in each of them."""
    asked = [given(["k"], "ndarray", dtype="int4", shape=["5"], fill="f807")]
    return asked, record_("k", ndarray_("int4", (5,), loose_("int4", "08 07 08 07 08")))


@writes("DTYPE-5", level=SHOULD, since="2.0")
def writing_a_pattern_of_bools_that_are_neither_0_nor_1():
    """The bytes 02, 00 and ff again and again, of which 01, 00 and 01 should be written."""
    asked = [given(["k"], "ndarray", dtype="bool", shape=["5"], fill="0200ff")]
    return asked, record_("k", ndarray_("bool", (5,), loose_("bool", "01 00 01 01 00")))
