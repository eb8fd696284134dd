"""What is left of a damaged sealed stream: by its index where that is good, and else record by record."""

from __future__ import annotations

from ..format.errors import FormatError
from ..format.records import Record
from ..format.seals import Seal, read_seal
from ..format.wire import Source
from .container import Loss
from .sealed_records import SealedRecords
from .zeros import zeros_from


def read_by_index(source: Source) -> tuple[list[Record], list[Loss], Seal] | None:
    """The leaves of a sealed stream that are whole by their checksums, what is lost, and the seal; None where that is
    not whole."""
    try:
        seal, end = _seal_and_end(source)
    except FormatError:
        return None
    return read_by_seal(source, seal, end)


def read_by_seal(source: Source, seal: Seal, end: int) -> tuple[list[Record], list[Loss], Seal]:
    """The same by a seal that ends at an offset, or is in a file of its own."""
    found = SealedRecords(source, seal, seal.is_detached)
    records: list[Record] = []
    losses: list[Loss] = []
    columns = seal.index.columns
    for leaf in range(len(columns.paths)):
        try:
            records.append(found.whole(leaf))
        except FormatError as error:
            start, stop = (found.starts[columns.first[i]] for i in (leaf, leaf + 1))
            losses.append(Loss(start, stop, error))
    if end < source.size:
        what = "zeros follow the seal, which is whole; they are not a part of the stream"
        losses.append(Loss(end, source.size, FormatError("SEAL-5", end, None, what)))
    return records, losses, seal


def _seal_and_end(source: Source) -> tuple[Seal, int]:
    """The seal and where it ends: with the file, or where zeros begin that a download took room for. Raises
    FormatError."""
    try:
        return read_seal(source), source.size
    except FormatError:
        end = zeros_from(source)
        if end is None:
            raise
        return read_seal(source, end), end
