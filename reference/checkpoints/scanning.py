"""The records of a checkpoint, and its leaves one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..format.later_leaves import LaterLeaf
from ..format.records import Record
from ..storage.local_files import Path_
from .checkpoint import open
from .key_arguments import KeyPathLike


def scan(path: Path_) -> list[Record]:
    """The records of a checkpoint: key path, kind, dtype, shape, bytes and offsets. Payloads are not read."""
    with open(path) as checkpoint:
        return [
            record._replace(leaf=record.leaf.read()) if isinstance(record.leaf, LaterLeaf) else record
            for record in checkpoint.records
        ]


def records(path: Path_, prefix: KeyPathLike | None = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over key paths and leaves, one leaf in memory at a time.

    The headers of the whole file are checked before the first leaf is given. Raises FormatError and OSError; the latter
    also in place of the last leaf, if the file was written to in the meantime.
    """
    with open(path, prefix) as checkpoint:
        leaves = checkpoint.leaves()
        for _ in range(len(checkpoint) - 1):
            yield next(leaves)  # and nothing here holds it when the next one is read
        last = next(leaves)
        checkpoint.source.refuse_changes()  # now: who counts the leaves does not come back for more after the last
        yield last
