"""Invariant: whatever the bytes, an old loader reads a sealed stream that is accepted, as the same tree, parts joined.

The old loader is the loop of msgpack and flax. It takes nearly everything that a seal refuses, which is what seals are
for. A plain stream with its detached seal is held to the same.
"""

from __future__ import annotations

from fuzz.scales import SMALL, at_scale
from fuzz.sealed_reading import all_of, check_old_loader, split
from reference.format.errors import FormatError

KIND = "sealed"
WEIGHT = 2.5
MEMORY = 6 << 30  # of the loop, which believes counts


def check(data: bytes) -> None:
    with at_scale(SMALL):
        try:
            leaves = all_of(data)
        except FormatError:
            return
        check_old_loader(split(data)[0], leaves, SMALL)
