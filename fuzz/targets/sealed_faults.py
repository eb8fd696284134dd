"""Invariant: a sealed stream with a bit flipped anywhere, or cut off anywhere, or with more behind it, is refused."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Final

from fuzz.findings import Broken
from fuzz.peers.sealer import FOOTER, MARK
from fuzz.scales import SMALL, at_scale
from fuzz.sealed_reading import all_of, split
from reference.format.errors import FormatError

KIND = "sealed"
_ALL: Final = 400  # bytes up to which every place is tried
_SOME: Final = 60  # places that are tried in a longer file


def check(data: bytes) -> None:
    stream, seal = split(data)
    if seal is None and not stream.startswith(MARK):
        return
    with at_scale(SMALL):
        if not _is_accepted(stream, seal):
            return
        _check_faults(stream, lambda changed: _is_accepted(changed, seal), "a sealed stream")
        if seal is not None:
            _check_faults(seal, lambda changed: _is_accepted(stream, changed), "a detached seal")


def _check_faults(data: bytes, is_accepted: Callable[[bytes], bool], what: str) -> None:
    rng = random.Random(zlib.crc32(data))
    for at in range(len(data)) if len(data) <= _ALL else rng.sample(range(len(data)), _SOME):
        flipped = bytearray(data)
        flipped[at] ^= rng.choice((0xFF, *(1 << bit for bit in range(8))))
        if is_accepted(bytes(flipped)):
            raise Broken(f"{what} with byte {at} flipped to {flipped[at]:02x} is accepted")
        if is_accepted(data[:at]):
            raise Broken(f"{what} that is cut off after {at} bytes is accepted")
    if is_accepted(data + rng.choice((b"\n", b"\0", data, data[-FOOTER:]))):
        raise Broken(f"{what} with more behind it is accepted")


def _is_accepted(stream: bytes, seal: bytes | None) -> bool:
    try:
        all_of(stream, seal)
    except FormatError:
        return False
    return True
