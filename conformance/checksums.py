"""CRC-32C (SUM-1) of bytes that are given in pieces, each with how often it is repeated, and are never held as a
whole: that of a whole follows from those of its pieces (SUM-4)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_POLYNOMIAL: Final = 0x82F63B78  # Castagnoli's, reflected
_ALL: Final = 0xFFFFFFFF
_SHORT: Final = 200  # bytes, of which a checksum takes no longer than to combine two


def table(polynomial: int) -> tuple[int, ...]:
    """What each byte does to a reflected CRC of 32 bits."""
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


_TABLE: Final = table(_POLYNOMIAL)


def crc(data: bytes, entries: tuple[int, ...] = _TABLE, start: int = _ALL, end: int = _ALL) -> int:
    """That of CRC-32C, or of a kin that begins or ends otherwise."""
    value = start
    for byte in data:
        value = value >> 8 ^ entries[(value ^ byte) & 0xFF]
    return value ^ end


def crc32c(pieces: Iterable[tuple[bytes, int]]) -> int:
    total = 0
    for data, times in pieces:
        if len(data) * times <= _SHORT:
            total = crc(data * times, start=total ^ _ALL)
        else:
            total = combined(total, _repeated(crc(data), len(data), times), len(data) * times)
    return total


def combined(first: int, second: int, size: int) -> int:
    """The checksum of two ranges one behind the other; the second has `size` bytes."""
    return _product(first, _power(8 * size)) ^ second


@lru_cache(1 << 12)
def _repeated(one: int, size: int, times: int) -> int:
    total, done = 0, 0
    for bit in bin(times)[2:]:
        total, done = combined(total, total, done), 2 * done
        if bit == "1":
            total, done = combined(total, one, size), done + size
    return total


# --- polynomials modulo that of Castagnoli: the highest bit is the coefficient of 1 ---------------------------------


def _product(a: int, b: int) -> int:
    total = 0
    while a:
        if a & 1 << 31:
            total ^= b
        a = a << 1 & _ALL
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return total


def _squares() -> tuple[int, ...]:
    found = [1 << 30]  # x
    while len(found) < 72:
        found.append(_product(found[-1], found[-1]))
    return tuple(found)


_SQUARES: Final = _squares()


@lru_cache(1 << 12)
def _power(n: int) -> int:
    """x to the power of n."""
    total = 1 << 31
    for i, bit in enumerate(reversed(bin(n)[2:])):
        if bit == "1":
            total = _product(total, _SQUARES[i])
    return total
