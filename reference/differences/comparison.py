"""Two checkpoints compared leaf by leaf and out of core: what differs, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ..checkpoints.patterns import Patterns, chooser
from ..containers.safetensors_file import SPLIT
from ..format.blocks import same_bytes
from ..format.casts import Buffer
from ..format.dtypes import PARTS
from ..format.errors import UsageError, counted
from ..format.keypaths import display
from ..format.leaves import Leaf, encode_value
from ..format.payloads import Payload, settle
from ..format.records import Item
from ..storage.local_files import Progress
from ..storage.progress import Shown, shown
from .measuring import Numbers, measure, no_numbers
from .operands import open_side

ADDED, REMOVED, CHANGED, EQUAL = "added", "removed", "changed", "equal"

_PIECE: Final = 1 << 20  # bytes read at a time of either side
_SHOWN_BYTES: Final = 32  # bytes of a str or bin that are shown
_BYTE: Final = np.dtype(np.uint8)


class Pair(NamedTuple):
    """What is at one key path in A and in B; None where nothing is.

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
    """The containers of A and B, TREE for a tree, and all pairs: in the order of B (TREE-5), then those only in A."""

    kinds: tuple[str, str]
    pairs: list[Pair]

    def count(self, change: str) -> int:
        return sum(pair.change == change for pair in self.pairs)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(change)} {change}" for change in ("equal", "changed", "added", "removed"))
        return f"<Comparison of {counted(len(self.pairs), 'leaf')}: {counts}>"


def compare(
    a: Any,
    b: Any,
    *,
    include: Patterns = None,
    exclude: Patterns = None,
    names: str = SPLIT,
    progress: Shown = False,
) -> Comparison:
    """Compare two checkpoints: `[PREFIX::]PATH` of any container, or trees of numpy or jax arrays.

    Leaves are equal where key path, kind, dtype, shape and every byte of the payload are; the order of the leaves and
    the way in which a payload is chunked do not count. A tree is taken as `reference.save` takes it. Holds the headers
    of both, and one piece of one leaf of each, in memory. `include`, `exclude` and `names` are those of `load`.
    `progress` is True for a bar on a terminal, or a callable (see `reference.storage.progress.shown`). Raises
    FormatError, OSError, and UsageError for a prefix that does not exist and for patterns that match no leaf.
    """
    is_chosen = chooser(include, exclude)
    with open_side(a, is_chosen, names) as left, open_side(b, is_chosen, names) as right:
        old = {item.path: item for item in left.items if is_chosen(item.path)}
        new = {item.path: item for item in right.items if is_chosen(item.path)}
        if (include is not None or exclude is not None) and not old and not new:
            some = ", ".join(map(display, right.first))
            raise UsageError(f"the patterns select no leaf of either side; the first leaves of the second are: {some}")
        total = sum(item.leaf.nbytes + old[path].leaf.nbytes for path, item in new.items() if path in old)
        with shown(progress)("compare", total) as moved:
            both = _Both(moved)
            left.expect()
            right.expect()
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
        elif a.shape == b.shape and (a.dtype.name in PARTS) == (b.dtype.name in PARTS):
            numbers = no_numbers(a.dtype, b.dtype)
            widths = a.dtype.itemsize, b.dtype.itemsize
            for x, y in self._pieces(old, new, widths, a.nbytes // widths[0]):
                is_equal = measure(numbers, x.view(a.dtype), y.view(b.dtype)) and is_equal
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
            yield self._buffers[0].fill(a, sizes[0], _BYTE), self._buffers[1].fill(b, sizes[1], _BYTE)
            self._moved(sum(sizes))

    def _first_difference(self, old: Item, new: Item) -> int:
        """The first byte at which two payloads differ, or where the shorter one ends."""
        at = 0
        for x, y in self._pieces(old, new, (1, 1), min(old.leaf.nbytes, new.leaf.nbytes)):
            if not same_bytes(x, y):
                return at + int(np.argmax(x != y))
            at += len(x)
        return at


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
    start = max(0, first - _SHOWN_BYTES // 2)
    payload, buffer = _payload(item), Buffer()
    for left in range(start, 0, -_PIECE):  # payloads are taken from the front
        buffer.fill(payload, min(left, _PIECE), _BYTE)
    raw = buffer.fill(payload, min(_SHOWN_BYTES, leaf.nbytes - start), _BYTE).tobytes()
    text = raw.decode(errors="ignore") if leaf.kind == "str" else raw  # a character may be cut at either end
    return f"{'...' if start else ''}{text!r}{'...' if start + len(raw) < leaf.nbytes else ''}"
