"""The numbers that say by how much two arrays differ, against element after element in Python."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.differences import comparison, measuring
from reference.differences.comparison import CHANGED, EQUAL
from reference.format.dtypes import BITS, WIDTHS, dtype_of
from reference.tests.examples import at_most
from reference.tests.pairs import FLOATS, INTEGERS, only

BF16 = ml_dtypes.bfloat16
COMPLEX = {tag: tag.replace("complex32", "float16") for tag in ("complex32",)}
COMPLEX |= {"bcomplex32": "bfloat16", "complex64": "float32", "complex128": "float64"}
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, 1.0 + 2.0**-20, -2.5, 1e-300, 1e300]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compare")


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(comparison, "_PIECE", 64)
    monkeypatch.setattr(measuring, "_MEASURED", 3)


def special(tag):
    dtype = dtype_of(tag)
    if tag in INTEGERS:
        bits = BITS.get(tag, 8 * dtype.itemsize)
        codes = {0, 1, (1 << bits) - 1, 1 << (bits - 1), (1 << (bits - 1)) - 1} if tag != "bool" else {0, 1}
        return [code.to_bytes(dtype.itemsize, "little") for code in codes]
    with np.errstate(all="ignore"):
        return [np.array(x).astype(dtype).tobytes() for x in SPECIAL]


@st.composite
def elements(draw, tag, n, beside=None):
    """`n` elements of a dtype, some of them the same as those beside."""
    width = WIDTHS[tag]
    mask = (1 << (1 if tag == "bool" else BITS.get(tag, 8))) - 1
    raw = st.one_of(
        st.sampled_from(SPECIALS[tag]),
        st.binary(min_size=width, max_size=width).map(lambda r: bytes(x & mask for x in r)),
    )
    parts = [
        draw(st.one_of(raw, *([st.just(beside[i].tobytes())] * 2 if beside is not None else []))) for i in range(n)
    ]
    return np.frombuffer(b"".join(parts), dtype_of(tag))


@np.errstate(all="ignore")
def ranks(tag):
    """All values of a float of up to 16 bits, in order."""
    codes = np.arange(1 << BITS.get(tag, 8 * WIDTHS[tag])).astype(f"u{WIDTHS[tag]}")
    values = codes.view(dtype_of(tag)).astype(np.float64)
    return sorted(set(values[values == values].tolist()))


SPECIALS = {tag: special(tag) for tag in FLOATS + INTEGERS}
INDEX = {tag: {value: i for i, value in enumerate(ranks(tag))} for tag in FLOATS if WIDTHS[tag] <= 2}


def rank(tag, element):
    """The place of a float among all floats of its dtype."""
    if tag in INDEX:
        return INDEX[tag][float(element)]
    code = int.from_bytes(element.tobytes(), "little")
    top = 1 << (8 * WIDTHS[tag] - 1)
    return code if code < top else top - code


def wanted(tag_a, a, tag_b, b):
    """The numbers of two arrays, element by element in Python."""
    found = comparison.Numbers("elements", tag_a != tag_b, elements=len(a))
    integers = tag_a in INTEGERS and tag_b in INTEGERS
    exact = integers and (tag_a == tag_b or "uint64" not in (tag_a, tag_b))
    ulps = [0] * (1 + BITS.get(tag_a, 8 * WIDTHS[tag_a]))
    nan, inf = [0, 0], [0, 0]
    for p, q in zip(a, b, strict=True):
        x, y = (int(p), int(q)) if integers else (float(p), float(q))
        same = p.tobytes() == q.tobytes() if tag_a == tag_b else x == y or (x != x and y != y)
        found.equal += same
        x, y = (x, y) if exact else (float(x), float(y))
        for counts, test in ((nan, math.isnan), (inf, math.isinf)):
            counts[0] += test(x) and not test(y)
            counts[1] += test(y) and not test(x)
        if math.isfinite(x) and math.isfinite(y):
            found.max_abs = max(found.max_abs, abs(y - x))
            if x:
                found.max_rel = max(found.max_rel, float(abs(y - x)) / abs(float(x)))
            found.from_zero += not x and bool(y)
        if tag_a == tag_b and not integers and (same or (math.isfinite(x) and math.isfinite(y))):
            ulps[0 if same else abs(rank(tag_a, p) - rank(tag_a, q)).bit_length()] += 1
    found.nan, found.inf = tuple(nan), tuple(inf)
    found.ulps = ulps if tag_a == tag_b and not integers else None
    return found


@pytest.mark.sampled(4)
@pytest.mark.parametrize("tag", FLOATS + INTEGERS)
def test_the_numbers_are_those_of_python(folder, small_pieces, tag):
    @at_most(12)
    @given(data=st.data(), n=st.integers(0, 40))
    def check(data, n):
        other = data.draw(st.one_of(st.just(tag), st.just(tag), st.sampled_from(FLOATS + INTEGERS)))
        a = data.draw(elements(tag, n))
        b = data.draw(elements(other, n, a if other == tag else None))
        pair = only(folder, a, b)
        if tag == other and a.tobytes() == b.tobytes():
            assert (pair.change, pair.numbers) == (EQUAL, None)
        else:
            assert (pair.change, pair.numbers) == (CHANGED, wanted(tag, a, other, b))

    check()


@pytest.mark.parametrize("tag", COMPLEX)
def test_complex_elements_count_as_their_parts(folder, tag):
    part = dtype_of(COMPLEX[tag])
    a, b = np.arange(8).astype(part), np.array([0, 1, 3, 3, math.nan, 5, -0.0, 7]).astype(part)
    pair = only(folder, a.view(dtype_of(tag)), b.view(dtype_of(tag)))
    found = wanted(COMPLEX[tag], a, COMPLEX[tag], b)
    found.unit = "parts"
    assert (pair.numbers, pair.numbers.equal) == (found, 5)
    other = "complex128" if tag != "complex128" else "complex64"
    whole = only(folder, a.view(dtype_of(tag)), a.astype(COMPLEX[other]).view(other)).numbers
    assert (whole.unit, whole.elements, whole.equal) == ("parts", 8, 8)


def test_a_cast_is_compared_by_value(folder):
    values = np.array([1.0, 1.0 + 2**-20, math.nan, -0.0], np.float32)
    numbers = only(folder, values, values.astype(BF16)).numbers
    assert (numbers.by_value, numbers.equal, numbers.max_abs, numbers.ulps) == (True, 3, 2.0**-20, None)
    numbers = only(folder, np.array([2**63 - 1]), np.array([2**63], np.uint64)).numbers
    assert (numbers.equal, numbers.max_abs) == (0, 0)  # told apart exactly; their distance is rounded


def test_ulps_of_a_whole_block(folder):
    a = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    b = a.copy()
    b[::2] = np.nextafter(a[::2], np.float32(np.inf))
    b[1::1000] = -b[1::1000]
    numbers = only(folder, a, b).numbers
    assert (numbers.equal, numbers.ulps[:2], sum(numbers.ulps)) == (49_900, [49_900, 50_000], 100_000)
    gap = np.abs(b.astype(np.float64) - a)
    assert (numbers.max_abs, numbers.max_rel) == (gap.max(), 2.0)
