"""Two checkpoints held against each other, leaf by leaf and out of core: what differs, and by how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ..checkpoints.patterns import Patterns, chooser
from ..format.casts import Buffer
from ..format.dtypes import BITS, PARTS, dtype_of
from ..format.errors import UsageError
from ..format.keypaths import display
from ..format.leaves import Leaf, encode_value
from ..format.payloads import Payload, keep_freed_memory, settle
from ..format.records import Item
from ..storage.local_files import Progress
from ..storage.progress import Shown, shown
from .operands import open_side

ADDED, REMOVED, CHANGED, EQUAL = "added", "removed", "changed", "equal"

_PIECE: Final = 1 << 20  # bytes read at a time of either side
_BLOCK: Final = 1 << 15  # elements; what is computed of them stays in the processor's cache
_SHOWN: Final = 32  # bytes of a str or bin that are shown
_RAW: Final = np.dtype(np.uint8)
_PARTS: Final = {whole: dtype_of(part) for whole, part in PARTS.items()}
_SIGNLESS: Final = "float8_e8m0fnu"  # the one float without a sign bit


@dataclasses.dataclass
class Numbers:
    """How two arrays of one shape differ. What is counted is `unit`; pairs of counts are of A and of B.

    Arrays of one dtype are held against each other by their bits. Others are by their values, integers exactly and
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


class Pair(NamedTuple):
    """What stands at one key path in A and in B, None where nothing does.

    `change` is one of ADDED, REMOVED, CHANGED, EQUAL. A changed pair has `numbers` where both are arrays of one
    shape, and `values`, shortened texts, where both are single elements or no arrays.
    """

    path: tuple[str, ...]
    change: str
    a: Leaf | None
    b: Leaf | None
    numbers: Numbers | None = None
    values: tuple[str, str] | None = None


class Comparison(NamedTuple):
    """The containers of A and B, TREE for a tree, and all pairs: in the order of B (TREE-5), then what A alone has."""

    kinds: tuple[str, str]
    pairs: list[Pair]

    def count(self, change: str) -> int:
        return sum(pair.change == change for pair in self.pairs)


def compare(
    a: Any, b: Any, *, include: Patterns = None, exclude: Patterns = None, progress: Shown = False
) -> Comparison:
    """Hold two checkpoints against each other: `[PREFIX::]PATH` of any container, or trees of numpy or jax arrays.

    Leaves are equal where key path, kind, dtype, shape and every byte of the payload are; the order of the leaves and
    the way in which a payload is chunked do not count. A tree is taken as `reference.save` takes it. Holds the headers
    of both, and one piece of one leaf of each, in memory. `include` and `exclude` choose leaves as those of `load` do;
    `progress` is that of `convert`. Raises FormatError, OSError, and UsageError for a prefix that does not exist and
    for patterns that leave nothing over.
    """
    with open_side(a) as left, open_side(b) as right:
        is_chosen = chooser(include, exclude)
        old = {item.path: item for item in left.items if is_chosen(item.path)}
        new = {item.path: item for item in right.items if is_chosen(item.path)}
        if (include is not None or exclude is not None) and not old and not new:
            some = ", ".join(display(item.path) for item in right.items[:3])
            raise UsageError(f"the patterns leave no leaf of either side over; the first of the second are: {some}")
        total = sum(item.leaf.nbytes + old[path].leaf.nbytes for path, item in new.items() if path in old)
        with shown(progress)("compare", total) as moved:
            both = _Both(moved)
            pairs = [
                both.pair(old[path], item) if path in old else Pair(path, ADDED, None, item.leaf)
                for path, item in new.items()
            ]
        left.refuse_changes()
        right.refuse_changes()
        pairs += [Pair(path, REMOVED, item.leaf, None) for path, item in old.items() if path not in new]
        return Comparison((left.kind, right.kind), pairs)


