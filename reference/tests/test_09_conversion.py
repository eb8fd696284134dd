"""Casts of floats: rounded once, ties to even, overflows counted."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.format.casts import FLOAT_TAGS, Tally, are_finite, cast, count_losses, float_dtype
from reference.format.dtypes import dtype_of

BF16 = ml_dtypes.bfloat16


def nearest(value, dtype):
    """The value of `dtype` nearest to an exact fraction, ties to even, by search over all 65,536 of them."""
    finite = _FINITE[dtype]
    i = np.searchsorted(finite, float(value))
    around = {finite[j] for j in range(max(0, i - 2), min(len(finite), i + 3))}
    return min(around, key=lambda x: (abs(Fraction(float(x)) - value), int(np.array(x, dtype).view(np.uint16)) & 1))


_FINITE = {}
for _tag in ("float16", "bfloat16"):
    _all = np.arange(1 << 16, dtype=np.uint16).view(dtype_of(_tag))
    with np.errstate(invalid="ignore"):
        _FINITE[dtype_of(_tag)] = np.unique(_all[np.isfinite(_all)].astype(np.float64))


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from(["float16", "bfloat16"]))
def test_float64_is_rounded_once(value, tag):
    dtype = dtype_of(tag)
    found = cast(np.array([value]), dtype)
    if np.isinf(found[0]):
        # beyond the largest by half a step or more
        largest = Fraction(float(_FINITE[dtype][-1]))
        step = largest - Fraction(float(_FINITE[dtype][-2]))
        assert abs(Fraction(value)) >= largest + step / 2
    else:
        assert float(found[0]) == float(nearest(Fraction(value), dtype))
    assert np.signbit(found[0].astype(np.float64)) == np.signbit(value)


@pytest.mark.parametrize("bits", [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x00000001, 0x80000000, 0x007FFFFF])
def test_ties_and_subnormals(bits):
    value = np.array([bits], np.uint32).view(np.float32)
    upper, lower = bits >> 16, bits & 0xFFFF
    expected = upper + (lower > 0x8000 or (lower == 0x8000 and upper & 1))
    assert cast(value, dtype_of("bfloat16")).view(np.uint16)[0] == expected


@pytest.mark.parametrize(
    ("source", "bits", "target", "wanted"),
    [
        ("float32", "3f808000", "bfloat16", "3f80"),
        ("float32", "3f818000", "bfloat16", "3f82"),
        ("float64", "3ff0100000000001", "bfloat16", "3f81"),
        ("float32", "7f7fffff", "bfloat16", "7f80"),
        ("float32", "477ff000", "float16", "7c00"),
        ("float32", "477fefff", "float16", "7bff"),
    ],
)
def test_the_table_of_the_specification(source, bits, target, wanted, root):
    text = (root / "spec/1.0/09-conversion.md").read_text()
    assert f"`{bits}`" in text
    assert f"`{wanted}`" in text
    value = np.frombuffer(bytes.fromhex(bits)[::-1], dtype_of(source))
    assert cast(value, dtype_of(target)).tobytes()[::-1].hex() == wanted


@pytest.mark.parametrize("old", FLOAT_TAGS)
@pytest.mark.parametrize("new", FLOAT_TAGS)
def test_nan_infinity_and_zero_keep_what_they_are(old, new):
    values = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]).astype(dtype_of(old))
    found = cast(values, dtype_of(new)).astype(np.float64)
    assert np.isnan(found[:2]).all()
    assert (found[2:] == values[2:].astype(np.float64)).all()
    assert (np.signbit(found) == np.signbit(values.astype(np.float64))).all()
    assert count_losses(values, cast(values, dtype_of(new))) == (0, 0)


def test_widening_is_exact():
    for tag in ("float16", "bfloat16"):
        values = np.arange(1 << 16, dtype=np.uint16).view(dtype_of(tag))
        for wide in ("float32", "float64"):
            back = cast(cast(values, dtype_of(wide)), dtype_of(tag))
            with np.errstate(invalid="ignore"):
                nan = np.isnan(values)
            assert (np.isnan(back) == nan).all()
            assert (back.view(np.uint16) == values.view(np.uint16))[~nan].all()


@pytest.mark.parametrize("tag", FLOAT_TAGS)
def test_what_is_finite(tag):
    largest = ml_dtypes.finfo(dtype_of(tag)).max
    finite = np.array([0.0, -0.0, 1.0, largest, -largest], dtype_of(tag))
    assert are_finite(finite)
    assert are_finite(finite[:0])
    for value in (np.inf, -np.inf, np.nan, -np.nan):
        for i in range(len(finite)):
            changed = finite.copy()
            changed[i] = value
            assert not are_finite(changed), (value, i)


def test_overflows_are_counted():
    values = np.array([65519.0, 65520.0, -1e30, np.inf, np.nan], np.float32)
    assert count_losses(values, cast(values, dtype_of("float16"))) == (2, 0)


@pytest.mark.parametrize("new", ["float16", "bfloat16", "float32"])
def test_what_becomes_zero_is_counted_and_zeros_are_not(new):
    least = float(ml_dtypes.finfo(dtype_of(new)).smallest_subnormal)
    values = np.array([0.0, -0.0, least, least / 4, -least / 4, np.nan, np.inf, 1.0], np.float64)
    assert count_losses(values, cast(values, dtype_of(new))) == (0, 2)
    assert count_losses(values[:0], cast(values[:0], dtype_of(new))) == (0, 0)


def test_a_tally_names_the_leaf_that_has_lost_the_most():
    tally = Tally()
    assert tally.worst is tally.text("float16") is None
    for path, infinite, zero in ((("a",), 0, 9), (("b", "w"), 2, 0), (("c",), 1, 1), (("b", "w"), 1, 0)):
        tally.add(path, infinite, zero)
    assert (tally.infinite, tally.zero, tally.worst) == (4, 10, ("b", "w"))
    assert tally.text("float16") == (
        "4 finite values became infinite and 10 nonzero values became zero in float16, the most of them in b/w (3)"
    )


def test_names_of_dtypes():
    assert [str(float_dtype(name)) for name in ("bf16", "fp16", "fp32", "fp64", "float32")] == [
        "bfloat16",
        "float16",
        "float32",
        "float64",
        "float32",
    ]
    assert float_dtype("") is float_dtype(None) is None
    with pytest.raises(ValueError, match="bf17"):
        float_dtype("bf17")
