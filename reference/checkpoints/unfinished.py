"""Good files that end in zeros which begin inside a leaf: a download that took its room first, and broke off, does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..containers.orbax_folder import ORBAX
from ..containers.zeros import zeros_from
from ..format.records import Record
from ..storage.joined_files import JoinedFiles
from .checkpoint import Checkpoint

_FEWEST: Final = 1 << 12  # zeros that are worth a note: a page of a file; leaves end in some by right


def zeros_inside(checkpoint: Checkpoint) -> Iterator[tuple[Record, int]]:
    """The leaves in which the zeros begin that a file, or a shard, ends in; each with the offset of these in its file.

    There are none where each byte has been compared with a checksum. Raises OSError.
    """
    source = checkpoint.source
    if checkpoint.contents.checked is not None or checkpoint.kind == ORBAX:
        return
    files = zip(source.files, source.starts, strict=True) if isinstance(source, JoinedFiles) else [(source, 0)]
    for file, first in files:
        start = zeros_from(file)
        if start is None or file.size - start < _FEWEST:
            continue
        yield from ((record, start) for record in checkpoint.records if _is_inside(record, first + start))


def _is_inside(record: Record, start: int) -> bool:
    """Whether zeros that begin at an offset take whole elements of a leaf, but not all of it."""
    element = record.dtype.itemsize if record.dtype is not None else 1  # a small integer ends in zeros of its own
    return any(at < start <= at + n - element for at, n in record.extents())
