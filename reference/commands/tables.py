"""What commands print of leaves: sizes, losses, columns that are aligned, and the fields that JSON has of a leaf."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any, Final

from ..containers.load_prefixes import shown_name
from ..devices.targets import root_of
from ..format.errors import counted
from ..format.keypaths import display, printable
from ..format.leaves import Leaf, size_text
from ..format.manifests import Entry
from ..format.records import Record

_KEYS: Final = 8  # of metadata, which a note names


def named(spec: str) -> str:
    """The file of `[PREFIX::]PATH` for a terminal, which it cannot steer."""
    return printable(shown_name(spec))


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


size: Final = size_text  # of leaves, files, arrays


# CONV-4: "A program that casts SHOULD say how many finite values became infinite."
def losses(infinite: int, zero: int) -> str:
    """What a cast has cost."""
    zeros = f", and {counted(zero, 'nonzero value')} became zero" if zero else ""
    return f"{counted(infinite, 'finite value')} became infinite{zeros}"


def note_left_out(what: str, keys: Sequence[str], advice: str) -> None:
    """Name the metadata for which an output has no place."""
    if keys:
        more = f" and {len(keys) - _KEYS} more" if len(keys) > _KEYS else ""
        print(f"note: {what} for the metadata {printable(', '.join(keys[:_KEYS]))}{more}; {advice}", file=sys.stderr)


def note_worst(worst: tuple[str, ...] | None) -> None:
    """Name the leaf that a cast has cost the most values."""
    if worst is not None:
        print(f"note: {display(worst)} has lost the most values to the cast", file=sys.stderr)


def note_of_a_root(a: str, b: str, removed: Sequence[tuple[str, ...]], added: Sequence[tuple[str, ...]]) -> None:
    """Say so where one side has below a key path what the other has at its root: `removed` are the key paths that `a`
    alone has, and `added` those that `b` has."""
    for one, other, root in ((b, a, root_of(added, removed)), (a, b, root_of(removed, added))):
        if root:
            prefix = shlex.quote(f"--prefix={display(root)}")
            text = f"{other} has below {display(root)} what {one} has at its root"
            print(f"note: {text}; `convert {prefix}` takes that part of {other}", file=sys.stderr)
