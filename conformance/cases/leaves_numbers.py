"""Chapter 04: ints and floats (LEAF-1, LEAF-8) at the edges of their encodings.

The key of each number is the text of its encoding.
"""

from ..assembly import raw, record_, together
from ..declare import accept, floating, integer


def _ints(*pairs):
    leaves = [record_(digits.replace(" ", ""), raw(f"{digits} # {value}")) for digits, value in pairs]
    return together(leaves), [integer(digits.replace(" ", ""), value) for digits, value in pairs]


def _floats(*pairs):
    leaves = [record_(digits.replace(" ", ""), raw(digits)) for digits, _ in pairs]
    return together(leaves), [floating(digits.replace(" ", ""), bits) for digits, bits in pairs]


@accept("LEAF-1", "WIRE-1")
def ints_of_nine_bytes():
    """The ends of `cf` (unsigned) and `d3` (signed): from -2^63 to 2^64 - 1, which no type of 64 bits holds alone."""
    return _ints(
        ("cf 00 00 00 01 00 00 00 00", 2**32),
        ("cf 7f ff ff ff ff ff ff ff", 2**63 - 1),
        ("cf 80 00 00 00 00 00 00 00", 2**63),
        ("cf ff ff ff ff ff ff ff ff", 2**64 - 1),
        ("d3 ff ff ff ff 7f ff ff ff", -(2**31) - 1),
        ("d3 80 00 00 00 00 00 00 00", -(2**63)),
    )


@accept("LEAF-1")
def ints_that_no_float_holds():
    """Ints next to 2^53 and -2^53, and next to 2^63. Numbers of JavaScript, and a way through float 64, round them."""
    return _ints(
        ("cf 00 20 00 00 00 00 00 01", 2**53 + 1),
        ("cf 00 20 00 00 00 00 00 03", 2**53 + 3),
        ("d3 ff df ff ff ff ff ff ff", -(2**53) - 1),
        ("cf 7f ff ff ff ff ff fc 01", 2**63 - 1023),
        ("d3 80 00 00 00 00 00 00 01", -(2**63) + 1),
    )


@accept("LEAF-1", "WIRE-2", longer=True)
def ints_in_longer_unsigned_headers():
    """Small ints in headers that are longer than needed: each is the same int as in the shortest."""
    return _ints(
        ("cc 00", 0),
        ("cc 7f", 127),
        ("cd 00 01", 1),
        ("cd 00 ff", 255),
        ("ce 00 00 00 00", 0),
        ("ce 00 00 ff ff", 65535),
        ("cf 00 00 00 00 00 00 00 80", 128),
        ("cf 00 00 00 00 ff ff ff ff", 2**32 - 1),
    )


@accept("LEAF-1", "WIRE-2", longer=True)
def ints_of_zero_or_more_in_signed_headers():
    """Ints of zero or more in signed headers, as C++ and Java writers emit them that go by the type of a variable."""
    return _ints(
        ("d0 00", 0),
        ("d0 7f", 127),
        ("d1 00 80", 128),
        ("d1 7f ff", 32767),
        ("d2 00 00 80 00", 32768),
        ("d2 7f ff ff ff", 2**31 - 1),
        ("d3 00 00 00 00 80 00 00 00", 2**31),
        ("d3 7f ff ff ff ff ff ff ff", 2**63 - 1),
    )


@accept("LEAF-1", "WIRE-2", longer=True)
def negative_ints_in_longer_headers():
    """Negative ints in headers that are longer than needed. The sign stands in the first byte after the header's."""
    return _ints(
        ("d0 ff", -1),
        ("d0 e0", -32),
        ("d1 ff df", -33),
        ("d1 ff 80", -128),
        ("d2 ff ff ff ff", -1),
        ("d2 ff ff 80 00", -32768),
        ("d3 ff ff ff ff ff ff ff ff", -1),
        ("d3 ff ff ff ff 80 00 00 00", -(2**31)),
    )


# --- floats -----------------------------------------------------------------------------------------------------------


@accept("LEAF-8")
def floats_that_are_whole_numbers():
    """Floats without a fraction stay floats. Writers in JavaScript and Lua tend to turn them into ints."""
    return _floats(
        ("cb 00 00 00 00 00 00 00 00", "0000000000000000"),
        ("cb 3f f0 00 00 00 00 00 00", "3ff0000000000000"),
        ("cb c0 14 00 00 00 00 00 00", "c014000000000000"),
        ("cb 43 40 00 00 00 00 00 00", "4340000000000000"),
    )


