"""Chapter 03: the tags of 8 bits and less that ml_dtypes adds."""

from ..assembly import Bytes, ndarray_, raw, record_, together
from ..declare import accept, array


def values(tag: str, count: int, payload: str) -> tuple[Bytes, list[dict]]:
    """A stream of one array of one dimension."""
    elements = raw(payload)
    return record_("k", ndarray_(tag, (count,), elements)), [array("k", tag, (count,), elements)]


@accept("DTYPE-1")
def values_of_float8_e3m4():
    """float8_e3m4, which has infinities."""
    return values("float8_e3m4", 7, "00 01 30 6f 70 f0 78 # 0, 2^-6, 1, 15.5, infinity, -infinity, NaN")


@accept("DTYPE-1")
def values_of_float8_e4m3():
    """float8_e4m3 has infinities; float8_e4m3fn, whose name goes on after it, has none."""
    return values("float8_e4m3", 7, "00 01 38 77 78 f8 7c # 0, 2^-9, 1, 240, infinity, -infinity, NaN")


@accept("DTYPE-1")
def values_of_float8_e4m3b11fnuz():
    """float8_e4m3b11fnuz has no -0: 80 is its only NaN."""
    return values("float8_e4m3b11fnuz", 5, "00 01 58 7f 80 # 0, 2^-13, 1, 30, NaN")


@accept("DTYPE-1")
def values_of_float8_e4m3fn():
    """float8_e4m3fn has no infinity: 7e is 448, 7f and ff are NaN."""
    return values("float8_e4m3fn", 6, "00 80 38 7e 7f ff # 0, -0, 1, 448, NaN, -NaN")


@accept("DTYPE-1")
def values_of_float8_e4m3fnuz():
    """float8_e4m3fnuz has no -0: 80 is its only NaN, and 1 is 40."""
    return values("float8_e4m3fnuz", 5, "00 01 40 7f 80 # 0, 2^-10, 1, 240, NaN")


@accept("DTYPE-1")
def values_of_float8_e5m2():
    """float8_e5m2 is the upper half of a float16; 7d is a signalling NaN and stays one."""
    return values("float8_e5m2", 7, "00 80 3c 7b 7c 7d 7e # 0, -0, 1, 57344, infinity, two NaNs")


@accept("DTYPE-1")
def values_of_float8_e5m2fnuz():
    """float8_e5m2fnuz has no -0: 80 is its only NaN."""
    return values("float8_e5m2fnuz", 5, "00 01 40 7f 80 # 0, 2^-17, 1, 57344, NaN")


@accept("DTYPE-1")
def values_of_float8_e8m0fnu():
    """float8_e8m0fnu has powers of two only: no sign and no zero, so that 00 is 2^-127."""
    return values("float8_e8m0fnu", 5, "00 7f 80 fe ff # 2^-127, 1, 2, 2^127, NaN")


@accept("DTYPE-1", "DTYPE-4")
def values_of_float6_e2m3fn():
    """float6_e2m3fn takes a byte for each element, with the two highest bits 0."""
    return values("float6_e2m3fn", 6, "00 01 08 1f 20 3f # 0, 0.125, 1, 7.5, -0, -7.5")


@accept("DTYPE-1", "DTYPE-4")
def values_of_float6_e3m2fn():
    """float6_e3m2fn takes a byte for each element, with the two highest bits 0."""
    return values("float6_e3m2fn", 6, "00 01 0c 1f 20 3f # 0, 0.0625, 1, 28, -0, -28")


@accept("DTYPE-1", "DTYPE-4")
def values_of_float4_e2m1fn():
    """float4_e2m1fn takes a byte for each element, and is not packed in pairs."""
    return values("float4_e2m1fn", 6, "00 01 02 07 08 0f # 0, 0.5, 1, 6, -0, -6")


@accept("DTYPE-1", "DTYPE-4")
def values_of_int4():
    """int4 takes a byte for each element; -8 is 08, and its sign does not go on into the high bits."""
    return values("int4", 5, "00 01 07 08 0f # 0, 1, 7, -8, -1")


@accept("DTYPE-1", "DTYPE-4")
def values_of_uint4():
    """uint4 takes a byte for each element."""
    return values("uint4", 4, "00 07 08 0f # 0, 7, 8, 15")


@accept("DTYPE-1", "DTYPE-4")
def values_of_int2():
    """int2 takes a byte for each element: -2 is 02, and -1 is 03."""
    return values("int2", 4, "00 01 02 03 # 0, 1, -2, -1")


@accept("DTYPE-1", "DTYPE-4")
def values_of_uint2():
    """uint2 takes a byte for each element."""
    return values("uint2", 4, "00 01 02 03 # 0 to 3")


@accept("DTYPE-1", "DTYPE-4")
def values_of_int1():
    """int1 has two values, 0 and -1, and takes a byte for each."""
    return values("int1", 2, "00 01 # 0, -1")


@accept("DTYPE-1", "DTYPE-4")
def values_of_uint1():
    """uint1 has two values, 0 and 1, and takes a byte for each. It is not bool."""
    return values("uint1", 2, "00 01 # 0, 1")


TAGS = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "complex32",
    "bcomplex32",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
    "int4",
    "uint4",
    "int2",
    "uint2",
    "int1",
    "uint1",
]


@accept("DTYPE-1")
def every_tag_on_an_empty_array():
    """An array of no elements under each of the 34 tags, one of them of the shape (0, 3)."""
    return together([record_(tag, ndarray_(tag, (0, 3), "")) for tag in TAGS]), [
        array(tag, tag, (0, 3), "") for tag in TAGS
    ]


@accept("DTYPE-2", longer=True)
def every_tag_as_a_bin():
    """An array of no elements under each of the 34 tags, given as a bin."""
    bodies = {tag: raw("93 91 00") + raw(f"c4 {len(tag):02x}") + raw(tag.encode().hex()) + raw("c4 00") for tag in TAGS}
    leaves = {tag: raw(f"c7 {body.size:02x} 01") + body for tag, body in bodies.items()}
    return together([record_(tag, leaf) for tag, leaf in leaves.items()]), [array(tag, tag, (0,), "") for tag in TAGS]
