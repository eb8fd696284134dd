"""The SHA-256 of bytes that are given in pieces, each with how often it is repeated, and are never held as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

_AT_ONCE: Final = 1 << 20  # bytes, about


def sha256(pieces: Iterable[tuple[bytes, int]]) -> str:
    """In hexadecimal digits. A second is enough for some 2 GB."""
    digest = hashlib.sha256()
    for data, times in pieces:
        step = min(times, max(1, _AT_ONCE // max(len(data), 1)))
        block = data * step
        for done in range(0, times, step or 1):
            digest.update(block[: len(data) * (times - done)])
    return digest.hexdigest()
