"""Sums and differences of floats: rounded once, and to the same bits in numpy and on jax's devices."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from fuzz.equality import same
from reference.computing.arithmetic import CombinedPayload, NumpyArithmetic, Operation, compute, promoted
from reference.computing.device_arithmetic import can_compute, compute_bits
from reference.format.casts import FLOAT_TAGS, cast
from reference.format.dtypes import dtype_of
from reference.format.payloads import MemoryPayload, bytes_of
from reference.tests.handmade import BytesSink
from reference.tests.versions import enable_x64

F16, B16, F32, F64 = map(dtype_of, FLOAT_TAGS)
rng = np.random.default_rng(0)


def bits_of(values):
    return values.view(f"u{values.itemsize}")


def any_bits(dtype, n):
    """Floats of any bits, many of them of the smallest and the largest exponents, where little falls by chance."""
    unsigned = f"u{dtype.itemsize}"
    bits = rng.integers(0, 1 << (8 * dtype.itemsize), n, unsigned)
    exponent = np.array([np.inf], dtype).view(unsigned)
    last_two = exponent & ~(exponent << 2)
    bits[::3] &= ~exponent | last_two
    bits[1::7] |= exponent & ~last_two
    return bits.view(dtype)


def neighbours(x, y):
    """x and y, some of the latter a few units in the last place from the former where the dtypes are the same."""
    if x.dtype == y.dtype:
        half = len(x) // 2
        bits_of(y)[:half] = bits_of(x)[:half] + rng.integers(-3, 4, half).astype(bits_of(x).dtype)
    return x, y


def is_finite(values):
    """By the bits: ml_dtypes warns of NaNs that signal."""
    infinity = bits_of(np.array([np.inf], values.dtype))[0]
    return bits_of(values) & infinity != infinity


# --- in numpy -----------------------------------------------------------------------------------------


def exact(value):
    return Fraction(float(value))


@pytest.mark.parametrize("dtype", [F16, B16, F32, F64])
@pytest.mark.parametrize("minus", [True, False])
def test_each_result_is_the_nearest_float(dtype, minus):
    """No other float is nearer to the exact result, and of two that are as near it is the even one."""
    x, y = neighbours(any_bits(dtype, 3000), any_bits(dtype, 3000))
    chosen = is_finite(x) & is_finite(y)
    x, y = x[chosen], y[chosen]
    (found,), _, overflowed, _ = compute(Operation(x.dtype, y.dtype, dtype, minus), x, y)
    largest = float(ml_dtypes.finfo(dtype).max)
    above = Fraction(largest) * 2 - exact(np.nextafter(dtype.type(largest), dtype.type(0)))  # as if it went on
    assert overflowed == np.isinf(found).sum()
    with np.errstate(over="ignore"):
        beside = [np.nextafter(found, dtype.type(side)) for side in (-np.inf, np.inf)]
    for a, b, r, even, *others in zip(x, y, found, bits_of(found) % 2 == 0, *beside, strict=True):
        wanted = exact(b) - exact(a) if minus else exact(b) + exact(a)
        if np.isinf(r):
            assert abs(wanted) >= (Fraction(largest) + above) / 2
            continue
        error = abs(wanted - exact(r))
        distances = [abs(wanted - exact(other)) for other in others if np.isfinite(other)]
        assert all(error < distance or (error == distance and even) for distance in distances), (a, b, r)


def total(a, b, minus):
    """The sum or difference as numpy and ml_dtypes have it, in the promoted dtype, with one NaN for all."""
    wide = promoted(a.dtype, b.dtype)
    with np.errstate(all="ignore"):
        a, b = a.astype(wide), b.astype(wide)
        return settled(a - b if minus else a + b)


def settled(values):
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(values), np.array(np.nan, values.dtype), values)


def finite(dtype, n):
    """Floats of all sizes of which sums are finite in every dtype, zeros of both signs and subnormals among them."""
    values = (rng.standard_normal(n) * 10.0 ** rng.uniform(-9, 4, n)).clip(-3e4, 3e4)
    values[::11], values[1::11] = 0.0, -0.0
    return values.astype(dtype)


@pytest.mark.parametrize("made", [any_bits, finite])  # a block of finite results is computed in another way
@pytest.mark.parametrize(("base", "other"), list(itertools.product((F16, B16, F32, F64), repeat=2)))
def test_dtypes_are_promoted_and_then_cast(base, other, made):
    assert promoted(base, other) == jnp.promote_types(base, other)
    x, y = neighbours(made(base, 20_000), made(other, 20_000))
    if made == finite:
        y[~is_finite(y)] = -0.0  # neighbours of zero
        y[5::9], y[6::9] = x[5::9], -x[6::9]
    for new in (F16, B16, F32, F64):
        (found,), inexact, overflowed, zero = compute(Operation(base, other, new, True), x, y)
        wanted = settled(cast(total(y, x, True), new))
        assert zero == np.count_nonzero((total(y, x, True) != 0) & (wanted == 0))
        assert same(found, wanted)
        assert is_finite(found).all() == (made == finite)
        back = settled(cast(total(x, wanted, False), other))
        assert inexact == np.count_nonzero(bits_of(back) != bits_of(y))
        assert overflowed == np.count_nonzero(np.isinf(found) & is_finite(x) & is_finite(y))
        (found,), inexact, _, zero = compute(Operation(base, other, new, False), x, y)
        assert same(found, settled(cast(total(x, y, False), new)))
        assert zero == np.count_nonzero((total(x, y, False) != 0) & (found == 0))
        assert inexact == 0


class Late:
    """An arithmetic that looks at the memory of a piece when it is asked for its result, as late as any device may."""

    def __init__(self, operation, size):
        self._operation, self._size = operation, size

    def sizes(self, left):
        return itertools.repeat(self._size, left // self._size)

    def start(self, base, other):
        return lambda: compute(self._operation, base, other)


@pytest.mark.parametrize("chunk", [1000, 37])
def test_a_piece_is_read_while_another_is_computed(chunk):
    operation = Operation(F32, B16, F16, True)
    x, y = any_bits(F32, 1000), any_bits(B16, 1000)
    (wanted,), *counts = compute(operation, x, y)
    arithmetics, sink, found = [Late(operation, 100), Late(operation, 30), NumpyArithmetic(operation)], BytesSink(), []
    sides = (MemoryPayload(bytes_of(values)) for values in (x, y))
    payload = CombinedPayload(*sides, operation, arithmetics, lambda *counts: found.append(counts))
    for i in range(0, 1000, chunk):
        payload.move(2 * min(chunk, 1000 - i), sink)
    assert sink.data == wanted.tobytes()
    assert [sum(column) for column in zip(*found, strict=True)] == counts


# --- on jax's devices ---------------------------------------------------------------------------------


def with_jax(operation, x, y):
    bits, *marks = jax.jit(compute_bits, static_argnums=0)(operation, bits_of(x), bits_of(y))
    return np.asarray(bits), *(int(mark.sum()) for mark in marks)


def assert_agree(operation, x, y):
    (wanted,), *counts = compute(operation, x, y)
    found, *found_counts = with_jax(operation, x, y)
    differ = np.flatnonzero(found != bits_of(wanted))
    shown = [tuple(f"{bits[i]:x}" for bits in (bits_of(x), bits_of(y), bits_of(wanted), found)) for i in differ[:5]]
    assert not shown, f"{len(differ)} differ; base, other, wanted, found: {shown}"
    assert found_counts == counts


@pytest.mark.parametrize("dtype", [F16, B16])
def test_all_pairs_of_the_16_bit_floats_that_matter(dtype):
    significand = ml_dtypes.finfo(dtype).nmant
    ends = [0, 1, 2, (1 << significand - 1) - 1, 1 << significand - 1, (1 << significand) - 2, (1 << significand) - 1]
    top = 1 << (15 - significand)
    exponents = [e for e in range(top) if e < 6 or e > top - 4 or abs(e - top // 2) < 6]
    values = np.array([s << 15 | e << significand | m for s in (0, 1) for e in exponents for m in ends], np.uint16)
    x, y = (grid.reshape(-1).view(dtype) for grid in np.meshgrid(values, values))
    for minus in (True, False):
        assert_agree(Operation(dtype, dtype, dtype, minus), x, y)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("base", "other"), list(itertools.product((F16, B16, F32), repeat=2)))
def test_devices_round_as_numpy_does(base, other):
    x, y = neighbours(any_bits(base, 1 << 17), any_bits(other, 1 << 17))
    assert_agree(Operation(base, other, promoted(base, other), True), x, y)


@pytest.mark.parametrize(("base", "new", "minus"), [(F32, B16, True), (F32, F16, True), (B16, F16, False)])
def test_devices_cast_as_numpy_does(base, new, minus):
    assert_agree(Operation(base, base, new, minus), *neighbours(any_bits(base, 1 << 17), any_bits(base, 1 << 17)))


def test_every_scale_of_float32():
    """Exponents apart by any distance, with subnormal operands and results, and ties."""
    exponents = np.arange(256, dtype=np.uint32) << 23
    x, y = (grid.reshape(-1) for grid in np.meshgrid(exponents, exponents))
    ends = [0, 1, 0x40_0000, 0x40_0001, 0x7F_FFFF]
    pairs = [(a, b, sign) for a in ends for b in ends for sign in (0, 1)]
    x = np.concatenate([x | np.uint32(a) for a, _, _ in pairs]).view(np.float32)
    y = np.concatenate([y | np.uint32(b | sign << 31) for _, b, sign in pairs]).view(np.float32)
    assert_agree(Operation(F32, F32, F32, True), x, y)


def test_floats_are_added_in_one_place_alone():
    """What a backend does with subnormals, and what it fuses, cannot show: all else is done on integers."""
    operation, zeros = Operation(B16, B16, B16, True), jnp.zeros(4, jnp.uint16)
    jaxpr = jax.make_jaxpr(compute_bits, static_argnums=0)(operation, zeros, zeros)
    floats = [equation.primitive.name for equation in equations(jaxpr.jaxpr) if has_floats(equation)]
    assert set(floats) == {"bitcast_convert_type", "convert_element_type", "add"}
    assert floats.count("add") == 4  # forth and back, each at two scales


def equations(jaxpr):
    for equation in jaxpr.eqns:
        inner = [value.jaxpr for value in equation.params.values() if hasattr(value, "jaxpr")]
        yield from itertools.chain.from_iterable(map(equations, inner)) if inner else [equation]


def has_floats(equation):
    return any(x.aval.dtype.kind not in "biu" for x in (*equation.invars, *equation.outvars))


def test_settings_of_jax_do_not_show():
    x, y = any_bits(F32, 1000), any_bits(B16, 1000)
    with enable_x64(), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        assert_agree(Operation(F32, B16, F16, True), x, y)


def test_what_devices_compute():
    assert can_compute(Operation(F16, B16, F32, True))
    assert not can_compute(Operation(F32, F32, F64, True))
    integers = np.dtype(np.int32)
    assert not can_compute(Operation(integers, integers, integers, True))
