"""Casts on jax's devices: bit for bit those of conversion.cast, on every backend, and in bounded pieces."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reference.computing.device_casts import DeviceCastPayload
from reference.devices import bit_casts
from reference.devices.bit_casts import can_cast, cast_array
from reference.format.casts import FLOAT_TAGS, cast, count_losses
from reference.format.dtypes import dtype_of
from reference.format.payloads import MemoryPayload, bytes_of
from reference.tests.handmade import BytesSink
from reference.tests.versions import enable_x64

TAGS = ("float16", "bfloat16", "float32")
PAIRS = list(itertools.permutations(TAGS, 2))
jitted = jax.jit(cast_array, static_argnums=1)


def bits_of(values):
    values = np.asarray(values)
    return values.view(f"u{values.itemsize}")


def from_bits(tag, *bits):
    dtype = dtype_of(tag)
    return np.array(bits, f"u{dtype.itemsize}").view(dtype)


def inputs(tag):
    """Every float of 16 bits; of float32 every sign and exponent with the significands at the edges, and a million."""
    if tag != "float32":
        return from_bits(tag, *range(1 << 16))
    rng = np.random.default_rng(0)
    edges = {(m << k) + i for k in range(24) for m in (1, 3) for i in (-1, 0, 1)}
    significands = np.array([m for m in sorted(edges) if m < 1 << 23], np.uint32)
    grid = (np.arange(512, dtype=np.uint32)[:, None] << 23 | significands).reshape(-1)
    return np.concatenate([grid, rng.integers(0, 1 << 32, 1 << 20, np.uint32)]).view(np.float32)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_bit_is_that_of_the_cast_in_numpy(old, new):
    values = inputs(old)
    wanted = cast(values, dtype_of(new))
    found, losses = jitted(values, dtype_of(new))
    differ = np.flatnonzero(bits_of(found) != bits_of(wanted))
    shown = [tuple(f"{bits_of(x)[i]:x}" for x in (values, wanted, found)) for i in differ[:5]]
    assert not shown, f"{len(differ)} differ; input, wanted, found: {shown}"
    assert (found.dtype, losses.dtype, losses.shape) == (wanted.dtype, np.int32, (2,))
    assert tuple(losses.tolist()) == count_losses(values, wanted)


@pytest.mark.parametrize(
    ("old", "bits", "new", "wanted"),
    [
        ("float32", 0x3F808000, "bfloat16", 0x3F80),
        ("float32", 0x3F818000, "bfloat16", 0x3F82),
        ("float32", 0x7F7FFFFF, "bfloat16", 0x7F80),
        ("float32", 0x477FF000, "float16", 0x7C00),
        ("float32", 0x477FEFFF, "float16", 0x7BFF),
        ("float32", 0x80018000, "bfloat16", 0x8002),  # subnormal to subnormal, a tie
        ("float32", 0x33000000, "float16", 0x0000),  # half of the smallest subnormal, a tie
        ("float32", 0x33000001, "float16", 0x0001),
        ("float32", 0x387FE000, "float16", 0x0400),  # the largest subnormal and a half: up to a normal
        ("float16", 0x8001, "float32", 0xB3800000),
        ("float16", 0x0001, "bfloat16", 0x3380),
        ("bfloat16", 0x0001, "float32", 0x00010000),
        ("bfloat16", 0x8000, "float16", 0x8000),
    ],
)
def test_ties_subnormals_and_overflows(old, bits, new, wanted):
    found, _ = jitted(from_bits(old, bits), dtype_of(new))
    assert hex(bits_of(found)[0]) == hex(wanted)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_nothing_is_computed_in_floats(old, new):
    """What a backend does with subnormals and NaNs cannot show where it meets integers alone."""
    jaxpr = jax.make_jaxpr(cast_array, static_argnums=1)(jnp.zeros(4, dtype_of(old)), dtype_of(new))
    floats = [str(equation.primitive) for equation in equations(jaxpr.jaxpr) if has_floats(equation)]
    assert set(floats) == {"bitcast_convert_type"}


def equations(jaxpr):
    for equation in jaxpr.eqns:
        inner = [value.jaxpr for value in equation.params.values() if hasattr(value, "jaxpr")]
        yield from itertools.chain.from_iterable(map(equations, inner)) if inner else [equation]


def has_floats(equation):
    return any(x.aval.dtype.kind not in "biu" for x in (*equation.invars, *equation.outvars))


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_nans_are_those_of_the_numpy_at_hand(old, new, monkeypatch):
    """A numpy built for the conversion instructions of a processor makes NaNs quiet and keeps the rest."""
    layout, target = bit_casts._LAYOUTS[dtype_of(old)], bit_casts._LAYOUTS[dtype_of(new)]

    def of_a_processor(values, dtype):
        after = cast(values, dtype)
        payload = bits_of(values).astype(np.uint64) << 32 >> layout.significand << target.significand >> 32
        quiet = payload & ((1 << target.significand) - 1) | 1 << (target.significand - 1) | target.infinity
        sign = bits_of(after) >> target.sign << target.sign
        with np.errstate(invalid="ignore"):
            return np.where(np.isnan(values), sign | quiet.astype(target.unsigned), bits_of(after)).view(dtype)

    monkeypatch.setattr(bit_casts, "cast", of_a_processor)
    bit_casts._nan_rule.cache_clear()
    try:
        values = inputs(old)
        found = jax.jit(lambda x: cast_array(x, dtype_of(new))[0])(values)
    finally:
        bit_casts._nan_rule.cache_clear()
    assert (bits_of(found) == bits_of(of_a_processor(values, dtype_of(new)))).all()


@pytest.mark.parametrize("shape", [(), (0,), (3, 5)])
def test_any_shape_will_do(shape):
    found, losses = jitted(np.full(shape, 1e30, np.float32), dtype_of("float16"))
    assert found.shape == shape
    assert bool(jnp.isinf(found).all())
    assert losses.tolist() == [found.size, 0]


def test_settings_of_jax_do_not_show():
    values = inputs("bfloat16")
    with enable_x64(), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        found, losses = jax.jit(cast_array, static_argnums=1)(values, dtype_of("float16"))
    assert (bits_of(found) == bits_of(cast(values, dtype_of("float16")))).all()
    assert losses.dtype == np.int32


def test_what_can_be_cast():
    chosen = [(old, new) for old in FLOAT_TAGS for new in FLOAT_TAGS if can_cast(dtype_of(old), dtype_of(new))]
    assert sorted(chosen) == sorted(PAIRS)
    assert not can_cast(dtype_of("int32"), dtype_of("float32"))
    assert not can_cast(dtype_of("float32"), dtype_of("float8_e4m3fn"))


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of two sizes, neither of which 8 devices share evenly."""
    monkeypatch.setattr("reference.computing.device_casts.SIZES", (600, 70))


