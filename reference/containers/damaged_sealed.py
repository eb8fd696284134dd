"""What is left of a damaged sealed stream: by its index where that is good, and else record by record."""

from __future__ import annotations

from ..format.errors import FormatError
from ..format.records import Record
from ..format.seals import Seal, read_seal
from ..format.wire import Source
from .container import Loss
from .sealed_records import SealedRecords


def read_by_index(source: Source) -> tuple[list[Record], list[Loss], Seal] | None:
    """The leaves of a sealed stream that are whole by their checksums, what is lost, and the seal; None where that is
    not whole."""
    try:
        seal = read_seal(source)
    except FormatError:
        return None
    found = SealedRecords(source, seal, detached=False)
    records: list[Record] = []
    losses: list[Loss] = []
    columns = seal.index.columns
    for leaf in range(len(columns.paths)):
        try:
            records.append(found.whole(leaf))
        except FormatError as error:
            start, stop = (found.starts[columns.first[i]] for i in (leaf, leaf + 1))
            losses.append(Loss(start, stop, error))
    return records, losses, seal
