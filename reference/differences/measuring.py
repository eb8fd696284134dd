"""How much two arrays of one shape differ: equal elements, greatest differences, units in the last place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

import numpy as np

from ..format.blocks import same_bytes
from ..format.dtypes import BITS, PARTS, dtype_of
from ..format.payloads import bits_of, settle

_MEASURED: Final = 1 << 15  # elements at a time; what is computed of them stays in the processor's cache
_NEVER_NEGATIVE: Final = "float8_e8m0fnu"  # the one float without a sign bit


@dataclasses.dataclass
class Numbers:
    """How two arrays of one shape differ. What is counted is `unit`; pairs of counts are of A and of B.

    Arrays of one dtype are compared by their bits. Others are compared by their values, integers exactly and
    the rest as float64: then +0 is -0, and a NaN is a NaN. Complex arrays count as arrays of their parts. Bits that
    carry no meaning (DTYPE-4, DTYPE-5) are left out.

    `max_abs` is the greatest |b - a|, and `max_rel` the greatest |b - a| / |a|, of elements that are finite on both
    sides and, for `max_rel`, not zero in A: `from_zero` counts those that are zero in A alone. Both are float64 and
    may be infinite, but `max_abs` of two signed or two unsigned integer dtypes is an exact int. `nan` and `inf` count
    elements that are NaN, or infinite, on one side alone.

    `ulps` is there for floats of one dtype: how many elements lie how many units in the last place apart, which is
    the distance in the order of their bits, 0 for +0 and -0. `ulps[0]` counts distance 0, all elements with equal
    bits among them, and `ulps[k]` counts 2^(k-1) to 2^k - 1. Elements of other bits that are not finite on both
    sides are not among them.
    """

    unit: str  # "elements", or "parts" of complex elements
    by_value: bool
    elements: int = 0
    equal: int = 0
    max_abs: int | float = 0
    max_rel: float = 0.0
    from_zero: int = 0
    nan: tuple[int, int] = (0, 0)
    inf: tuple[int, int] = (0, 0)
    ulps: list[int] | None = None


def total(several: Iterable[Numbers]) -> Numbers:
    """The numbers of several arrays together; ulps are kept where all are of one width."""
    first, *rest = several
    found = Numbers(**vars(first))
    for other in rest:
        for name in ("elements", "equal", "from_zero"):
            setattr(found, name, getattr(found, name) + getattr(other, name))
        found.unit = found.unit if found.unit == other.unit else "elements and parts"
        found.by_value = found.by_value or other.by_value
        found.max_abs, found.max_rel = max(found.max_abs, other.max_abs), max(found.max_rel, other.max_rel)
        found.nan = found.nan[0] + other.nan[0], found.nan[1] + other.nan[1]
        found.inf = found.inf[0] + other.inf[0], found.inf[1] + other.inf[1]
        old, new = found.ulps, other.ulps
        is_alike = old is not None and new is not None and len(old) == len(new)
        found.ulps = [x + y for x, y in zip(old or [], new or [], strict=True)] if is_alike else None
    return found


def no_numbers(of_a: np.dtype, of_b: np.dtype) -> Numbers:
    """The numbers of no elements yet, of arrays of these dtypes; both are complex or neither is."""
    part_a = _part(of_a)
    found = Numbers("elements" if part_a == of_a else "parts", of_a != of_b)
    if of_a == of_b and not _is_integer(part_a):
        found.ulps = [0] * (1 + BITS.get(part_a.name, 8 * part_a.itemsize))
    return found


def measure(found: Numbers, a: np.ndarray, b: np.ndarray) -> bool:
    """Take in as many elements of A as of B, 1-d arrays, whose bits that carry no meaning are cleared in place.

    Gives whether all their bytes were equal.
    """
    part_a, part_b = _part(a.dtype), _part(b.dtype)
    if a.dtype == b.dtype and same_bytes(a.view(np.uint8), b.view(np.uint8)):
        _count_equal(found, a.nbytes // part_a.itemsize)
        return True
    x, y = settle(a).view(part_a), settle(b).view(part_b)
    for at in range(0, len(x), _MEASURED):
        _measure_block(found, x[at : at + _MEASURED], y[at : at + _MEASURED])
    return False


def _part(dtype: np.dtype) -> np.dtype:
    """The dtype of the parts of a complex dtype; any other as it is."""
    return dtype_of(PARTS[dtype.name]) if dtype.name in PARTS else dtype


def _is_integer(dtype: np.dtype) -> bool:
    return dtype == np.bool_ or dtype.name.startswith(("int", "uint"))


def _count_equal(found: Numbers, n: int) -> None:
    found.elements += n
    found.equal += n
    if found.ulps:
        found.ulps[0] += n


@np.errstate(all="ignore")
def _measure_block(found: Numbers, a: np.ndarray, b: np.ndarray) -> None:
    if found.by_value:
        x, y = _as_wide_numbers(a), _as_wide_numbers(b)
        n = int(np.count_nonzero((x != y) & ~((x != x) & (y != y))))
    else:
        differs = bits_of(a) != bits_of(b)
        n = int(np.count_nonzero(differs))
        if 8 * n < len(a):
            _count_equal(found, len(a) - n)
            a, b = a[differs], b[differs]
        x, y = _as_wide_numbers(a), _as_wide_numbers(b)
    _count_equal(found, len(a) - n)
    found.elements += n
    if not n:
        return
    if x.dtype != y.dtype:
        x, y = x.astype(np.float64), y.astype(np.float64)
    is_float = x.dtype == np.float64
    gap = np.abs(y - x) if is_float else (np.maximum(x, y) - np.minimum(x, y)).view(np.uint64)
    if is_float and not np.isfinite(gap.max()):
        found.nan = _one_sided(found.nan, np.isnan(x), np.isnan(y))
        found.inf = _one_sided(found.inf, np.isinf(x), np.isinf(y))
        finite = np.isfinite(x) & np.isfinite(y)
        a, b, x, gap = a[finite], b[finite], x[finite], gap[finite]
    if found.ulps:
        _count_ulps(found.ulps, a, b)
    found.max_abs = max(found.max_abs, gap.max(initial=0).item())
    scale, gap = np.abs(x.astype(np.float64, copy=False)), gap.astype(np.float64, copy=False)
    # Few elements can exceed what has been found, so few are divided; those that are zero in A alone always do.
    high = gap > min(found.max_rel * (1 - 2.0**-50), np.finfo(np.float64).max) * scale
    if high.any():
        gap, scale = gap[high], scale[high]
        found.from_zero += int(np.count_nonzero(scale == 0))
        found.max_rel = max(found.max_rel, float((gap / scale)[scale != 0].max(initial=0)))


def _as_wide_numbers(values: np.ndarray) -> np.ndarray:
    if not _is_integer(values.dtype):
        return values.astype(np.float64)
    return values.astype(np.uint64 if values.dtype == np.uint64 else np.int64)


def _one_sided(counts: tuple[int, int], a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    return counts[0] + int(np.count_nonzero(a & ~b)), counts[1] + int(np.count_nonzero(b & ~a))


def _count_ulps(ulps: list[int], a: np.ndarray, b: np.ndarray) -> None:
    x, y = _ordered(a), _ordered(b)
    apart = bits_of(np.maximum(x, y)) - bits_of(np.minimum(x, y))
    most = int(apart.max(initial=0)).bit_length()
    # How many elements differ at all, lie at least 1 apart, 2, 4, ...
    counts = [int(np.count_nonzero(bits_of(a) != bits_of(b)))]
    counts += [int(np.count_nonzero(apart >= (1 << k))) for k in range(most)]
    for k, (this, following) in enumerate(zip(counts, [*counts[1:], 0], strict=True)):
        ulps[k] += this - following


def _ordered(values: np.ndarray) -> np.ndarray:
    """Integers of the same width in the order of the floats, one for every value and 0 for both zeros."""
    bits = bits_of(values)
    if values.dtype.name == _NEVER_NEGATIVE:
        return bits
    top = BITS.get(values.dtype.name, 8 * values.itemsize) - 1
    sign = (bits >> top).view(f"i{values.itemsize}")
    return ((bits & ((1 << top) - 1)).view(sign.dtype) ^ -sign) + sign
