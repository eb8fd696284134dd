"""Chapter 03, DTYPE-1 and DTYPE-2: tags that are not in the table, most of which numpy would take."""

from ..assembly import MARKER, Bytes, bin_, ext_, hexed, ndarray_, raw, record_, str_
from ..declare import refuse

F32, F64 = "00 00 80 3f", "00 00 00 00 00 00 f0 3f"  # 1.0


def tagged(tag: str, payload: str) -> Bytes:
    """A stream of one array of one element, whose payload has the length that a lenient reader expects."""
    return record_("k", ext_(1, raw("93 91 01") + str_(tag, "! the tag") + bin_(hexed(payload))))


@refuse("DTYPE-1")
def tag_f4():
    """The short name of float32 in numpy."""
    return tagged("f4", F32)


@refuse("DTYPE-1")
def tag_little_endian_f4():
    """The name "<f4", numpy's dtype.str and what `.npy` files hold."""
    return tagged("<f4", F32)


@refuse("DTYPE-1")
def tag_big_endian_f4():
    """The name ">f4": there is no tag for big-endian elements."""
    return tagged(">f4", "3f 80 00 00")


@refuse("DTYPE-1")
def tag_bar_u1():
    """The name "|u1" is numpy's dtype.str of uint8."""
    return tagged("|u1", "07")


@refuse("DTYPE-1")
def tag_i4():
    """The name "i4" is int32 to numpy, and one letter away from int4."""
    return tagged("i4", "07 00 00 00")


@refuse("DTYPE-1")
def tag_float():
    """The name "float" is float64 to numpy, float32 to PyTorch and C, and the beginning of several tags."""
    return tagged("float", F64)


@refuse("DTYPE-1")
def tag_int():
    """The name "int" is int64 to numpy, on most machines."""
    return tagged("int", "07 00 00 00 00 00 00 00")


@refuse("DTYPE-1")
def tag_bool_with_underscore():
    """The name "bool_" is that of numpy's class, not of its dtype."""
    return tagged("bool_", "01")


@refuse("DTYPE-1")
def tag_bf16():
    """The short name "bf16", which the command line of EasyLM takes."""
    return tagged("bf16", "80 3f")


@refuse("DTYPE-1")
def tag_with_a_capital():
    """The name "Float32" with a capital letter: the comparison is exact."""
    return tagged("Float32", F32)


@refuse("DTYPE-1")
def tag_with_a_blank_after_it():
    """The name "float32" and a blank."""
    return tagged("float32 ", F32)


@refuse("DTYPE-1")
def tag_with_a_nul_after_it():
    """The name "float32" and a NUL, at which the strings of C end."""
    return tagged("float32\0", F32)


@refuse("DTYPE-1")
def tag_with_a_line_feed_after_it():
    """The name "float32" and a line feed: in many pattern languages "$" matches before it."""
    return tagged("float32\n", F32)


@refuse("DTYPE-1")
def tag_that_goes_on():
    """The name "float8_e4m3fnx" begins with one tag, and with another one that is shorter."""
    return tagged("float8_e4m3fnx", "38")


@refuse("DTYPE-1")
def tag_that_stops_short():
    """The name "float8_e5m2fnu" is the beginning of a tag, and goes on after another."""
    return tagged("float8_e5m2fnu", "40")


@refuse("DTYPE-1")
def tag_in_wide_digits():
    """The name "float" with U+FF13 and U+FF12 after it, which normalisation makes into "float32"."""
    return tagged("float\uff13\uff12", F32)


@refuse("DTYPE-1")
def tag_empty():
    """The tag is the empty text."""
    return tagged("", F32)


@refuse("DTYPE-1")
def tag_of_an_unknown_width():
    """The name "int128": a reader that takes the width from the digits of a tag finds one."""
    return tagged("int128", "07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")


@refuse("DTYPE-1")
def tag_float128():
    """The name float128, which the usual loop writes for numpy's long doubles."""
    return tagged("float128", "00 00 00 00 00 00 00 80 ff 3f 00 00 00 00 00 00")


@refuse("DTYPE-1")
def tag_complex256():
    """The name complex256, which the usual loop writes for pairs of long doubles."""
    return tagged("complex256", "00 00 00 00 00 00 00 80 ff 3f 00 00 00 00 00 00" * 2)


