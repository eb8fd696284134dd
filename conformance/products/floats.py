"""Binary floating-point numbers by their definition, in whole numbers and fractions: what bits stand for, and the
nearest that there is of a number (CONV-3). Nothing here depends on a library's casts."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple


class Format(NamedTuple):
    """Bits of the exponent and of the fraction."""

    exponent: int
    fraction: int

    @property
    def size(self) -> int:
        """Bytes."""
        return (1 + self.exponent + self.fraction) // 8

    @property
    def infinity(self) -> int:
        """Its bits; what is above them is a NaN."""
        return ((1 << self.exponent) - 1) << self.fraction

    @property
    def least(self) -> int:
        """The power of two of the smallest normal number."""
        return 2 - (1 << self.exponent - 1)

    @property
    def sign(self) -> int:
        return 1 << self.exponent + self.fraction


FORMATS: Final = {
    "float16": Format(5, 10),
    "bfloat16": Format(8, 7),
    "float32": Format(8, 23),
    "float64": Format(11, 52),
}


def value(form: Format, bits: int) -> Fraction:
    """The number that bits without a sign stand for, below infinity."""
    high, low = bits >> form.fraction, bits & ((1 << form.fraction) - 1)
    whole = low if high == 0 else low | 1 << form.fraction
    return Fraction(whole) * Fraction(2) ** (form.least - form.fraction + max(high, 1) - 1)


def nearest(form: Format, number: Fraction) -> int:
    """The bits of the nearest to a number that is not negative, ties to even; infinity where it is too large."""
    if not number:
        return 0
    power = number.numerator.bit_length() - number.denominator.bit_length()
    power = max(power if Fraction(2) ** power <= number else power - 1, form.least)
    steps = round(number / Fraction(2) ** (power - form.fraction))  # of two halves, `round` takes the even one
    return min(((power - form.least) << form.fraction) + steps, form.infinity)


def cast(old: Format, new: Format, bits: int) -> int:
    """What bits become, with their sign; a NaN a quiet one."""
    sign = new.sign if bits & old.sign else 0
    bits &= old.sign - 1
    if bits > old.infinity:
        return sign | new.infinity | 1 << new.fraction - 1
    return sign | (new.infinity if bits == old.infinity else nearest(new, value(old, bits)))


def edges(old: Format, new: Format) -> list[int]:
    """Bits, without signs, at which a cast may go wrong: where the old format ends, and where the new one does; ties
    there and at 1, and what is next to them."""
    ulp = Fraction(2) ** (new.least - new.fraction)
    largest = value(new, new.infinity - 1)
    above = (largest - value(new, new.infinity - 2)) / 2
    at_one = Fraction(1, 1 << new.fraction)
    numbers = [
        *(ulp * i / 2 for i in range(1, 6)),  # the smallest of the new format, and ties below and between them
        value(new, 1 << new.fraction) - ulp / 2,  # between the largest subnormal and the smallest normal number
        value(new, 1 << new.fraction),
        *(1 + at_one * i / 2 for i in range(4)),
        2 - at_one / 2,  # carries into the exponent
        largest,
        largest - above,
        largest + above,  # from here on it is an infinity
        largest + 2 * above,
    ]
    one = nearest(old, Fraction(1))
    own = [0, 1, 2, (1 << old.fraction) - 1, 1 << old.fraction, one, one + 1, old.infinity - 1, old.infinity]
    found = {bits for number in numbers for bits in range(nearest(old, number) - 1, nearest(old, number) + 2)} | {*own}
    return sorted(bits for bits in found if 0 <= bits <= old.infinity)
