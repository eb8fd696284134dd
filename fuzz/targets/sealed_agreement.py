"""Invariant: whatever the bytes, an old loader reads a sealed stream that is accepted, as the same tree, parts joined.

The old loader is the loop of msgpack and flax. It takes nearly everything that a seal refuses, which is what seals are
for.
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
        stream, seal = split(data)
        try:
            leaves = all_of(stream, seal)
        except FormatError:
            return
        check_old_loader(stream, leaves, SMALL)
