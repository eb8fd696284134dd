"""Bytes of cases, put together by hand: commented hexadecimal text, and MessagePack headers chosen by name.

Independent of every implementation. The functions whose names end in `_` take the shortest header (WIRE-1); those
with a width in their name take that header, and a false length where `says` gives one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .repetition import Counted, Listed, repeated

FAULT = "!"  # a comment that begins with it marks the place that a refusal names (CONF-5)


class Part(NamedTuple):
    """A stretch of bytes with what a person should know about it; `data` is repeated `times`, for large payloads."""

    data: bytes
    note: str = ""
    times: int = 1
    nan: str = ""  # the dtype of a NaN for which any other of its sign may stand (CONV-3)
    counted: Counted | None = None
    listed: Listed | None = None
    loose: str = ""  # the dtype of elements whose bits without meaning a writer SHOULD clear (DTYPE-4, DTYPE-5)

    @property
    def size(self) -> int:
        return len(self.data) * self.times


class Bytes:
    """Parts in a row."""

    def __init__(self, *parts: Part) -> None:
        self.parts = parts

    @functools.cached_property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def __add__(self, other: Bytes) -> Bytes:
        return Bytes(*self.parts, *other.parts)

    def __mul__(self, times: int) -> Bytes:
        return Bytes(*self.parts * times)

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """The data of each part and how often it is repeated."""
        for part in self.parts:
            yield from repeated(part.data, part.times, part.counted, part.listed)

    def data(self) -> bytes:
        return b"".join(data * times for data, times in self.pieces())

    def piece(self, start: int, size: int) -> Bytes:
        """So many bytes from one on, without their comments; what is repeated in them is not held."""
        found, at = [], 0
        for part in self.parts:
            a, b = max(start - at, 0), min(start + size - at, part.size)
            at += part.size
            while a < b:
                turn = a % len(part.data)
                whole = (b - a) // len(part.data) if not turn else 0
                step = whole * len(part.data) or min(len(part.data) - turn, b - a)
                found.append(Part(part.data, "", whole) if whole else Part(part.data[turn : turn + step]))
                a += step
        return Bytes(*found)

    def notes(self) -> Iterator[tuple[int, int, str]]:
        """Offset, size and comment of each part that has a comment."""
        at = 0
        for part in self.parts:
            if part.note:
                yield at, part.size, part.note
            at += part.size

    def nans(self) -> Iterator[tuple[int, str]]:
        """Offset and dtype of each NaN whose payload bits are free."""
        at = 0
        for part in self.parts:
            if part.nan:
                yield at, part.nan
            at += part.size

    def loose(self) -> Iterator[tuple[int, int, str]]:
        """Offset, size and dtype of each stretch whose bits without meaning may be others."""
        at = 0
        for part in self.parts:
            if part.loose:
                yield at, part.size, part.loose
            at += part.size

    def fault(self) -> int | None:
        """The offset that is marked as the fault."""
        return next((at for at, _, note in self.notes() if note.startswith(FAULT)), None)

    def cut(self, size: int) -> Bytes:
        """The first `size` bytes, comments left out."""
        return Bytes(Part(self.data()[:size], f"the first {size} of {self.size} bytes"))


def raw(text: str) -> Bytes:
    """Lines of hexadecimal digits, each with its comment after `#`. A line may be a comment alone."""
    parts = []
    for line in text.strip().splitlines():
        digits, _, note = line.partition("#")
        parts.append(Part(bytes.fromhex(digits), note.strip()))
    return Bytes(*parts)


def data(value: bytes, note: str = "") -> Bytes:
    return Bytes(Part(value, note))


def fill(byte: int, times: int, note: str = "") -> Bytes:
    return Bytes(Part(bytes((byte,)), note, times))


# Its length is a prime number: a piece of it that begins at a power of two, or a multiple of one, is never the same as
# another that does.
PATTERN = bytes((i * 7 + i // 11) % 256 for i in range(251))
LETTERS = bytes(0x20 + (i * 13 + i // 7) % 95 for i in range(251))  # the same, as text in ASCII


def patterned(n: int, pattern: bytes = PATTERN, start: int = 0) -> Bytes:
    """So many bytes of a pattern that is repeated, from a place in it on, and cut off at the end."""
    pattern = pattern[start % len(pattern) :] + pattern[: start % len(pattern)]
    times, rest = divmod(n, len(pattern))
    return Bytes(*([Part(pattern, "", times)] if times else []), *([Part(pattern[:rest])] if rest else []))


def here(note: str) -> Bytes:
    """No bytes: a comment on this place, such as `!` where an expected value is missing."""
    return Bytes(Part(b"", note))


def together(items: Sequence[Bytes]) -> Bytes:
    return Bytes(*(part for item in items for part in item.parts))


def loose_(tag: str, payload: str) -> Bytes:
    """Elements whose bits without meaning a writer SHOULD have cleared, and need not have."""
    return Bytes(Part(bytes.fromhex(payload), loose=tag))


# --- headers ----------------------------------------------------------------------------------------------


def _sized(code: int, width: int, n: int) -> bytes:
    return bytes((code,)) + n.to_bytes(width, "big")


def header(code: int, width: int, n: int, note: str = "") -> Bytes:
    """A first byte and a length or count in `width` bytes."""
    return data(_sized(code, width, n), note)


def bin8(body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC4, 1, body.size if says is None else says)) + body


def bin16(body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC5, 2, body.size if says is None else says)) + body


def bin32(body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC6, 4, body.size if says is None else says)) + body


def ext8(code: int, body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC7, 1, body.size if says is None else says) + bytes((code & 0xFF,))) + body


def ext16(code: int, body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC8, 2, body.size if says is None else says) + bytes((code & 0xFF,))) + body


def ext32(code: int, body: Bytes, says: int | None = None) -> Bytes:
    return data(_sized(0xC9, 4, body.size if says is None else says) + bytes((code & 0xFF,))) + body


def bin_(body: Bytes) -> Bytes:
    return (bin8 if body.size < 1 << 8 else bin16 if body.size < 1 << 16 else bin32)(body)


def ext_(code: int, body: Bytes) -> Bytes:
    if body.size in (1, 2, 4, 8, 16):
        return data(bytes((0xD4 + body.size.bit_length() - 1, code & 0xFF))) + body
    return (ext8 if body.size < 1 << 8 else ext16 if body.size < 1 << 16 else ext32)(code, body)


def str_(text: str | bytes, note: str = "") -> Bytes:
    body = text.encode() if isinstance(text, str) else text
    return data(_of_str(len(body)) + body, note)


def str_of(body: Bytes) -> Bytes:
    """A str of what may be too long to be held."""
    return data(_of_str(body.size)) + body


def _of_str(n: int) -> bytes:
    if n < 32:
        return bytes((0xA0 | n,))
    return _sized(0xD9, 1, n) if n < 1 << 8 else _sized(0xDA, 2, n) if n < 1 << 16 else _sized(0xDB, 4, n)


def arr_(n: int, note: str = "") -> Bytes:
    """The header of an array of n elements."""
    head = bytes((0x90 | n,)) if n < 16 else _sized(0xDC, 2, n) if n < 1 << 16 else _sized(0xDD, 4, n)
    return data(head, note)


def map_(n: int, note: str = "") -> Bytes:
    """The header of a map of n entries."""
    head = bytes((0x80 | n,)) if n < 16 else _sized(0xDE, 2, n) if n < 1 << 16 else _sized(0xDF, 4, n)
    return data(head, note)


def int_(n: int, note: str = "") -> Bytes:
    if -32 <= n < 128:
        return data(bytes((n & 0xFF,)), note)
    for i, bits in enumerate((8, 16, 32, 64)):
        if 0 <= n < 1 << bits:
            return data(_sized(0xCC + i, bits // 8, n), note)
        if -(1 << (bits - 1)) <= n < 0:
            return data(_sized(0xD0 + i, bits // 8, n & ((1 << bits) - 1)), note)
    raise ValueError(n)


# --- leaves and records -------------------------------------------------------------------------------------


def hexed(payload: str | Bytes) -> Bytes:
    return payload if isinstance(payload, Bytes) else data(bytes.fromhex(re.sub(r"\s", "", payload)))


def body_(tag: str | Bytes, shape: Sequence[int], payload: str | Bytes) -> Bytes:
    """What stands in ext 1 and ext 3: shape, dtype tag, payload."""
    dims = together([int_(n) for n in shape])
    return arr_(3) + arr_(len(shape)) + dims + (tag if isinstance(tag, Bytes) else str_(tag)) + bin_(hexed(payload))


def ndarray_(tag: str | Bytes, shape: Sequence[int], payload: str | Bytes) -> Bytes:
    return ext_(1, body_(tag, shape, payload))


def scalar_(tag: str | Bytes, payload: str | Bytes) -> Bytes:
    return ext_(3, body_(tag, (), payload))


def path_(*parts: str) -> Bytes:
    shown = "/".join(parts)
    return arr_(len(parts), shown if len(shown) < 60 else "") + together([str_(part) for part in parts])


def record_(path: str | Sequence[str], leaf: Bytes) -> Bytes:
    """A record; a path of one part may be given as that part."""
    return arr_(2) + path_(*((path,) if isinstance(path, str) else path)) + bin_(leaf)


MARKER = "__msgpack_chunked_array__"


def numbered(values: Sequence[Bytes]) -> Bytes:
    """The map {"0": ..., "1": ...} in which flax stores a tuple."""
    return map_(len(values)) + together([str_(str(i)) + value for i, value in enumerate(values)])


def chunked_(shape: Sequence[int], chunks: Sequence[Bytes]) -> Bytes:
    head = map_(3) + str_(MARKER) + data(b"\xc3") + str_("shape") + numbered([int_(n) for n in shape])
    return head + str_("chunks") + numbered(chunks)
