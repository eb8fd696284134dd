"""How much of each dtype and kind the leaves of a checkpoint are."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..format.records import Record


def totals(records: Iterable[Record]) -> dict[str, dict[str, int]]:
    """Leaves, elements and payload bytes per dtype; leaves that are not arrays are counted by kind."""
    found: dict[str, dict[str, int]] = {}
    for record in records:
        entry = found.setdefault(str(record.dtype or record.kind), {"leaves": 0, "elements": 0, "bytes": 0})
        entry["leaves"] += 1
        entry["elements"] += math.prod(record.shape)
        entry["bytes"] += record.nbytes
    return dict(sorted(found.items(), key=lambda item: -item[1]["bytes"]))
