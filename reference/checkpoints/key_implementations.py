"""The implementations of typed PRNG keys, whose data alone are leaves (spec 2.0, META-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..format.keypaths import display
from ..format.metadata import PRNG_KEYS, Metadata
from ..format.records import Record


def implementations(
    metadata: Metadata, records: Sequence[Record], chosen: Sequence[Record]
) -> dict[tuple[str, ...], str]:
    """The names by the key paths of the `chosen` of `records`, which may have lost a prefix."""
    said = metadata.get(PRNG_KEYS)
    if not isinstance(said, Mapping):
        return {}
    names = {record.offset: said.get(display(record.path)) for record in records}
    return {record.path: name for record in chosen if type(name := names.get(record.offset)) is str}
