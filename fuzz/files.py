"""Trees and records as the bytes of files, in memory, through the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from reference.checkpoints.leaf_items import item_of
from reference.containers.container import Contents
from reference.containers.registry import CONTAINERS
from reference.format.errors import FormatError
from reference.format.later_leaves import as_read
from reference.format.leaves import read_value
from reference.format.payloads import BytesSink, write_steps
from reference.format.records import Item, Record, item_in
from reference.format.trees import depth_first, flatten
from reference.format.wire import BytesSource, Source


def file_of(items: Sequence[Item], kind: str) -> bytes:
    """The file of these leaves. Raises FormatError where the kind cannot hold them."""
    sink = BytesSink()
    write_steps(sink, CONTAINERS[kind].steps(items))
    return bytes(sink.data)


def file_of_tree(tree: Any, kind: str, keep_empty_nodes: bool = False) -> bytes:
    """The file of a nested dict. Raises FormatError."""
    return file_of([item_of(path, leaf) for path, leaf in flatten(tree, keep_empty_nodes)], kind)


def contents_of(data: bytes, kind: str) -> Contents | None:
    """What the headers of a file say, None where it is refused."""
    try:
        return CONTAINERS[kind].read(BytesSource(data))
    except FormatError:
        return None


def records_of(data: bytes, kind: str) -> list[Record] | None:
    """The records of a file, all that is not payload read, None where it or a tree of all its leaves is refused."""
    contents = contents_of(data, kind)
    if contents is None or contents.unheld or contents.clash:  # CONV-7, CONV-8
        return None
    try:
        return [record._replace(leaf=as_read(record.leaf)) for record in contents.records]
    except FormatError:  # of a sealed stream some leaves are read when they are asked for
        return None


def items_of(data: bytes, records: Iterable[Record]) -> list[Item]:
    """The leaves of a file, ready to be written to another, depth first."""
    source = BytesSource(data)
    return [item_in(source, record) for record in depth_first(list(records))]


def leaves_of(
    data: bytes | Source, records: Iterable[Record], as_they_stand: bool = False
) -> dict[tuple[str, ...], Any]:
    """Key paths with their values: bits without a meaning cleared, or `as_they_stand` (DTYPE-4, DTYPE-5)."""
    source = BytesSource(data) if isinstance(data, bytes) else data
    read = (
        _as_it_stands if as_they_stand else lambda source, record: read_value(source, record.leaf_offset, record.leaf)
    )
    return {record.path: read(source, record) for record in records}


def _value(source: Source, record: Record) -> Any:
    return read_value(source, record.leaf_offset, record.leaf)


def _as_it_stands(source: Source, record: Record) -> Any:
    value = _value(source, record)
    if record.dtype is None or not record.nbytes:
        return value
    raw = b"".join(source.read_at(at, n) for at, n in record.extents())
    array = np.frombuffer(raw, record.dtype).reshape(record.shape)
    return array if record.kind == "ndarray" else array[()]


def payloads_of(data: bytes, records: Iterable[Record]) -> dict[tuple[str, ...], tuple[Any, ...]]:
    """Key paths with what stands in the file for them: kind, dtype, shape, the bytes of the payload, or the value."""
    source = BytesSource(data)
    found: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for record in records:
        raw = b"".join(source.read_at(at, n) for at, n in record.extents())
        small = None if record.extents() else repr(read_value(source, record.leaf_offset, record.leaf))
        found[record.path] = (record.kind, str(record.dtype), record.shape, raw, small if not record.nbytes else None)
    return found
