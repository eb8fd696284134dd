"""Chapter 09: casts of NaNs (CONV-3), which stay NaNs of their sign, whatever their payload bits become."""

from ..assembly import chunked_, ndarray_, record_, scalar_
from ..declare import Conversion, converts
from .conversion_casts import cast_, value_


@converts("CONV-3")
def float32_nans_to_bfloat16():
    """Cut off, a NaN whose payload stands in the low bits is an infinity; rounded like a number, the last NaN is a
    zero.
    """
    return cast_("""
        fp32 bf16
        7fc00000 +nan
        ffc00000 -nan
        7f800001 +nan   # its high half is that of infinity
        ff800001 -nan
        7f808000 +nan
        7fffffff +nan   # half a bfloat16 more is 8000, -0
        ffffffff -nan   # and here 0000
        7f800000 7f80   # the infinities beside them stay
        ff800000 ff80
        3f808000 3f80
    """)


@converts("CONV-3")
def float32_nans_to_float16():
    """The payload has 23 bits and becomes one of 10, which must not all be 0."""
    return cast_("""
        fp32 fp16
        7fc00000 +nan
        ffc00000 -nan
        7f800001 +nan
        ff801fff -nan   # the highest bits that are cut off
        7fffffff +nan
        ffffffff -nan
        7f800000 7c00
        ff800000 fc00
        3f803000 3c02
    """)


@converts("CONV-3")
def float64_nans_to_bfloat16():
    """NaNs whose payload bits stand in the low half alone, and signalling ones."""
    return cast_("""
        fp64 bf16
        7ff8000000000000 +nan
        fff8000000000000 -nan
        7ff0000000000001 +nan
        fff00000ffffffff -nan
        7fffffffffffffff +nan
        ffffffffffffffff -nan
        7ff0000000000000 7f80
        3ff0100000000001 3f81
    """)


@converts("CONV-3")
def float64_nans_to_float16():
    """NaNs whose payload bits stand in the low half alone, and signalling ones."""
    return cast_("""
        fp64 fp16
        7ff8000000000000 +nan
        fff8000000000000 -nan
        7ff0000000000001 +nan
        fff003ffffffffff -nan
        7fffffffffffffff +nan
        ffffffffffffffff -nan
        fff0000000000000 fc00
        3ff0020000000001 3c01
    """)


@converts("CONV-3")
def float64_nans_to_float32():
    """NaNs whose payload bits stand in the low half alone, and signalling ones."""
    return cast_("""
        fp64 fp32
        7ff8000000000000 +nan
        fff8000000000000 -nan
        7ff0000000000001 +nan
        fff000001fffffff -nan   # the highest bits that are cut off
        7fffffffffffffff +nan
        ffffffffffffffff -nan
        fff0000000000000 ff800000
        3ff0000030000000 3f800002
    """)


@converts("CONV-3")
def float32_nans_to_float64():
    """Wider NaNs, signalling ones too, of both signs. They lie between an infinity and a number."""
    return cast_("""
        fp32 fp64
        7f800000 7ff0000000000000
        7fc00000 +nan
        ff800001 -nan
        7fbfffff +nan
        ffffffff -nan
        3f800001 3ff0000020000000
    """)


@converts("CONV-3")
def float16_nans_to_float32():
    """All exponent bits of a float16 are five, and become eight: a program that shifts them alone makes numbers."""
    return cast_("""
        fp16 fp32
        7e00 +nan
        fe00 -nan
        7c01 +nan
        fdff -nan
        ffff -nan
        7c00 7f800000
        7bff 477fe000
    """)


@converts("CONV-3")
def float16_nans_to_float64():
    """As to float32."""
    return cast_("""
        fp16 fp64
        7e00 +nan
        fc01 -nan
        7fff +nan
        fc00 fff0000000000000
        7bff 40effc0000000000
    """)


@converts("CONV-3")
def float16_nans_to_bfloat16():
    """A payload of ten bits becomes one of seven: the low bits alone are set in the first."""
    return cast_("""
        fp16 bf16
        7c01 +nan
        fc07 -nan
        7e00 +nan
        fe00 -nan
        7fff +nan
        ffff -nan
        7c00 7f80
        3c05 3f81
    """)


@converts("CONV-3")
def bfloat16_nans_to_float16():
    """A payload of seven bits becomes one of ten. Numbers too large become infinities, and are not counted as NaNs."""
    return cast_("""
        bf16 fp16
        7fc0 +nan
        ffc0 -nan
        7f81 +nan
        ff81 -nan
        7fff +nan
        7f7f 7c00
        ff80 fc00
    """)


@converts("CONV-3")
def bfloat16_nans_to_float32():
    """Widening is a shift by 16 bits; a NaN may come out quiet."""
    return cast_("""
        bf16 fp32
        7fc0 +nan
        ff81 -nan
        7fff +nan
        7f80 7f800000
        7f7f 7f7f0000
    """)


@converts("CONV-3")
def bfloat16_nans_to_float64():
    """As to float32."""
    return cast_("""
        bf16 fp64
        7fc0 +nan
        ff81 -nan
        ffff -nan
        ff80 fff0000000000000
        7f7f 47efe00000000000
    """)


@converts("CONV-3", "CONV-2")
def nans_in_scalars_and_chunks():
    """A numpy scalar, an array of no dimension, and the second chunk of an array are NaNs."""
    low, nan = "01 00 80 ff", value_("bfloat16", "-nan")
    chunks = [ndarray_("float32", (1,), "00 00 80 3f"), ndarray_("float32", (1,), low)]
    leaves = {"s": scalar_("float32", low), "z": ndarray_("float32", (), low), "c": chunked_((2,), chunks)}
    joined = ndarray_("bfloat16", (2,), value_("bfloat16", "3f80") + nan)
    output = record_("s", scalar_("bfloat16", nan)) + record_("z", ndarray_("bfloat16", (), nan))
    source = record_("s", leaves["s"]) + record_("z", leaves["z"]) + record_("c", leaves["c"])
    return Conversion(float_dtype="bf16"), source, output + record_("c", joined)
