"""Casts of float arrays on jax devices that agree bit for bit with `conversion.cast`.

They are made of integer operations on the bits. A backend's own conversion is free to flush subnormals and to
choose the payload of a NaN, and XLA's differs from numpy's in the NaNs of float16.
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..format.casts import cast
from ..format.dtypes import dtype_of


class _Layout(NamedTuple):
    unsigned: type[np.unsignedinteger]
    sign: int  # the place of the sign bit, so that 1 << sign is it
    significand: int  # how many bits the significand has
    infinity: int  # the bits of infinity


_FLOAT16, _BFLOAT16, _FLOAT32 = map(dtype_of, ("float16", "bfloat16", "float32"))
# float64 is not here: without x64 jax has none, and a TPU has none at all.
_LAYOUTS: Final = {
    _FLOAT16: _Layout(np.uint16, 15, 10, 0x7C00),
    _BFLOAT16: _Layout(np.uint16, 15, 7, 0x7F80),
    _FLOAT32: _Layout(np.uint32, 31, 23, 0x7F80_0000),
}


def can_cast(old: np.dtype, new: np.dtype) -> bool:
    """Whether `cast_array` casts `old` to `new`: two different ones of float16, bfloat16 and float32."""
    return old != new and old in _LAYOUTS and new in _LAYOUTS


def cast_array(x: jax.Array, new: np.dtype) -> tuple[jax.Array, jax.Array]:
    """The array in dtype `new`, and how many values became infinite and zero, as `casts.count_losses`: int32[2].

    Takes any shape of less than 2^31 elements and may be traced; `can_cast(x.dtype, new)` has to hold.
    """
    old = np.dtype(x.dtype)
    bits, infinite, zero = cast_bits(lax.bitcast_convert_type(x, _LAYOUTS[old].unsigned), old, new)
    counts = jnp.stack([jnp.sum(infinite, dtype=jnp.int32), jnp.sum(zero, dtype=jnp.int32)])
    return lax.bitcast_convert_type(bits, new), counts


def cast_bits(bits: jax.Array, old: np.dtype, new: np.dtype) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The same on uint16 or uint32, the bits of the floats; the other results mark what became infinite, and zero."""
    layout, target = _LAYOUTS[old], _LAYOUTS[new]
    wide = bits.astype(jnp.uint32)
    magnitude = wide & ((1 << layout.sign) - 1)
    sign = (wide >> layout.sign) << target.sign
    # Widening to float32 is exact, so what is rounded is rounded once (CONV-3).
    found = _NARROW[new](_WIDEN[old](magnitude))
    found = jnp.where(magnitude > layout.infinity, _nan(magnitude, old, new), found)
    if new == _FLOAT32 or old == _FLOAT16:  # these reach as far, or as far as is needed
        infinite = jnp.zeros(bits.shape, bool)
    else:
        infinite = (found == target.infinity) & (magnitude < layout.infinity)
    zero = (found == 0) & (magnitude != 0)
    return (sign | found).astype(target.unsigned), infinite, zero


def _widen_float16(magnitude: jax.Array) -> jax.Array:
    normal = (magnitude << 13) + (112 << 23)  # 112 is the difference of the exponents' biases
    # A subnormal is shifted until its highest bit stands where the implicit bit of a normal one is.
    shift = lax.clz(magnitude) - 21
    subnormal = ((112 - shift) << 23) + (magnitude << (shift + 13))
    small = jnp.where(magnitude == 0, 0, subnormal)
    found = jnp.where(magnitude < 0x0400, small, normal)
    return jnp.where(magnitude >= 0x7C00, 0x7F80_0000, found)


def _round_off(magnitude: jax.Array, n: jax.Array | int) -> jax.Array:
    """The magnitude without its last `n` bits, to nearest, ties to even."""
    one = jnp.uint32(1)
    return (magnitude + ((one << (n - 1)) - 1) + ((magnitude >> n) & 1)) >> n


def _narrow_float16(single: jax.Array) -> jax.Array:
    normal = _round_off(single - (112 << 23), 13)
    # Below 2^-14 the implicit bit comes in and goes down with the rest; after 25 places nothing is left of it.
    places = jnp.minimum(126 - jnp.minimum(single >> 23, 112), 25)
    small = _round_off((single & 0x7F_FFFF) | 0x80_0000, places)
    found = jnp.where(single < 0x3880_0000, small, normal)
    return jnp.where(single >= 0x4780_0000, 0x7C00, found)


# The magnitudes of all but NaNs, to and from float32. What is too large rounds up into infinity by itself.
_WIDEN: Final = {_FLOAT16: _widen_float16, _BFLOAT16: lambda magnitude: magnitude << 16, _FLOAT32: lambda same: same}
_NARROW: Final = {
    _FLOAT16: _narrow_float16,
    _BFLOAT16: lambda single: _round_off(single, 16),
    _FLOAT32: lambda same: same,
}


def _nan(magnitude: jax.Array, old: np.dtype, new: np.dtype) -> jax.Array:
    layout, target = _LAYOUTS[old], _LAYOUTS[new]
    kept, added = _nan_rule(old, new)
    payload = magnitude & ((1 << layout.significand) - 1)
    more = target.significand - layout.significand
    payload = ((payload << more if more > 0 else payload >> -more) & kept) | added
    return jnp.maximum(payload, 1) | target.infinity  # without a payload it were infinity


# CONV-3: "A NaN becomes a NaN of the same sign, the payload bits of which are not specified."
@functools.cache
def _nan_rule(old: np.dtype, new: np.dtype) -> tuple[int, int]:
    """Which bits of the significand of a NaN `cast` keeps on this machine, and which it sets.

    numpy's own code for float16 keeps a signalling NaN as it is, and a numpy built for the instructions of a
    processor makes it quiet; ml_dtypes keeps no payload. So a NaN is cast here, one that shows both.
    """
    layout, target = _LAYOUTS[old], _LAYOUTS[new]
    quiet = 1 << (target.significand - 1)
    signalling = np.array([layout.infinity | 1 << (layout.significand - 2)], layout.unsigned)
    found = int(cast(signalling.view(old), new).view(target.unsigned)[0])
    return (1 << target.significand) - 1 if found & (quiet >> 1) else 0, found & quiet
