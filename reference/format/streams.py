"""Spec chapter 06: a whole stream. Its end, its order, and that each key path stands in it once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from .errors import DAMAGED, FormatError
from .keypaths import KeyPath, brief, sort_key
from .payloads import Step
from .records import MAX_OLD_BLOB, Item, Record, read_records, record_steps
from .wire import Source


def read_stream(source: Source) -> list[Record]:
    """The records of a stream, checked against every clause; array payloads are not read.

    Raises FormatError. STREAM-2, the end, is held by the cursor: it refuses a record that the input cuts off.
    """
    # STREAM-3: "A stream has at least one record."
    if source.size == 0:
        raise FormatError("STREAM-3", 0, None, "the input is empty", "a save or a copy of it has failed; get it again")
    try:
        records, keys = read_records(source)
    except FormatError as error:
        if error.offset and error.advice is None:  # it began as a stream does
            error.advice = DAMAGED
        raise
    _refuse_clash(records, keys)
    return records


def check_records(records: Sequence[Record]) -> None:
    """Refuse records of which two clash. Raises STREAM-4, STREAM-5."""
    _refuse_clash(records, [sort_key(record.path) for record in records])


def _refuse_clash(records: Sequence[Record], keys: Sequence[str]) -> None:
    clash = find_clash(keys)
    if clash:
        # Both faults are reported at the record that comes second in the file.
        first, second = sorted(clash)
        raise clash_error(records[first].path, records[second].path, records[second].offset)


# STREAM-4: "No key path stands in a stream twice."
# STREAM-5: "No key path is the beginning of another."
def find_clash(keys: Sequence[str]) -> tuple[int, int] | None:
    """The indices of two key paths of which one equals or begins the other, the first such in the file, or None.

    In sorted order a path's extensions follow it at once, so neighbours are all there is to compare.
    """
    ordered = sorted(keys)
    if not any(map(str.startswith, ordered[1:], ordered)):
        return None
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return min(((a, b) for a, b in pairwise(order) if keys[b].startswith(keys[a])), key=max)


def clash_error(first: tuple[str, ...], second: tuple[str, ...], offset: int | None) -> FormatError:
    if first == second:
        return FormatError("STREAM-4", offset, KeyPath(second), "this key path occurs twice in the tree")
    leaf, below = sorted((first, second), key=len)
    detail = f"{brief(leaf)} is a leaf, and {brief(below)} is under it"
    return FormatError("STREAM-5", offset, KeyPath(second), detail)


def check_paths(paths: Sequence[tuple[str, ...]]) -> None:
    """Refuse key paths that cannot stand in one tree. Raises STREAM-3, STREAM-4, STREAM-5.

    The paths of a flax file share their beginnings, so they are walked here and never joined.
    """
    if not paths:
        detail = "the tree has no leaves to write, like the state of an optimizer that keeps none"
        raise FormatError("STREAM-3", None, None, detail, "save it in one tree with the weights")
    root: dict[str, Any] = {}
    for path in paths:
        if not path:
            raise FormatError("KEY-1", None, None, "a leaf at the root of the tree has no key path")
        if (other := _grow(root, path)) is not None:
            raise clash_error(other, path, None)


def _grow(root: dict[str, Any], path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Put a key path into a tree of those before it; one with which it clashes is returned, and it is left out."""
    node = root
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if isinstance(node, tuple):
            return node
    below = node.get(path[-1])
    if below is None:
        node[path[-1]] = path
        return None
    return below if isinstance(below, tuple) else _first_leaf(below)


def find_clashes(records: Iterable[Record]) -> dict[int, FormatError]:
    """The records whose key path clashes with one before, by their offsets, and what is wrong with each."""
    root: dict[str, Any] = {}
    others = ((record, _grow(root, record.path)) for record in records)
    return {
        record.offset: clash_error(other, record.path, record.offset) for record, other in others if other is not None
    }


def _first_leaf(node: dict[str, Any] | tuple[str, ...]) -> tuple[str, ...]:
    while isinstance(node, dict):
        node = next(iter(node.values()))
    return node


def stream_steps(items: Iterable[Item], of_tree: bool = False) -> list[Step]:
    """The stream of these leaves in the order given, refused before anything is written where it cannot be (CONF-7).

    `of_tree` where their key paths come from `trees.flatten`: those cannot clash. Raises KEY, LEAF, REC and STREAM
    clauses.
    """
    if not of_tree:
        items = list(items)
        check_paths([item.path for item in items])
    steps = record_steps(items)
    if not steps:
        check_paths([])
    return steps


def too_big_for_old_loaders(paths: Iterable[tuple[str, ...]], sizes: Iterable[int]) -> list[tuple[str, ...]]:
    """Key paths of the records, of these sizes in bytes, that loaders built on msgpack-python cannot read (REC-4)."""
    return [path for path, size in zip(paths, sizes, strict=True) if size > MAX_OLD_BLOB]
