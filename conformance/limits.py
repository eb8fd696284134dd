"""What a program may take for a case: time, memory, and bytes that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

MIB: Final = 1 << 20
PRINTED: Final = 64 * MIB  # bytes that a program may print, unless more are expected of it
_MARGIN: Final = 256 * MIB
_RESERVED: Final = 1024 * MIB  # of address space, above what the smallest file takes
_RATE: Final = 20e6  # bytes of input or output for which there is one second more


class Limits(NamedTuple):
    """What a run may take: seconds of processor time, and of waiting; bytes of resident memory, of address space, on
    standard output, and in the files that it makes in a folder."""

    seconds: float
    memory: int
    address_space: int | None = None
    printed: int = 1 << 62
    folder: Path | None = None
    filed: int = 1 << 62


class Baseline(NamedTuple):
    """What the smallest run takes: bytes of memory, and of address space where that can be limited."""

    memory: int
    address_space: int | None

    def limits(self, size: int, largest: int, is_large: bool, timeout: float) -> Limits:
        """For a case whose input or output has `size` bytes and whose largest leaf has `largest`."""
        held = 5 * largest if largest > 16 * MIB else 0
        space = None if is_large or self.address_space is None else self.address_space + _RESERVED + held
        return Limits((10 + max(size, largest) / _RATE) * timeout, self.memory + _MARGIN + held, space)
