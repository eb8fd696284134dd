"""What a caller wants a checkpoint to become: each target leaf compared with the record that is to fill it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ..format.casts import can_convert
from ..format.keypaths import display
from ..format.leaves import Leaf, leaf_text
from ..format.records import Record

_SHOWN: Final = 8  # lines of each part of a report
# The Python types of target leaves, and the kinds and numpy kinds of the leaves that fill them.
_FILLED_BY: Final[dict[type, tuple[str, str]]] = {
    bool: ("bool", "b"),
    int: ("int", "iu"),
    float: ("float int", "f"),
    complex: ("complex float int", "cf"),
    str: ("str", ""),
    bytes: ("bin", ""),
    bytearray: ("bin", ""),
    type(None): ("nil", ""),
}


class TargetMismatch(ValueError):
    """A checkpoint that does not fit the tree it is loaded into; all differences in one report.

    `missing` are key paths that only the target has, and `unexpected` those that only the checkpoint has. `shapes`
    and `dtypes` are (key path, what the target wants, what the checkpoint holds).
    """

    def __init__(
        self,
        missing: list[tuple[str, ...]],
        unexpected: list[tuple[str, ...]],
        shapes: list[tuple[tuple[str, ...], str, str]],
        dtypes: list[tuple[tuple[str, ...], str, str]],
    ) -> None:
        super().__init__(missing, unexpected, shapes, dtypes)
        self.missing, self.unexpected, self.shapes, self.dtypes = missing, unexpected, shapes, dtypes
        self.file: str | None = None

    def __str__(self) -> str:
        parts = [
            ("missing from the checkpoint", [display(path) for path in self.missing]),
            ("only in the checkpoint", [display(path) for path in self.unexpected]),
            ("of another shape", [_difference(*entry) for entry in self.shapes]),
            ("of another dtype", [_difference(*entry) for entry in self.dtypes]),
        ]
        lines = [f"{self.file or 'the checkpoint'} does not fit the target:"]
        for title, entries in parts:
            if entries:
                lines.append(f"  {len(entries)} {title}:")
                lines += [f"    {entry}" for entry in entries[:_SHOWN]]
                if len(entries) > _SHOWN:
                    lines.append(f"    ... and {len(entries) - _SHOWN} more")
        if root := root_of(self.missing, self.unexpected):
            lines.append(f"  all that is missing is below {display(root)}: give load that prefix, {display(root)!r}")
        elif root := root_of(self.unexpected, self.missing):
            text = f"the target has below {display(root)} what the checkpoint has at its root"
            lines.append(f"  {text}: give like= that part alone")
        elif self.unexpected and not self.shapes:
            lines.append("  include= and exclude= of load choose the leaves to load")
        return "\n".join(lines)


def root_of(paths: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The key path below which others are these very paths; None where there is none, or these are none."""
    if not paths or not others:
        return None
    roots = {path[:i] for path in others for i in range(1, len(path)) if path[i:] == paths[0]}
    below = set(paths)
    for root in sorted(roots, key=len):
        if {path[len(root) :] for path in others if path[: len(root)] == root} == below:
            return root
    return None


def _difference(path: tuple[str, ...], wanted: str, found: str) -> str:
    return f"{display(path)}: {wanted} is wanted, the checkpoint holds {found}"


class Filling(NamedTuple):
    """A record and the target leaf that it fills."""

    record: Record
    target: Any


def match(
    targets: Mapping[tuple[str, ...], Any],
    records: Iterable[Record],
    chosen: Callable[[tuple[str, ...]], bool] = lambda path: True,
    any_dtype: bool = False,
) -> list[Filling]:
    """Pair the records of a checkpoint with target leaves by key path, in their order. Raises TargetMismatch.

    `chosen` says which key paths are to be filled; the others may be missing. Empty nodes and
    None in the checkpoint need no target. With `any_dtype` only shapes are compared.
    """
    fillings: list[Filling] = []
    unexpected: list[tuple[str, ...]] = []
    shapes: list[tuple[tuple[str, ...], str, str]] = []
    dtypes: list[tuple[tuple[str, ...], str, str]] = []
    left = {path: None for path in targets if chosen(path)}
    for record in records:
        path = record.path
        if path not in left:
            if record.kind not in ("empty", "nil"):  # None is a node without leaves to jax
                unexpected.append(path)
            continue
        del left[path]
        target = targets[path]
        if (fault := _fault(record.leaf, target)) and (fault == "shape" or not any_dtype):
            (shapes if fault == "shape" else dtypes).append((path, _wanted(target), leaf_text(record.leaf)))
        fillings.append(Filling(record, target))
    missing = [path for path in left if targets[path] is not None]
    if missing or unexpected or shapes or dtypes:
        raise TargetMismatch(missing, unexpected, shapes, dtypes)
    return fillings


def is_array(target: Any) -> bool:
    """Whether a target leaf is an array or stands for one, rather than a Python value."""
    return hasattr(target, "shape") and hasattr(target, "dtype")


def _fault(leaf: Leaf, target: Any) -> str | None:
    if is_array(target):
        if not isinstance(target.dtype, np.dtype):  # a typed PRNG key
            return "dtype"
        if leaf.dtype is None and leaf.kind not in _PYTHON:
            return "dtype"
        if tuple(target.shape) != leaf.shape:
            return "shape"
        dtype = leaf.dtype if leaf.dtype is not None else _PYTHON.get(leaf.kind)
        fits = dtype is not None and can_convert(dtype, target.dtype)
        return None if fits else "dtype"
    kinds, numpy_kinds = _FILLED_BY.get(type(target), ("", ""))
    if leaf.dtype is not None and leaf.shape == () and leaf.dtype.kind in numpy_kinds:
        return None
    if leaf.dtype is not None and leaf.shape != ():
        return "shape"
    return None if leaf.kind in kinds.split() else "dtype"


# What a Python number in a checkpoint counts as where an array of shape () is to take it.
_PYTHON: Final = {"int": np.dtype(np.int64), "float": np.dtype(np.float64), "bool": np.dtype(np.bool_)}


def _wanted(target: Any) -> str:
    if is_array(target):
        text = f"{target.dtype}[{','.join(map(str, target.shape))}]"
        return text if not text.startswith("key<") else f"the typed PRNG key {text} (take its jax.random.key_data)"
    return f"Python's {type(target).__name__}" if target is not None else "None"
