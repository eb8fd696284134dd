"""Invariant: a plain stream with its seal in a file beside it keeps every promise that a sealed stream keeps."""

from __future__ import annotations

from fuzz.targets import sealed_agreement, sealed_bytes, sealed_faults, sealed_ways

KIND = "detached"  # the two files, one behind the other
WEIGHT = 2.0


def check(data: bytes) -> None:
    for target in (sealed_bytes, sealed_agreement, sealed_faults, sealed_ways):
        target.check(data)