@pytest.mark.parametrize(("old", "new"), [("float32", "bfloat16"), ("bfloat16", "float16"), ("float16", "float32")])
def test_a_chunk_may_end_anywhere_in_a_piece(small_pieces, old, new):
    values = np.random.default_rng(0).standard_normal(4000).astype(dtype_of(old))
    sink, overflows = BytesSink(), []
    payload = DeviceCastPayload(MemoryPayload(bytes_of(values)), values.dtype, dtype_of(new), overflows.append)
    for count in (0, 1, 69, 70, 1900, 601, 1359):
        payload.move(count * dtype_of(new).itemsize, sink)
    assert sink.data == cast(values, dtype_of(new)).tobytes()
    assert not overflows


def test_one_piece_is_read_while_another_is_cast(small_pieces):
    """Two pieces are under way and no more: a piece is written before the next but one is read."""
    events = []

    class Watched(MemoryPayload):
        def move(self, n, sink):
            events.append("read")
            super().move(n, sink)

    class Watching(BytesSink):
        def write(self, data):
            if events[-1] != "write":  # each device's part comes by itself
                events.append("write")

    values = np.zeros(5 * 600, np.float32)
    payload = DeviceCastPayload(Watched(bytes_of(values)), values.dtype, dtype_of("bfloat16"), events.append)
    payload.move(values.nbytes // 2, Watching())
    assert " ".join(events[:6]) == "read read write read write read"
    assert events[-1] == "write"
