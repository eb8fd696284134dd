"""What is repeated in a file, and what of it is another each time: numbers that count, and values from a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Counted(NamedTuple):
    """Digits in what is repeated that count how often it has stood before."""

    at: int  # where they stand
    digits: int = 6  # how many they are
    base: int = 16  # or 10
    first: int = 0  # the number that they begin with


class Listed(NamedTuple):
    """Bytes in what is repeated that are others each time, such as a checksum."""

    at: int  # where they stand
    values: str  # all of them, one behind the other, in hexadecimal digits


def repeated(
    data: bytes, times: int, counted: Counted | None = None, listed: Listed | None = None
) -> Iterator[tuple[bytes, int]]:
    """What is repeated, as pieces; where some of it is another each time, a piece for each few thousand."""
    if counted is None and listed is None:
        yield data, times
        return
    for i in range(0, times, 4096):
        alike = [data] * min(4096, times - i)
        if counted is not None:
            at, digits, base, first = counted
            number = f"%0{digits}{'x' if base == 16 else 'd'}".encode()
            alike = [_with(one, at, number % k) for k, one in enumerate(alike, first + i)]
        if listed is not None:
            values = bytes.fromhex(listed.values)
            width = len(values) // times
            alike = [_with(one, listed.at, values[width * k : width * (k + 1)]) for k, one in enumerate(alike, i)]
        yield b"".join(alike), 1


def _with(data: bytes, at: int, other: bytes) -> bytes:
    return data[:at] + other + data[at + len(other) :]
