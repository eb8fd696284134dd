"""Sums and differences of floats on jax devices that agree bit for bit with `arithmetic.compute`.

A backend adds float32 with one rounding, but is free to take subnormals for zeros: XLA does so on CPUs and TPUs. So
small numbers are added at a larger scale, and all else is done by integer operations on the bits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding

from ..devices.bit_casts import cast_bits
from ..format.dtypes import dtype_of
from .arithmetic import Operation, Result, promoted
from .device_casts import counted, over_devices, shards, sizes

_FLOAT16, _BFLOAT16, _FLOAT32 = map(dtype_of, ("float16", "bfloat16", "float32"))
_COMPUTED: Final = (_FLOAT16, _BFLOAT16, _FLOAT32)
_SIGN: Final = np.uint32(1 << 31)
# The scale: 2^149 times the smallest subnormal is 1, so that of what is added at it nothing is subnormal.
_SCALE: Final = 149 << 23
_LEAST_UNSCALED: Final = (
    64 << 23
)  # the bits of 2^-63; what is smaller is added at the scale, where it is less than 2^86


def can_compute(operation: Operation) -> bool:
    """Whether `DeviceArithmetic` computes it: where all dtypes are float16, bfloat16 or float32."""
    return all(dtype in _COMPUTED for dtype in operation[:3])


class DeviceArithmetic:
    """An `Arithmetic` for large pieces, which are spread over all of jax's local devices."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def sizes(self, left: int) -> Iterator[int]:
        return sizes(left)

    def start(self, base: np.ndarray, other: np.ndarray) -> Callable[[], Result]:
        """Send a piece to the devices and have it computed and sent back, without waiting for any of it."""
        program, spread = _program(self._operation)
        bits, *counts = program(*(jax.device_put(x.view(f"u{x.itemsize}"), spread) for x in (base, other)))
        parts = shards(bits)
        for array in (*parts, *counts):
            array.copy_to_host_async()
        return lambda: Result(list(map(np.asarray, parts)), *(int(np.asarray(count).sum()) for count in counts))


@functools.cache
def _program(operation: Operation) -> tuple[Callable[..., tuple[jax.Array, ...]], NamedSharding]:
    """The operation on the bits of two 1-d pieces that are spread over all devices, and how they are spread.

    Gives the bits of the result, and for each device how many floats are inexact, overflowed and became zero.
    """
    spread = over_devices()

    def program(base: jax.Array, other: jax.Array) -> tuple[jax.Array, ...]:
        new, *marks = compute_bits(operation, base, other)
        return new, *map(counted, marks)

    widths = [dtype.itemsize for dtype in operation[:2]]
    donated = [i for i, width in enumerate(widths) if width == operation.new.itemsize][:1]
    return jax.jit(program, in_shardings=spread, out_shardings=spread, donate_argnums=donated), spread


def compute_bits(operation: Operation, base: jax.Array, other: jax.Array) -> tuple[jax.Array, ...]:
    """The bits of the result, and which floats are inexact, overflowed and became zero (bool), as `Result` has them.

    Takes uint16 or uint32, the bits of floats of the operation's dtypes, of one shape, and may be traced.
    """
    b, o, new, minus = operation
    term = base ^ base.dtype.type(1 << (8 * b.itemsize - 1)) if minus else base
    bits, became_zero = _total(other, o, term, b, new)
    inexact = _total(base, b, bits, new, o)[0] != other if minus else jnp.zeros(bits.shape, bool)
    overflowed = (_magnitude(bits) == _infinity(new)) & (_magnitude(base) < _infinity(b))
    return bits, inexact, overflowed & (_magnitude(other) < _infinity(o)), became_zero


def _total(a: jax.Array, old_a: np.dtype, b: jax.Array, old_b: np.dtype, new: np.dtype) -> tuple[jax.Array, jax.Array]:
    """The sum of a and b, rounded to the promoted dtype and cast to `new`, on their bits; where that made it zero."""
    wide = promoted(old_a, old_b)
    total = _add(_cast(a, old_a, _FLOAT32), _cast(b, old_b, _FLOAT32), has_subnormals=wide != _FLOAT16)
    bits = _cast(_cast(total, _FLOAT32, wide), wide, new)
    nan = np.array([np.nan], new).view(bits.dtype)[0]
    became_zero = (_magnitude(bits) == 0) & (_magnitude(total) != 0)
    return jnp.where(_magnitude(bits) > _infinity(new), nan, bits), became_zero


def _add(a: jax.Array, b: jax.Array, has_subnormals: bool) -> jax.Array:
    """The sum of two float32, on their bits; `has_subnormals` where they, or their sum, can be subnormal.

    Beside a number that is not small, a subnormal is too small to change the sum, and the sum cannot be one.
    """
    total = _bits_of(_float_of(a) + _float_of(b))
    if not has_subnormals:
        return total
    scaled = _bits_of(_scaled(a) + _scaled(b))
    is_small = jnp.maximum(_magnitude(a), _magnitude(b)) < _LEAST_UNSCALED
    return jnp.where(is_small, (scaled & _SIGN) | _unscaled(_magnitude(scaled)), total)


def _scaled(bits: jax.Array) -> jax.Array:
    """A float32 times 2^149, of its bits; of no use unless it is small."""
    magnitude = _magnitude(bits)
    # The bits of a subnormal are the integer that it is at the scale.
    subnormal = _bits_of(magnitude.astype(jnp.int32).astype(jnp.float32))
    scaled = jnp.where(magnitude < 1 << 23, subnormal, magnitude + _SCALE)
    return _float_of((bits & _SIGN) | scaled)


def _unscaled(magnitude: jax.Array) -> jax.Array:
    # Up to 2^24 the same holds the other way.
    subnormal = _float_of(magnitude).astype(jnp.int32).astype(jnp.uint32)
    return jnp.where(magnitude < 0x4B80_0000, subnormal, magnitude - _SCALE)


def _cast(bits: jax.Array, old: np.dtype, new: np.dtype) -> jax.Array:
    return bits if old == new else cast_bits(bits, old, new)[0]


def _magnitude(bits: jax.Array) -> jax.Array:
    return bits & np.array((1 << (8 * bits.dtype.itemsize - 1)) - 1, bits.dtype)


def _infinity(dtype: np.dtype) -> int:
    return int(np.array([np.inf], dtype).view(f"u{dtype.itemsize}")[0])


def _float_of(bits: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(bits, jnp.float32)


def _bits_of(floats: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(floats, jnp.uint32)