class _Both:
    """A buffer for a piece of either side."""

    def __init__(self, moved: Progress) -> None:
        self._moved = moved
        self._buffers = Buffer(), Buffer()
        keep_freed_memory()

    def pair(self, old: Item, new: Item) -> Pair:
        a, b = old.leaf, new.leaf
        numbers, first = None, 0
        is_equal = (a.kind, a.dtype, a.shape, a.nbytes) == (b.kind, b.dtype, b.shape, b.nbytes)
        if a.dtype is None or b.dtype is None:
            if a.kind == b.kind and a.kind in ("str", "bin"):
                first = self._first_difference(old, new)
                is_equal = is_equal and first == a.nbytes
            else:
                is_equal = is_equal and encode_value(a.kind, a.value) == encode_value(b.kind, b.value)
        elif a.shape == b.shape and (a.dtype.name in _PARTS) == (b.dtype.name in _PARTS):
            numbers, has_equal_bytes = self._numbers(old, a.dtype, new, b.dtype)
            is_equal = is_equal and has_equal_bytes
        if is_equal:
            return Pair(new.path, EQUAL, a, b)
        values = None
        if _is_single(a) and _is_single(b):
            values = _value_text(old, first), _value_text(new, first)
        return Pair(new.path, CHANGED, a, b, numbers, values)

    def _pieces(self, old: Item, new: Item, widths: tuple[int, int], n: int) -> Iterator[tuple[np.ndarray, ...]]:
        """`n` elements of so many bytes of both payloads, uint8, in pieces that lie over each other."""
        a, b = _payload(old), _payload(new)
        most = _PIECE // max(widths)
        for left in range(n, 0, -most):
            sizes = [min(left, most) * width for width in widths]
            yield self._buffers[0].fill(a, sizes[0], _RAW), self._buffers[1].fill(b, sizes[1], _RAW)
            self._moved(sum(sizes))

    def _first_difference(self, old: Item, new: Item) -> int:
        """The first byte at which two payloads differ, or where the shorter one ends."""
        at = 0
        for x, y in self._pieces(old, new, (1, 1), min(old.leaf.nbytes, new.leaf.nbytes)):
            if not _same_bytes(x, y):
                return at + int(np.argmax(x != y))
            at += len(x)
        return at

    def _numbers(self, old: Item, of_a: np.dtype, new: Item, of_b: np.dtype) -> tuple[Numbers, bool]:
        """The numbers of two arrays of one shape, and whether all their bytes are equal."""
        part_a, part_b = _PARTS.get(of_a.name, of_a), _PARTS.get(of_b.name, of_b)
        found = Numbers("elements" if part_a == of_a else "parts", of_a != of_b)
        if of_a == of_b and not _is_integer(part_a):
            found.ulps = [0] * (1 + BITS.get(part_a.name, 8 * part_a.itemsize))
        is_equal = True
        widths = of_a.itemsize, of_b.itemsize
        for x, y in self._pieces(old, new, widths, old.leaf.nbytes // of_a.itemsize):
            if of_a == of_b and _same_bytes(x, y):
                _count_equal(found, len(x) // part_a.itemsize)
                continue
            is_equal = False
            a, b = settle(x.view(of_a)).view(part_a), settle(y.view(of_b)).view(part_b)
            for at in range(0, len(a), _BLOCK):
                _measure(found, a[at : at + _BLOCK], b[at : at + _BLOCK])
        return found, is_equal


def _same_bytes(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two uint8 arrays of one length are equal."""
    n = len(x) & -8
    return np.array_equal(x[:n].view(np.uint64), y[:n].view(np.uint64)) and np.array_equal(x[n:], y[n:])


def _is_single(leaf: Leaf) -> bool:
    return leaf.dtype is None or leaf.nbytes == leaf.dtype.itemsize


def _payload(item: Item) -> Payload:
    assert item.payload is not None  # arrays, texts and bytes have one
    return item.payload()


def _value_text(item: Item, first: int) -> str:
    """A single value for people; a str or bin is shown from a little before byte `first`."""
    leaf = item.leaf
    if leaf.dtype is not None:
        return str(settle(Buffer().fill(_payload(item), 1, leaf.dtype))[0])
    if leaf.kind not in ("str", "bin"):
        return leaf.kind if leaf.value in (None, {}) else str(leaf.value)
    start = max(0, first - _SHOWN // 2)
    payload, buffer = _payload(item), Buffer()
    for left in range(start, 0, -_PIECE):  # payloads are taken from the front
        buffer.fill(payload, min(left, _PIECE), _RAW)
    raw = buffer.fill(payload, min(_SHOWN, leaf.nbytes - start), _RAW).tobytes()
    text = raw.decode(errors="ignore") if leaf.kind == "str" else raw  # a character may be cut at either end
    return f"{'...' if start else ''}{text!r}{'...' if start + len(raw) < leaf.nbytes else ''}"


def _is_integer(dtype: np.dtype) -> bool:
    return dtype == np.bool_ or dtype.name.startswith(("int", "uint"))


def _count_equal(found: Numbers, n: int) -> None:
    found.elements += n
    found.equal += n
    if found.ulps:
        found.ulps[0] += n


@np.errstate(all="ignore")
def _measure(found: Numbers, a: np.ndarray, b: np.ndarray) -> None:
    """Take in a block of elements of both sides."""
    if found.by_value:
        x, y = _widened(a), _widened(b)
        n = int(np.count_nonzero((x != y) & ~((x != x) & (y != y))))
    else:
        differs = _bits(a) != _bits(b)
        n = int(np.count_nonzero(differs))
        if 8 * n < len(a):
            _count_equal(found, len(a) - n)
            a, b = a[differs], b[differs]
        x, y = _widened(a), _widened(b)
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


def _bits(values: np.ndarray) -> np.ndarray:
    return values.view(f"u{values.itemsize}")


def _widened(values: np.ndarray) -> np.ndarray:
    if not _is_integer(values.dtype):
        return values.astype(np.float64)
    return values.astype(np.uint64 if values.dtype == np.uint64 else np.int64)


def _one_sided(counts: tuple[int, int], a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    return counts[0] + int(np.count_nonzero(a & ~b)), counts[1] + int(np.count_nonzero(b & ~a))


def _count_ulps(ulps: list[int], a: np.ndarray, b: np.ndarray) -> None:
    x, y = _image(a), _image(b)
    apart = _bits(np.maximum(x, y)) - _bits(np.minimum(x, y))
    most = int(apart.max(initial=0)).bit_length()
    # How many elements differ at all, lie at least 1 apart, 2, 4, ...
    counts = [int(np.count_nonzero(_bits(a) != _bits(b)))]
    counts += [int(np.count_nonzero(apart >= (1 << k))) for k in range(most)]
    for k, (this, following) in enumerate(zip(counts, [*counts[1:], 0], strict=True)):
        ulps[k] += this - following


def _image(values: np.ndarray) -> np.ndarray:
    """Integers of the same width in the order of the floats, one for every value and 0 for both zeros."""
    bits = _bits(values)
    if values.dtype.name == _SIGNLESS:
        return bits
    top = BITS.get(values.dtype.name, 8 * values.itemsize) - 1
    sign = (bits >> top).view(f"i{values.itemsize}")
    return ((bits & ((1 << top) - 1)).view(sign.dtype) ^ -sign) + sign
