"""Chapter 09: casts of float16 and bfloat16 (CONV-3)."""

from ..declare import converts
from .conversion_casts import cast_


@converts("CONV-3")
def bfloat16_to_float16():
    """bfloat16 has more range and fewer digits than float16: overflow and subnormal numbers, and ties among those."""
    return cast_("""
        bf16 fp16
        3f81 3c08   # 1.0078125
        477f 7bf8   # 65280
        4780 7c00   # 65536
        c780 fc00
        7f7f 7c00
        3380 0001   # 2^-24
        3300 0000   # 2^-25, a tie with zero
        3301 0001
        b301 8001
        33c0 0002   # a tie
        0001 0000
        8001 8000
        8000 8000
        ff80 fc00
    """)


@converts("CONV-3")
def float16_to_bfloat16():
    """float16 has more digits than bfloat16: ties, and subnormal float16, which are normal numbers in bfloat16."""
    return cast_("""
        fp16 bf16
        3c04 3f80   # a tie
        3c0c 3f82   # a tie
        3c03 3f80
        3c05 3f81
        7bfc 4780   # 65408, a tie, to 65536
        7bff 4780   # 65504
        0001 3380   # 2^-24
        0003 3440
        03ff 3880   # the largest subnormal, rounded up to 2^-14
        8001 b380
        8000 8000
        fc00 ff80
    """)


@converts("CONV-3")
def float16_to_float32():
    """Widening is exact, for subnormal numbers too."""
    return cast_("""
        fp16 fp32
        3c01 3f802000
        0001 33800000
        03ff 387fc000
        0400 38800000
        8001 b3800000
        7bff 477fe000
        8000 80000000
        fc00 ff800000
    """)


@converts("CONV-3")
def bfloat16_to_float32():
    """Widening is a shift by 16 bits. Subnormal numbers stay subnormal, and are not flushed to zero."""
    return cast_("""
        bf16 fp32
        3f81 3f810000
        0001 00010000
        007f 007f0000
        8001 80010000
        7f7f 7f7f0000
        8000 80000000
        ff80 ff800000
    """)


@converts("CONV-3")
def float16_to_float64():
    """Widening is exact, for subnormal numbers too. A library that has no 64-bit floats switched on stops at
    float32.
    """
    return cast_("""
        fp16 fp64
        3c01 3ff0040000000000
        0001 3e70000000000000
        8001 be70000000000000
        7bff 40effc0000000000
        8000 8000000000000000
        fc00 fff0000000000000
    """)


@converts("CONV-3")
def bfloat16_to_float64():
    """Widening is exact: subnormal bfloat16 are normal numbers in float64."""
    return cast_("""
        bf16 fp64
        3f81 3ff0200000000000
        0001 37a0000000000000
        007f 380fc00000000000
        8001 b7a0000000000000
        7f7f 47efe00000000000
        8000 8000000000000000
        7f80 7ff0000000000000
    """)