@refuse("DTYPE-1")
def tag_datetime64():
    """The name datetime64[ns], which the usual loop writes and numpy reads."""
    return tagged("datetime64[ns]", "00 00 00 00 00 00 00 00")


@refuse("DTYPE-1")
def tag_object():
    """The name "object": the payload would be an address in memory."""
    return tagged("object", "00 00 00 00 00 00 00 00")


@refuse("DTYPE-1")
def tag_str64():
    """The name str64 is what the usual loop writes for an array of texts of two characters, and cannot read again."""
    return tagged("str64", "61 00 00 00 62 00 00 00")


@refuse("DTYPE-1")
def tag_void():
    """The name "void", with no payload: what the usual loop writes for the float0 of jax."""
    return tagged("void", "")


@refuse("DTYPE-1")
def tag_of_a_prng_key():
    """The name key<fry> is that of jax's typed random keys."""
    return tagged("key<fry>", "00 00 00 00 01 00 00 00")


@refuse("DTYPE-1")
def tag_of_a_scalar_that_is_not_in_the_table():
    """A scalar of "f4": the table holds for scalars as well."""
    return record_("k", ext_(3, raw("93 90") + str_("f4", "! the tag") + raw("c4 04 00 00 80 3f")))


@refuse("DTYPE-1")
def tag_of_a_chunk_that_is_not_in_the_table():
    """The second chunk of two has the tag "i1", which is int8 to numpy, the tag of the first."""
    head = raw("83") + str_(MARKER) + raw("c3") + str_("shape") + raw("81 a1 30 02") + str_("chunks")
    second = ext_(1, raw("93 91 01") + str_("i1", "! the tag") + raw("c4 01 02"))
    return record_("k", head + raw("82 a1 30") + ndarray_("int8", (1,), "01") + raw("a1 31") + second)


@refuse("DTYPE-1")
def bin_tag_that_is_not_in_the_table():
    """The tag is a bin of "f4": that a bin may stand for the str makes its content no freer."""
    return record_("k", ext_(1, raw("93 91 01") + raw("c4 02 66 34 # ! the tag") + raw("c4 04 00 00 80 3f")))


@refuse("DTYPE-1", also=("WIRE-5",))
def bin_tag_that_is_not_utf8():
    """The tag is a bin of the byte ff, in front of a tag."""
    return record_("k", ext_(1, raw("93 91 01") + raw("c4 05 ff 69 6e 74 38 # ! the tag") + raw("c4 01 07")))


@refuse("DTYPE-2", also=("DTYPE-1", "LEAF-2"))
def tag_that_is_nil():
    """The tag is nil, which numpy takes for float64."""
    return record_("k", ext_(1, raw("93 91 01") + raw("c0 # !") + raw("c4 08 00 00 00 00 00 00 f0 3f")))


@refuse("DTYPE-2", also=("DTYPE-1", "LEAF-2"))
def tag_that_is_an_int():
    """The tag is the int 0, as in formats that number their types."""
    return record_("k", ext_(1, raw("93 91 01") + raw("00 # !") + raw("c4 01 07")))


@refuse("DTYPE-2", also=("DTYPE-1", "LEAF-2"))
def tag_that_is_an_array():
    """The tag is an array of names and types, as numpy describes structured dtypes."""
    tag = raw('91 # ! [["x", "int8"]]') + raw("92 a1 78 a4 69 6e 74 38")
    return record_("k", ext_(1, raw("93 91 01") + tag + raw("c4 01 07")))


@refuse("LEAF-1", "DTYPE-2", also=("LEAF-10",))
def marker_that_is_a_bin():
    """The first key of a chunked array is a bin: of all str of the format it is the tag alone that may be one."""
    leaf = raw("83 # ! a map whose first key is not the marker") + bin_(raw(MARKER.encode().hex())) + raw("c3")
    leaf += str_("shape") + raw("81 a1 30 01") + str_("chunks") + raw("81 a1 30") + ndarray_("int8", (1,), "07")
    return record_("k", leaf)


@refuse("LEAF-11", "DTYPE-2", also=("LEAF-10",))
def key_of_a_dimension_that_is_a_bin():
    """The key "0" of a dimension of a chunked array is a bin."""
    leaf = raw("83") + str_(MARKER) + raw("c3") + str_("shape") + raw("81") + raw("c4 01 30 # ! a bin") + raw("01")
    return record_("k", leaf + str_("chunks") + raw("81 a1 30") + ndarray_("int8", (1,), "07"))
