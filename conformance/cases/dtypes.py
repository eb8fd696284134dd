"""Chapter 03: the tags of numpy's own dtypes, and bfloat16, each with values that are easily read wrongly."""

from ..assembly import Bytes, ndarray_, raw, record_
from ..declare import accept, array, refuse, scalar


def values(tag: str, count: int, payload: str) -> tuple[Bytes, list[dict]]:
    """A stream of one array of one dimension, its elements given one a line."""
    elements = raw(payload)
    return record_("k", ndarray_(tag, (count,), elements)), [array("k", tag, (count,), elements)]


@accept("DTYPE-1", "DTYPE-5")
def values_of_bool():
    """bool takes a byte for each element."""
    return values("bool", 3, "00 01 01 # false, true, true")


@accept("DTYPE-1")
def values_of_int8():
    """int8: both ends, and -1."""
    return values("int8", 5, "00 01 7f 80 ff # 0, 1, 127, -128, -1")


@accept("DTYPE-1")
def values_of_uint8():
    """uint8: both ends, and the middle."""
    return values("uint8", 4, "00 7f 80 ff # 0, 127, 128, 255")


@accept("DTYPE-1", "DTYPE-3")
def values_of_int16():
    """int16, little-endian: 1 and 256 tell the order of the bytes."""
    return values("int16", 5, "01 00 00 01 ff 7f 00 80 ff ff # 1, 256, 32767, -32768, -1")


@accept("DTYPE-1", "DTYPE-3")
def values_of_uint16():
    """uint16, little-endian, with values whose highest bit is set."""
    return values("uint16", 3, "34 12 00 80 ff ff # 0x1234, 32768, 65535")


@accept("DTYPE-1", "DTYPE-3")
def values_of_int32():
    """int32, little-endian."""
    return values("int32", 4, "04 03 02 01 ff ff ff 7f 00 00 00 80 ff ff ff ff # 0x01020304, 2^31 - 1, -2^31, -1")


@accept("DTYPE-1", "DTYPE-3")
def values_of_uint32():
    """uint32, little-endian, with values whose highest bit is set."""
    return values("uint32", 3, "04 03 02 01 00 00 00 80 ff ff ff ff # 0x01020304, 2^31, 2^32 - 1")


@accept("DTYPE-1", "DTYPE-3")
def values_of_int64():
    """int64, little-endian. 2^53 + 1 is lost in a reader that computes in doubles."""
    return values(
        "int64",
        4,
        """
        08 07 06 05 04 03 02 01     # 0x0102030405060708
        01 00 00 00 00 00 20 00     # 2^53 + 1
        00 00 00 00 00 00 00 80     # -2^63
        ff ff ff ff ff ff ff ff     # -1
        """,
    )


@accept("DTYPE-1", "DTYPE-3")
def values_of_uint64():
    """uint64, little-endian: 2^53 + 1, 2^63 and 2^64 - 1."""
    return values(
        "uint64",
        3,
        """
        01 00 00 00 00 00 20 00     # 2^53 + 1
        00 00 00 00 00 00 00 80     # 2^63
        ff ff ff ff ff ff ff ff     # 2^64 - 1
        """,
    )


@accept("DTYPE-1", "DTYPE-3")
def values_of_float16():
    """float16. The bits of NaNs stay as they are: a reader that widens and narrows again makes the signalling one
    quiet."""
    return values(
        "float16",
        9,
        """
        00 3c   # 1
        00 80   # -0
        01 00   # 2^-24, the smallest
        ff 7b   # 65504, the largest
        00 7c   # infinity
        00 fc   # -infinity
        00 7e   # NaN
        01 7c   # a signalling NaN
        55 ff   # a negative NaN with a payload
        """,
    )


@accept("DTYPE-1", "DTYPE-3")
def values_of_bfloat16():
    """bfloat16, the upper half of a float32. It is not float16, which has the same width."""
    return values(
        "bfloat16",
        9,
        """
        80 3f   # 1
        00 80   # -0
        01 00   # 2^-133, the smallest
        7f 7f   # the largest
        80 7f   # infinity
        80 ff   # -infinity
        c0 7f   # NaN
        81 7f   # a signalling NaN
        d5 ff   # a negative NaN with a payload
        """,
    )


