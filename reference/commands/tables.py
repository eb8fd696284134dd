"""What commands print of leaves: columns that are aligned, and the fields that JSON has of a leaf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..format.leaves import Leaf
from ..format.manifests import Entry
from ..format.records import Record


def aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """A line for each row, its cells as wide as their columns; `sides` has a `<` or `>` for each column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)) for row in rows
    ]


def leaf_json(leaf: Leaf | Record | Entry) -> dict[str, Any]:
    """Kind, dtype, shape and payload bytes of a leaf; dtype and shape are null where it is not an array."""
    dtype, shape = (str(leaf.dtype), list(leaf.shape)) if leaf.dtype else (None, None)
    return {"kind": leaf.kind, "dtype": dtype, "shape": shape, "bytes": leaf.nbytes}
