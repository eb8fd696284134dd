"""Chapter 04: complex numbers (LEAF-7)."""

from ..assembly import arr_, ext_, here, raw, record_, str_, together
from ..declare import accept, complexes, refuse


def _complex(*parts):
    return ext_(2, arr_(2) + together([raw(part) for part in parts]))


ONE, TWO = "cb 3f f0 00 00 00 00 00 00 # 1.0", "cb 40 00 00 00 00 00 00 00 # 2.0"


@accept("LEAF-7")
def complex_parts_at_the_edges():
    """Minus zero, an infinity, a NaN with sign and payload, and a subnormal as parts of complex numbers."""
    edges = record_("a", _complex("cb 80 00 00 00 00 00 00 00 # -0.0", "cb ff f0 00 00 00 00 00 00 # -infinity"))
    edges += record_("b", _complex("cb ff f8 00 00 00 00 00 07 # NaN", "cb 00 00 00 00 00 00 00 01 # 2^-1074"))
    return edges, [
        complexes("a", "8000 0000 0000 0000", "fff0 0000 0000 0000"),
        complexes("b", "fff8 0000 0000 0007", "0000 0000 0000 0001"),
    ]


@accept("LEAF-7", longer=True)
def complex_of_two_float_32():
    """Both parts are float 32. The body has 11 bytes."""
    return record_("k", _complex("ca 3f c0 00 00 # 1.5", "ca 80 00 00 00 # -0.0")), [
        complexes("k", "3ff8 0000 0000 0000", "8000 0000 0000 0000")
    ]


@accept("LEAF-7", longer=True)
def complex_of_a_float_32_and_a_float_64():
    """The real part is float 32 and the imaginary part float 64; and the other way round in the second leaf."""
    return record_("a", _complex("ca 3f c0 00 00 # 1.5", TWO)) + record_("b", _complex(TWO, "ca 3f c0 00 00 # 1.5")), [
        complexes("a", "3ff8 0000 0000 0000", "4000 0000 0000 0000"),
        complexes("b", "4000 0000 0000 0000", "3ff8 0000 0000 0000"),
    ]


@refuse("LEAF-7", also=("WIRE-6",))
def complex_of_three_parts():
    """The body of ext 2 is an array of three floats. flax takes the first two."""
    return record_("k", ext_(2, raw("93 # ! an array of three") + raw(ONE) + raw(TWO) + raw(TWO)))


@refuse("LEAF-7")
def complex_of_two_bare_floats():
    """The body of ext 2 is two floats, without an array around them."""
    return record_("k", ext_(2, here("! no array") + raw(ONE) + raw(TWO)))


@refuse("LEAF-7")
def complex_with_an_int_for_its_real_part():
    """The real part is the int 1. flax, and `complex(1, 2.0)`, take it."""
    return record_("k", ext_(2, arr_(2) + raw("01 # ! an int") + raw(TWO)))


@refuse("LEAF-7")
def complex_with_an_int_for_its_imaginary_part():
    """The imaginary part is the int 2."""
    return record_("k", ext_(2, arr_(2) + raw(ONE) + raw("02 # ! an int")))


@refuse("LEAF-7")
def complex_with_a_text_for_its_real_part():
    """The real part is the str `1.0`, which a lenient conversion takes."""
    return record_("k", ext_(2, arr_(2) + here("! a str") + str_("1.0") + raw(TWO)))


@refuse("LEAF-7")
def complex_with_a_bool_for_its_imaginary_part():
    """The imaginary part is false, which is 0 to a reader in Python."""
    return record_("k", ext_(2, arr_(2) + raw(ONE) + raw("c2 # ! a bool")))


@refuse("WIRE-6", "LEAF-7")
def complex_with_a_byte_left_over():
    """After the array of two floats, the body of ext 2 has one more byte."""
    return record_("k", ext_(2, arr_(2) + raw(ONE) + raw(TWO) + raw("c0 # ! left over")))
