"""Sizes at which faults live: the edges of headers and of buffers, and offsets modulo 16."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class Size(NamedTuple):
    """A number of bytes, elements or places."""

    n: int
    what: str

    @property
    def name(self) -> str:
        return str(self.n)

    @property
    def about(self) -> str:
        return f"{self.n:,} {self.what}"


def sizes(what: str, numbers: Iterable[int]) -> tuple[Size, ...]:
    return tuple(Size(n, what) for n in numbers)


# Both sides of what one, two and four bytes of a length hold, of the lengths in a first byte, and of common buffers.
HEADERS: Final = (0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 255, 256, 4095, 4096, 32_767, 32_768, 65_535, 65_536)
BUFFERS: Final = tuple(1 << k for k in range(10, 23))  # 1 KiB to 4 MiB
# Each offset modulo 16 once, near the beginning; and both sides of the ends of common words and buffers.
OFFSETS: Final = (*range(17), 31, 32, 63, 64, 127, 254, 255, 256, 1023, 4094, 4095, 4096, 32_767, 65_000)
