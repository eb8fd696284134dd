"""Invariant: a sealed stream with a bit flipped anywhere, or cut off anywhere, or with more behind it, is refused."""

from __future__ import annotations

import random
import zlib
from typing import Final

from fuzz.findings import Broken
from fuzz.scales import SMALL, at_scale
from fuzz.sealed_reading import all_of, split
from reference.format.errors import FormatError

KIND = "sealed"
_ALL: Final = 400  # bytes up to which every place is tried
_SOME: Final = 60  # places that are tried in a longer file


def check(data: bytes) -> None:
    with at_scale(SMALL):
        if not _is_accepted(data) or (split(data)[1] is None and not data.startswith(b"\xdd")):
            return
        rng = random.Random(zlib.crc32(data))
        for at in range(len(data)) if len(data) <= _ALL else rng.sample(range(len(data)), _SOME):
            flipped = bytearray(data)
            flipped[at] ^= rng.choice((0xFF, *(1 << bit for bit in range(8))))
            _check_refused(bytes(flipped), f"with byte {at} flipped to {flipped[at]:02x}")
            if split(data)[1] is None:
                _check_refused(data[:at], f"cut off after {at} bytes")
        _check_refused(data + rng.choice((b"\n", b"\0", data, data[-40:])), "with more behind it")


def _is_accepted(data: bytes) -> bool:
    try:
        all_of(data)
    except FormatError:
        return False
    return True


def _check_refused(data: bytes, how: str) -> None:
    if _is_accepted(data):
        raise Broken(f"a sealed stream {how} is accepted")