@accept("DTYPE-1", "DTYPE-3")
def values_of_float32():
    """float32. A reader that takes each element for a number of its language may make the signalling NaN quiet."""
    return values(
        "float32",
        9,
        """
        cd cc cc 3d     # 0.1
        00 00 00 80     # -0
        01 00 00 00     # 2^-149, the smallest
        ff ff 7f 7f     # the largest
        00 00 80 7f     # infinity
        00 00 80 ff     # -infinity
        00 00 c0 7f     # NaN
        01 00 80 7f     # a signalling NaN
        23 01 c0 ff     # a negative NaN with a payload
        """,
    )


@accept("DTYPE-1", "DTYPE-3")
def values_of_float64():
    """float64: where jax has no 64-bit types, a reader by way of jax narrows these to float32."""
    return values(
        "float64",
        8,
        """
        9a 99 99 99 99 99 b9 3f     # 0.1
        00 00 00 00 00 00 00 80     # -0
        01 00 00 00 00 00 00 00     # 2^-1074, the smallest
        ff ff ff ff ff ff ef 7f     # the largest
        00 00 00 00 00 00 f0 7f     # infinity
        00 00 00 00 00 00 f8 7f     # NaN
        01 00 00 00 00 00 f0 7f     # a signalling NaN
        23 01 00 00 00 00 f8 ff     # a negative NaN with a payload
        """,
    )


@accept("DTYPE-1", "DTYPE-6")
def values_of_complex64():
    """complex64 is two float32, the real part first; one element takes 8 bytes."""
    return values(
        "complex64",
        3,
        """
        00 00 80 3f 00 00 00 40     # 1 + 2j
        00 00 00 80 00 00 80 ff     # -0 - infinity j
        01 00 80 7f 00 00 00 00     # the real part a signalling NaN
        """,
    )


@accept("DTYPE-1", "DTYPE-6")
def values_of_complex128():
    """complex128 is two float64, the real part first; one element takes 16 bytes."""
    return values(
        "complex128",
        2,
        """
        00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 40     # 1 + 2j
        01 00 00 00 00 00 f0 7f 00 00 00 00 00 00 00 80     # a signalling NaN, and -0
        """,
    )


@accept("DTYPE-1", "DTYPE-6")
def values_of_complex32():
    """complex32 is two float16, the real part first; one element takes 4 bytes."""
    return values("complex32", 2, "00 3c 00 40 01 7c 00 80 # 1 + 2j; a signalling NaN, and -0")


@accept("DTYPE-1", "DTYPE-6")
def values_of_bcomplex32():
    """bcomplex32 is two bfloat16, the real part first; one element takes 4 bytes."""
    return values("bcomplex32", 2, "80 3f 00 40 81 7f 00 80 # 1 + 2j; a signalling NaN, and -0")


@accept("DTYPE-2", longer=True)
def tag_as_a_bin():
    """The tag is a bin of the bytes of its text, with lengths of 1, 2 and 4 bytes, in an array and in a scalar."""
    return raw("""
        92 91 a1 61 c4 10 c7 0d 01 93 91 02 c4 04 69 6e 74 38 c4 02 00 01
        92 91 a1 62 c4 11 c7 0e 01 93 91 02 c5 00 04 69 6e 74 38 c4 02 00 01
        92 91 a1 63 c4 13 c7 10 01 93 91 02 c6 00 00 00 04 69 6e 74 38 c4 02 00 01
        92 91 a1 64 c4 0e c7 0b 03 93 90 c4 04 69 6e 74 38 c4 01 07
    """), [*(array(name, "int8", (2,), "00 01") for name in "abc"), scalar("d", "int8", "07")]


@refuse("LEAF-5", "DTYPE-6")
def complex64_counted_in_parts():
    """The shape (2,) of complex64 with 8 bytes: two parts, and one element."""
    head = raw("93 91 02 a9 63 6f 6d 70 6c 65 78 36 34")
    body = head + raw("c4 08 # ! 8 bytes") + raw("00 00 80 3f 00 00 00 40")
    return record_("k", raw(f"c7 {body.size:02x} 01") + body)


@refuse("LEAF-5", "DTYPE-1")
def bfloat16_in_four_bytes():
    """The shape (1,) of bfloat16 with 4 bytes, as where a reader or writer widens to float32."""
    body = raw("93 91 01 a8 62 66 6c 6f 61 74 31 36") + raw("c4 04 # ! 4 bytes") + raw("00 00 80 3f")
    return record_("k", raw(f"c7 {body.size:02x} 01") + body)
