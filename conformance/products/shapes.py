"""Shapes whose dimensions give a product that is too large for an integer of some width, or just not so (LEAF-4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ..assembly import Bytes, arr_, bin_, ext_, fill, int_, record_
from ..declare import array
from .arrays import ARRAY, FLAX_ARRAY, TAGS, Body, chunked_map, three
from .product import product

_LIMIT: Final = (1 << 63) - 1
_WIDE: Final = {1: "int8", 2: "bfloat16", 4: "float32", 8: "complex64", 16: "complex128"}


class Shape(NamedTuple):
    """Dimensions, one of which may be 0, of elements of a width."""

    name: str
    about: str
    dims: tuple[int, ...]
    width: int


def _with_zero(width: int, dims: Sequence[int], name: str) -> list[Shape]:
    """The same dimensions with a 0 before, between or behind them."""
    found = []
    for i in range(len(dims) + 1):
        shape = (*dims[:i], 0, *dims[i:])
        found.append(Shape(f"{name}-zero-at-{i}", f"{shape} of {_WIDE[width]}", shape, width))
    return found


def _at_the_limit() -> tuple[list[Shape], list[Shape]]:
    """Shapes whose dimensions that are not 0 are the last that fit, and the first that do not."""
    fits, passes = [], []
    for width in _WIDE:
        last = _LIMIT // width
        fits += _with_zero(width, (last,), f"width-{width}")
        passes += _with_zero(width, (last + 1,), f"width-{width}")
    fits += _with_zero(1, (3_037_000_499, 3_037_000_499), "root") + _with_zero(
        1, (7, 1_317_624_576_693_539_401), "seven-times"
    )
    passes += _with_zero(1, (3_037_000_500, 3_037_000_500), "root") + _with_zero(
        1, (7, 1_317_624_576_693_539_402), "seven-times"
    )
    for bits in (31, 32, 53):
        fits += _with_zero(1, (1 << bits,), f"two-to-the-{bits}") + _with_zero(
            4, ((1 << bits) + 1, 3), f"two-to-the-{bits}-and-1"
        )
    passes += _with_zero(1, (1 << 32, 1 << 32), "two-to-the-64") + _with_zero(1, (1 << 21,) * 3, "two-to-the-63")
    passes += _with_zero(8, (1 << 31, 1 << 30), "times-its-width") + _with_zero(
        1, ((1 << 64) - 1,), "minus-1-with-a-sign"
    )
    passes += _with_zero(1, (1 << 32, 1 << 16, 1 << 16), "two-to-the-64-of-three")
    passes += _with_zero(1, (6_148_914_691_236_517_206, 3), "two-beyond-two-to-the-64")
    return fits, passes


_FITS, _PASSES = _at_the_limit()


class Shaped(NamedTuple):
    """Where a shape stands."""

    name: str
    about: str
    part: str
    around: Callable[[Sequence[int], str, Bytes], Bytes]  # dimensions, tag and payload
    also: tuple[str, ...] = ()


def _of_chunked(dims: Sequence[int], tag: str, payload: Bytes) -> Bytes:
    chunk = three((payload.size // TAGS[tag],), tag, bin_(payload))
    return record_("k", chunked_map([int_(n) for n in dims], [ext_(1, arr_(3) + chunk)]))


def _of(body: Body) -> Callable[[Sequence[int], str, Bytes], Bytes]:
    return lambda dims, tag, payload: body.around(three(dims, tag, bin_(payload)))


_SHAPED: Final = (
    Shaped("array", "an array", "stream", _of(ARRAY)),
    Shaped("flax-array", "an array in a flax file", "flax", _of(FLAX_ARRAY)),
    Shaped("chunked", "a chunked array", "stream", _of_chunked, ("LEAF-12", "LEAF-11")),
)


@product("LEAF-4", "LEAF-3", want="accept", places=_SHAPED[:2], sizes=_FITS, canonical=True)
def large_shapes_without_elements(place: Shaped, shape: Shape):
    """A shape with a dimension of 0 whose other dimensions are large, some of them the last that fit. They are kept."""
    tag = _WIDE[shape.width]
    wanted = [array("k", tag, shape.dims, ""), {"path": ["z"], "kind": "int", "value": "1"}]
    return place.around(shape.dims, tag, Bytes()), wanted


@product("LEAF-4", want="reject", places=_SHAPED, sizes=_PASSES, also=lambda place, shape: ("LEAF-3", *place.also))
def shapes_beyond_the_limit(place: Shaped, shape: Shape):
    """The dimensions that are not 0, times the width, are more than 2^63 - 1: by one, or by so much that the product is
    small again in 64 bits. The array has no element."""
    return place.around(shape.dims, _WIDE[shape.width], Bytes())


def _wrapped() -> list[Shape]:
    """Dimensions whose product in bytes is small in 31, 32, 53 or 64 bits, and so small is the payload."""
    found = []
    for bits, width, dims, what in (
        (32, 1, (65_536, 65_536), 0),
        (32, 1, (3, 0xAAAAAAAB), 1),
        (32, 1, (0xFFFFFFFF, 0xFFFFFFFF), 1),
        (32, 2, (1 << 31,), 0),
        (32, 2, ((1 << 31) + 1,), 2),
        (32, 4, (1 << 30,), 0),
        (32, 4, ((1 << 30) + 1,), 4),
        (32, 8, (1 << 29,), 0),
        (32, 8, (1 << 16, 1 << 13), 0),
        (32, 16, ((1 << 28) + 1,), 16),
        (32, 1, ((1 << 32) + 3,), 3),
        (16, 1, (256, 256), 0),
        (16, 1, (65_537,), 1),
        (16, 4, (16_385,), 4),
        (8, 1, (257,), 1),
        (8, 2, (129,), 2),
        (31, 1, ((1 << 31) + 5,), 5),
        (53, 1, ((1 << 53) + 1,), 1),
        (64, 1, (1 << 32, 1 << 32), 0),
        (64, 1, (1 << 16,) * 4, 0),
        (64, 2, (1 << 63,), 0),
        (64, 4, (1 << 62,), 0),
        (64, 4, ((1 << 62) + 1,), 4),
        (64, 8, ((1 << 61) + 1,), 8),
        (64, 16, ((1 << 60) + 1,), 16),
        (64, 1, (3, 6_148_914_691_236_517_206), 2),
        (64, 1, ((1 << 64) - 1, (1 << 64) - 1), 1),
    ):
        name = f"{bits}-bits-{'-by-'.join(map(str, dims))}-of-width-{width}"
        found.append(
            Shape(name, f"{dims} of {_WIDE[width]}, {what} bytes in {bits} bits", (*dims,), width * (1 << 32) + what)
        )
    return found


@product("LEAF-5", want="reject", places=_SHAPED, sizes=_wrapped(), also=lambda place, shape: ("LEAF-4", *place.also))
def shapes_that_wrap_to_their_payload(place: Shaped, shape: Shape):
    """The product of the dimensions and the width is large, and in an integer of 8 to 64 bits, or a float 64, as small
    as the payload that is there."""
    width, n = divmod(shape.width, 1 << 32)
    return place.around(shape.dims, _WIDE[width], fill(1, n))
