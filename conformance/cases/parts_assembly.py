"""Arrays in parts (PART-2), of gigabytes. No case stands here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from ..assembly import Bytes
from .delta_assembly import Leaf
from .sealed_leaves import Form, Item, Piece, padded

GIB = 1 << 30
MOST = (1 << 31) - (1 << 17)  # bytes of a payload that is not written in parts


def part(path: Sequence[str], i: int, n: int) -> tuple[str, ...]:
    """PART-3."""
    return (*path, f"__part_{i}_of_{n}__")


def boxes(shape: Sequence[int], width: int) -> Iterator[tuple[int, ...]]:
    """PART-2: the shapes of the parts of an array."""
    cut = next(a for a in range(len(shape)) if math.prod(shape[a + 1 :]) * width <= GIB)
    rows = GIB // (math.prod(shape[cut + 1 :]) * width)
    for _ in range(math.prod(shape[:cut])):
        for first in range(0, shape[cut], rows):
            yield (*(1,) * cut, min(rows, shape[cut] - first), *shape[cut + 1 :])


def in_parts(
    path: Sequence[str],
    tag: str,
    width: int,
    shape: Sequence[int],
    payload: Bytes,
    read: dict[str, Any],
    alignment: int = 64,
) -> Item:
    """An array as a writer writes it that is larger than MOST; `read` has the digest of its payload."""
    shapes = [*boxes(shape, width)]
    pieces, at = [], 0
    for i, one in enumerate(shapes):
        size = math.prod(one) * width
        pieces.append(Piece(part(path, i, len(shapes)), of_part(tag, one, payload.piece(at, size), alignment)))
        at += size
    return Item(Leaf(tuple(path), "ndarray", Bytes(), payload, tag, tuple(shape)), read, tuple(pieces))


def of_part(tag: str, shape: Sequence[int], payload: Bytes, alignment: int = 64) -> Form:
    return padded(tag, shape, payload, alignment)
