"""The words of blocks (DELTA-8 to DELTA-10) on jax's devices, bit for bit as `blocks` computes them in numpy.

jax has no words of 64 bits unless it is told to, and a TPU none at all: they are pairs of 32 bits here, and every word
is a list of its parts, the lowest first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from ..format.blocks import BLOCK, NUMPY, ORDERED, WHOLE, XOR, Words, has_sign, word_of
from .accelerators import LEAST
from .device_casts import over_devices

# Bytes of a piece. Every size is compiled for, so there are few, and a block is cut into them without padding; what is
# shorter than the last is left to numpy.
SIZES: Final = (BLOCK, BLOCK >> 2, LEAST)

_Parts = list[jax.Array]


def _planes(target: np.ndarray, base: np.ndarray | None, dtype: np.dtype | None, method: int) -> np.ndarray:
    width = word_of(dtype).itemsize
    made = np.empty((width, len(target) // width), np.uint8)
    done, running = 0, []
    if (width, method) != (1, WHOLE):  # of which the planes are the content
        program = _program(width, has_sign(dtype), method, _split)
        sides = [target] if base is None or method == WHOLE else [target, base]
        for piece in _pieces(len(target), width):
            running.append((piece, program(*(_sent(side[piece], width) for side in sides))))
            done = piece.stop
    for piece, planes in running:
        _collect(planes, made[:, piece.start // width : piece.stop // width], axis=1)
    if done < len(target):
        rest = NUMPY.planes(target[done:], None if base is None else base[done:], dtype, method)
        made[:, done // width :] = rest.reshape(width, -1)
    return made.reshape(-1)


def _content(planes: np.ndarray, base: np.ndarray | None, dtype: np.dtype | None, method: int) -> np.ndarray:
    width = word_of(dtype).itemsize
    made = np.empty(len(planes), np.uint8)
    planes = planes.reshape(width, -1)
    done, running = 0, []
    if (width, method) != (1, WHOLE):
        program = _program(width, has_sign(dtype), method, _join)
        for piece in _pieces(len(made), width):
            part = planes[:, piece.start // width : piece.stop // width]
            sent = jax.device_put(part.reshape(width, jax.local_device_count(), -1), _spread(1))
            known = [_sent(base[piece], width)] if base is not None and method != WHOLE else []
            running.append((piece, program(sent, *known)))
            done = piece.stop
    for piece, parts in running:
        _collect(parts, made[piece].view(parts.dtype), axis=0)
    if done < len(made):
        rest = np.ascontiguousarray(planes[:, done // width :]).reshape(-1)
        made[done:] = NUMPY.content(rest, None if base is None else base[done:], dtype, method)
    return made


DEVICES: Final = Words(_planes, _content)


def _pieces(left: int, width: int) -> Iterator[slice]:
    """The pieces of a block, the largest first, each of as many words for every device."""
    at = 0
    for size in SIZES:
        size -= size % (width * jax.local_device_count())
        while left - at >= size > 0:
            yield slice(at, at + size)
            at += size


def _sent(content: np.ndarray, width: int) -> jax.Array:
    parts = content.view(f"<u{min(width, 4)}")
    return jax.device_put(parts.reshape(jax.local_device_count(), -1), _spread(0))


def _collect(array: jax.Array, into: np.ndarray, axis: int) -> None:
    """Put the parts of all devices beside one another; `axis` is the one along which they are spread."""
    for shard in array.addressable_shards:
        shard.data.copy_to_host_async()
    n = array.shape[-1]
    for shard in array.addressable_shards:
        at = shard.index[axis].start or 0
        into[..., at * n : (at + 1) * n] = np.asarray(shard.data).reshape(*into.shape[:-1], n)


@functools.cache
def _spread(axis: int) -> NamedSharding:
    """Contents are spread along axis 0, a row for each device, and planes along axis 1."""
    return NamedSharding(over_devices().mesh, PartitionSpec(*[None] * axis, "devices"))


@functools.cache
def _program(width: int, signed: bool, method: int, work: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    inputs, output = (0, 1) if work is _split else (1, 0)
    shardings = (_spread(inputs), *[_spread(0)] * (method != WHOLE))
    program = functools.partial(work, width, signed, method)
    return jax.jit(program, in_shardings=shardings, out_shardings=_spread(output))


def _split(width: int, signed: bool, method: int, target: jax.Array, base: jax.Array | None = None) -> jax.Array:
    """The planes, uint8[width, devices, words], of contents of unsigned integers[devices, words * parts]."""
    words = _words(target, width)
    if base is not None:
        known = _words(base, width)
        words = [x ^ y for x, y in zip(words, known, strict=True)] if method == XOR else words
        words = _zigzag(_minus(_image(words, signed), _image(known, signed))) if method == ORDERED else words
    return jnp.stack([(x >> _of(x, 8 * k)).astype(jnp.uint8) for x in words for k in range(x.dtype.itemsize)])


def _join(width: int, signed: bool, method: int, planes: jax.Array, base: jax.Array | None = None) -> jax.Array:
    """Back from what `_split` gives."""
    n = min(width, 4)  # bytes of a part
    wide = planes.astype(f"uint{8 * n}")
    words = [_or(wide[i : i + n]) for i in range(0, width, n)]
    if base is not None:
        known = _words(base, width)
        words = [x ^ y for x, y in zip(words, known, strict=True)] if method == XOR else words
        words = _word(_plus(_image(known, signed), _back(words)), signed) if method == ORDERED else words
    return words[0] if len(words) == 1 else jnp.stack(words, axis=-1).reshape(planes.shape[1], -1)


def _words(content: jax.Array, width: int) -> _Parts:
    return [content[:, 0::2], content[:, 1::2]] if width == 8 else [content]


def _or(planes: jax.Array) -> jax.Array:
    shifted = (plane << _of(plane, 8 * k) for k, plane in enumerate(planes))
    return functools.reduce(jnp.bitwise_or, shifted)


# --- numbers of one part or two, unsigned and modulo a power of two ----------------------------------------


def _of(x: jax.Array, value: int) -> np.ndarray:
    return np.array(value, x.dtype)


def _top(x: jax.Array) -> np.ndarray:
    return _of(x, 8 * x.dtype.itemsize - 1)


def _minus(a: _Parts, b: _Parts) -> _Parts:
    low, *high = (x - y for x, y in zip(a, b, strict=True))
    return [low, *(x - (a[0] < b[0]).astype(x.dtype) for x in high)]


def _plus(a: _Parts, b: _Parts) -> _Parts:
    low, *high = (x + y for x, y in zip(a, b, strict=True))
    return [low, *(x + (low < a[0]).astype(x.dtype) for x in high)]


def _flipped(words: _Parts, mask: jax.Array) -> _Parts:
    """All bits inverted where the mask has all bits set, and the highest bit inverted everywhere else."""
    *low, high = words
    return [*(x ^ mask for x in low), high ^ (mask | _of(high, 1) << _top(high))]


def _image(words: _Parts, signed: bool) -> _Parts:
    return _flipped(words, -(words[-1] >> _top(words[-1]))) if signed else words


def _word(image: _Parts, signed: bool) -> _Parts:
    """The word of an image, whose highest bit is set where that of the word is not."""
    high = image[-1]
    return _flipped(image, (high >> _top(high)) - _of(high, 1)) if signed else image


def _zigzag(difference: _Parts) -> _Parts:
    negative = -(difference[-1] >> _top(difference[-1]))
    low, *high = (x << _of(x, 1) for x in difference)
    carried = difference[0] >> _top(difference[0])
    return [low ^ negative, *((x | carried) ^ negative for x in high)]


def _back(words: _Parts) -> _Parts:
    negative = -(words[0] & _of(words[0], 1))
    low, *high = (x >> _of(x, 1) for x in words)
    carried = words[-1] << _top(words[-1])
    return [(low | carried if high else low) ^ negative, *(x ^ negative for x in high)]
