"""Named tuples as flax stored them until 2022, as {name, fields, values}: read as flax does, by their fields."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ..format.records import Record, value_of
from ..format.wire import Source

_PARTS: Final = ("name", "fields", "values")


def with_fields(source: Source, records: Sequence[Record], targets: Collection[tuple[str, ...]]) -> Sequence[Record]:
    """The records with each old named tuple as the map of its fields, where the target has no such parts itself.

    Raises FormatError, OSError.
    """
    if not any(record.kind == "str" and record.path[-1] == "name" for record in records):
        return records
    known = {target[:n] for target in targets for n in range(len(target) + 1)}
    depth = 0
    while True:
        node = _next(records, depth, known)
        if node is None:
            return records
        records, depth = _migrated(source, records, node), len(node)


def _next(records: Sequence[Record], depth: int, known: Collection[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The first of the outermost old named tuples that lie at least so deep."""
    children: dict[tuple[str, ...], set[str]] = {}
    for record in records:
        for n in range(depth, len(record.path)):
            children.setdefault(record.path[:n], set()).add(record.path[n])
    empty = {record.path for record in records if record.kind == "empty"}
    nodes = [
        node
        for node, parts in children.items()
        # One without fields, such as optax's EmptyState, is nothing in a target, which then does not know the node.
        if parts == set(_PARTS) and (node in known or {(*node, "fields"), (*node, "values")} <= empty)
        if not any((*node, part) in known for part in _PARTS)
    ]
    return min(nodes, key=len, default=None)


def _migrated(source: Source, records: Sequence[Record], node: tuple[str, ...]) -> list[Record]:
    n = len(node)
    fields = {
        record.path[n + 1]: value_of(source, record)
        for record in records
        if record.path[: n + 1] == (*node, "fields") and len(record.path) == n + 2 and record.kind == "str"
    }
    found: list[Record] = []
    for record in records:
        if record.path[:n] != node:
            found.append(record)
        elif record.path[n] == "values" and len(record.path) > n + 1 and record.path[n + 1] in fields:
            found.append(record._replace(path=(*node, fields[record.path[n + 1]], *record.path[n + 2 :])))
    return found