@accept("LEAF-8")
def floats_of_all_bits():
    """Pi and minus a third, which need all bits of a float 64: float 32, or a text of few digits, shortens them."""
    return _floats(
        ("cb 40 09 21 fb 54 44 2d 18", "400921fb54442d18"),
        ("cb bf d5 55 55 55 55 55 55", "bfd5555555555555"),
    )


@accept("LEAF-8")
def float_of_minus_zero():
    """Minus zero, which compares equal to zero and is another float."""
    return _floats(("cb 80 00 00 00 00 00 00 00", "8000000000000000"))


@accept("LEAF-8")
def floats_without_end():
    """Both infinities, the largest float, and the largest one below zero."""
    return _floats(
        ("cb 7f f0 00 00 00 00 00 00", "7ff0000000000000"),
        ("cb ff f0 00 00 00 00 00 00", "fff0000000000000"),
        ("cb 7f ef ff ff ff ff ff ff", "7fefffffffffffff"),
        ("cb ff ef ff ff ff ff ff ff", "ffefffffffffffff"),
    )


@accept("LEAF-8")
def floats_that_are_subnormal():
    """The smallest and the largest subnormal float, and the smallest normal one: none is flushed to zero."""
    return _floats(
        ("cb 00 00 00 00 00 00 00 01", "0000000000000001"),
        ("cb 80 0f ff ff ff ff ff ff", "800fffffffffffff"),
        ("cb 00 10 00 00 00 00 00 00", "0010000000000000"),
    )


@accept("LEAF-8")
def quiet_nans_of_float_64():
    """Quiet NaNs keep their sign and payload. JavaScript engines and texts such as `NaN` make one NaN of all."""
    return _floats(
        ("cb 7f f8 00 00 00 00 00 00", "7ff8000000000000"),
        ("cb ff f8 00 00 00 00 00 00", "fff8000000000000"),
        ("cb 7f f8 00 00 00 00 00 01", "7ff8000000000001"),
        ("cb ff ff ff ff ff ff ff ff", "ffffffffffffffff"),
    )


@accept("LEAF-8")
def signalling_nans_of_float_64():
    """NaNs in float 64 whose quiet bit is 0 are kept to the bit: there is nothing to widen."""
    return _floats(
        ("cb 7f f0 00 00 00 00 00 01", "7ff0000000000001"),
        ("cb ff f7 ff ff ff ff ff ff", "fff7ffffffffffff"),
    )


@accept("LEAF-8", longer=True)
def floats_of_float_32():
    """Float 32 is accepted and widened: 1.5, the nearest to 0.1 (not 0.1 itself), and the largest."""
    return _floats(
        ("ca 3f c0 00 00", "3ff8000000000000"),
        ("ca 3d cc cc cd", "3fb99999a0000000"),
        ("ca 7f 7f ff ff", "47efffffe0000000"),
    )


@accept("LEAF-8", longer=True)
def float_32_of_minus_zero_and_infinities():
    """Minus zero and both infinities as float 32."""
    return _floats(
        ("ca 80 00 00 00", "8000000000000000"),
        ("ca 7f 80 00 00", "7ff0000000000000"),
        ("ca ff 80 00 00", "fff0000000000000"),
    )


@accept("LEAF-8", longer=True)
def float_32_that_is_subnormal():
    """The smallest and the largest subnormal float 32: as float 64 they are normal. A flush to zero loses them."""
    return _floats(("ca 00 00 00 01", "36a0000000000000"), ("ca 80 7f ff ff", "b80fffffc0000000"))


@accept("LEAF-8", longer=True)
def quiet_nans_of_float_32():
    """Quiet NaNs in float 32: sign and payload are kept, the payload in the high bits of the wider one."""
    return _floats(
        ("ca 7f c0 00 00", "7ff8000000000000"),
        ("ca ff c0 00 00", "fff8000000000000"),
        ("ca 7f c0 00 01", "7ff8000020000000"),
        ("ca ff ff ff ff", "ffffffffe0000000"),
    )


@accept("LEAF-8", longer=True)
def signalling_nans_of_float_32():
    """NaNs in float 32 whose quiet bit is 0: widening sets it, and keeps sign and payload."""
    return _floats(
        ("ca 7f 80 00 01", "7ff8000020000000"),
        ("ca ff bf ff ff", "ffffffffe0000000"),
    )
