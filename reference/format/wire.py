"""Spec chapter 01: the MessagePack subset, a cursor that reads it, and the headers a writer emits."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol

from .errors import CUT_OFF, FormatError

NEAR: Final = 1 << 12  # bytes read ahead after a large payload has been skipped
FAR: Final = 1 << 18  # bytes read ahead at most, where records are small


class Source(Protocol):
    """Random access to `size` bytes. Reading past the end raises FormatError (STREAM-2)."""

    size: int

    def read_at(self, offset: int, n: int) -> bytes: ...
    def read_into(self, offset: int, view: memoryview) -> None: ...


class Sink(Protocol):
    """Where a writer puts bytes: small ones, a caller's memory as it stands, or a stretch of a source."""

    def write(self, data: bytes | memoryview) -> None: ...
    def copy_from(self, source: Source, offset: int, n: int) -> None: ...


class BytesSource:
    """A source over bytes-like memory."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self.view = memoryview(data).cast("B")
        self.size = len(self.view)

    def memory(self, offset: int) -> tuple[memoryview, int]:
        """The piece of memory in which the byte at an offset stands, and its index there."""
        return self.view, offset

    def read_at(self, offset: int, n: int) -> bytes:
        return bytes(self._range(offset, n))

    def read_into(self, offset: int, view: memoryview) -> None:
        view[:] = self._range(offset, len(view))

    def _range(self, offset: int, n: int) -> memoryview:
        if not 0 <= offset <= self.size - n:
            detail = f"{n} bytes at byte {offset} were asked for, and there are {self.size}"
            raise FormatError("STREAM-2", offset, None, detail, CUT_OFF)
        return self.view[offset : offset + n]


# --- reading ------------------------------------------------------------------------------------------

_unsigned_of: Callable[[bytes], int] = lambda raw: int.from_bytes(raw, "big")  # noqa: E731
_signed_of: Callable[[bytes], int] = lambda raw: int.from_bytes(raw, "big", signed=True)  # noqa: E731
_FLOAT32, _FLOAT64 = struct.Struct(">f"), struct.Struct(">d")


def _float64_of(raw: bytes) -> float:
    """A float 32 as a float 64; what a NaN becomes is not left to the machine (LEAF-8)."""
    bits = int.from_bytes(raw, "big")
    if bits & 0x7FFF_FFFF <= 0x7F80_0000:
        return _FLOAT32.unpack(raw)[0]
    wide = bits >> 31 << 63 | 0x7FF8 << 48 | (bits & 0x7F_FFFF) << 29
    return _FLOAT64.unpack(wide.to_bytes(8, "big"))[0]


Header = tuple[str, int, Any]  # kind, bytes of the number that follows, its decoder or the value itself


def _header_table() -> list[Header]:
    table: list[Header] = [("", 0, None)] * 256
    for i in range(0x80):
        table[i] = ("int", 0, i)
    for i in range(0x10):
        table[0x80 + i] = ("map", 0, i)
        table[0x90 + i] = ("array", 0, i)
    for i in range(0x20):
        table[0xA0 + i] = ("str", 0, i)
        table[0xE0 + i] = ("int", 0, i - 32)
    table[0xC0] = ("nil", 0, None)
    table[0xC2], table[0xC3] = ("bool", 0, False), ("bool", 0, True)
    for i, width in enumerate((1, 2, 4)):
        table[0xC4 + i] = ("bin", width, _unsigned_of)
        table[0xC7 + i] = ("ext", width, _unsigned_of)
        table[0xD9 + i] = ("str", width, _unsigned_of)
    for i, width in enumerate((2, 4)):
        table[0xDC + i] = ("array", width, _unsigned_of)
        table[0xDE + i] = ("map", width, _unsigned_of)
    for i, width in enumerate((1, 2, 4, 8)):
        table[0xCC + i] = ("int", width, _unsigned_of)
        table[0xD0 + i] = ("int", width, _signed_of)
    for i in range(5):
        table[0xD4 + i] = ("ext", 0, 1 << i)
    table[0xCA] = ("float", 4, _float64_of)
    table[0xCB] = ("float", 8, lambda raw: _FLOAT64.unpack(raw)[0])
    return table


_HEADERS: Final = _header_table()
_LONGEST_HEADER: Final = 9  # of an int or float of 8 bytes
_LEAST_BYTES: Final = {"str": 1, "bin": 1, "ext": 1, "array": 1, "map": 2}  # per unit of the count


class Cursor:
    """A place in a source, and the region (the whole input, or a bin or ext body) that encloses it.

    `cut` is the clause that names an input which ends too early: it depends on the container. `alignment` is that of a
    sealed stream, whose arrays may be padded to it, and None in every other file.
    """

    def __init__(self, source: Source, cut: str = "STREAM-2", alignment: int | None = None) -> None:
        self.source = source
        self.end = source.size
        self._depth = 0  # how many bodies enclose the cursor
        self.cut = cut
        self.alignment = alignment
        self.ahead = NEAR // 2
        self._window = b""
        self._base = self._pos = 0  # offset of the window's first byte, and index into it

    def tell(self) -> int:
        return self._base + self._pos

    def skip(self, n: int) -> None:
        self._pos += n

    def fail(self, clause: str, detail: str, *, at: int | None = None, advice: str | None = None) -> NoReturn:
        raise FormatError(clause, self.tell() if at is None else at, None, detail, advice)

    # WIRE-3: "A length, a count or a value that reaches beyond the end of what encloses it MUST be refused."
    # CONF-4: "A reader MUST NOT allocate memory on the word of a declared length before it has checked
    #          that the input holds that many bytes."
    def require(self, n: int, at: int | None = None) -> None:
        """Refuse unless `n` more bytes stand in the enclosing region."""
        left = self.end - self.tell()
        if n <= left:
            return
        if self._depth == 0:
            detail = f"the input ends too early: expected {n} more byte{'s' * (n != 1)}, found {left}"
            self.fail(self.cut, detail, at=at, advice=CUT_OFF)
        self.fail("WIRE-3", f"{n} bytes are declared, and only {left} are left in the enclosing body", at=at)

    def window(self, least: int) -> tuple[bytes, int]:
        """Bytes read ahead and the index of the cursor in them; `least` bytes follow it (call require first)."""
        left = len(self._window) - self._pos
        if self._pos < 0 or left < least:
            self.ahead = NEAR if left < -NEAR else min(2 * self.ahead, FAR)
            offset = self.tell()
            n = min(max(least, self.ahead), self.source.size - offset)
            self._window = self.source.read_at(offset, n)
            self._base, self._pos = offset, 0
        return self._window, self._pos

    def take(self, n: int) -> bytes:
        """The next `n` bytes, in memory: for headers and small values only."""
        self.require(n)
        window, pos = self.window(n)
        self._pos = pos + n
        return window[pos : pos + n]

    # CONF-8: "It is best to check in the order of the bytes: first that a value has the kind that is due, then that
    #          its length fits into what encloses it, then its count and limits, then its content, and what is left
    #          over last."
    def kind(self) -> str:
        """The kind of the next value, before its length is looked at. Raises WIRE-4, and WIRE-6 where there is none."""
        is_near = 0 <= self._pos < len(self._window) and self._base + self._pos < self.end  # which spares four calls
        return (is_near and _HEADERS[self._window[self._pos]][0]) or self._first()[2]

    def _first(self) -> tuple[bytes, int, str, int, Any]:
        left = self.end - self.tell()
        if not left and self._depth:
            self.fail("WIRE-6", "the enclosing body ends before its last value")
        if not left:
            self.require(1)
        window, pos = self._window, self._pos
        if pos < 0 or len(window) - pos < _LONGEST_HEADER:
            window, pos = self.window(min(left, _LONGEST_HEADER))
        kind, width, value = _HEADERS[window[pos]]
        if kind == "":
            # WIRE-4: "The byte `c1` MUST be refused wherever a value is to begin."
            self.fail("WIRE-4", "no value begins with the byte c1")
        return window, pos, kind, width, value

    def header(self) -> tuple[str, Any]:
        """Read one MessagePack header: its kind, and the value, or the length or count of what follows.

        For an ext the value is (length, type). Bodies are not consumed. Raises WIRE-3, WIRE-4, WIRE-6.
        """
        at = self.tell()
        left = self.end - at
        window, pos, kind, width, value = self._first()
        size = 1 + width + (kind == "ext")
        if size > left:
            self.require(size)
        value = value(window[pos + 1 : pos + 1 + width]) if width else value
        self._pos = pos + size
        if (least := _LEAST_BYTES.get(kind)) and size + value * least > left:
            self.require(value * least, at=at)
        if kind == "ext":
            return kind, (value, _signed_of(window[pos + size - 1 : pos + size]))
        return kind, value

    def enter(self, n: int) -> tuple[int, int]:
        """Make the next `n` bytes the enclosing region; hand the result to `leave`."""
        outer = self.end
        self.end = self.tell() + n
        self._depth += 1
        return outer, self.end

    # WIRE-6: "The body of a bin or ext that holds encoded values MUST be used up by them exactly."
    def leave(self, region: tuple[int, int]) -> None:
        outer, end = region
        if self.tell() != end:
            self.fail("WIRE-6", f"{end - self.tell()} bytes are left over in a body after its last value")
        self.end = outer
        self._depth -= 1

    def text(self, n: int, at: int) -> str:
        """The next `n` bytes as text; `at` is the offset of their header. Raises WIRE-5."""
        raw = self.take(n)
        try:
            # WIRE-5: "A str MUST be valid UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates,
            #          nothing above U+10FFFF."
            return raw.decode()
        except UnicodeDecodeError as error:
            self.fail("WIRE-5", f"a str is not UTF-8: {error.reason} at its byte {error.start}", at=at)


# --- writing: WIRE-1: "A writer MUST use the shortest header that holds a length, a count or an integer." --


def encode_int(value: int) -> bytes:
    """Raises OverflowError outside -2^63 to 2^64 - 1."""
    if 0 <= value < 0x80:
        return bytes((value,))
    if -32 <= value < 0:
        return bytes((value & 0xFF,))
    signed = value < 0
    for i, width in enumerate((1, 2, 4, 8)):
        try:
            return bytes(((0xD0 if signed else 0xCC) + i,)) + value.to_bytes(width, "big", signed=signed)
        except OverflowError:
            if width == 8:
                raise
    raise AssertionError


def encode_float(value: float) -> bytes:
    return b"\xcb" + _FLOAT64.pack(value)


def _sized(n: int, fixed: int, room: int, codes: tuple[tuple[int, int], ...]) -> bytes:
    if n < room:
        return bytes((fixed | n,))
    for code, width in codes:
        if n < 1 << 8 * width:
            return bytes((code,)) + n.to_bytes(width, "big")
    raise OverflowError(f"a length of {n} does not fit in 4 bytes")


def array_header(n: int) -> bytes:
    return _sized(n, 0x90, 16, ((0xDC, 2), (0xDD, 4)))


def map_header(n: int) -> bytes:
    return _sized(n, 0x80, 16, ((0xDE, 2), (0xDF, 4)))


def str_header(n: int) -> bytes:
    return _sized(n, 0xA0, 32, ((0xD9, 1), (0xDA, 2), (0xDB, 4)))


def bin_header(n: int) -> bytes:
    return _sized(n, 0, 0, ((0xC4, 1), (0xC5, 2), (0xC6, 4)))


def ext_header(n: int, code: int) -> bytes:
    if n in (1, 2, 4, 8, 16):
        return bytes((0xD4 + n.bit_length() - 1, code))
    return _sized(n, 0, 0, ((0xC7, 1), (0xC8, 2), (0xC9, 4))) + bytes((code,))


def header_size(kind: str, value: Any) -> int:
    """The bytes of the shortest header of a kind, with a value, a length, a count, or the (length, type) of an ext."""
    if kind == "int":
        return len(encode_int(value))
    if kind == "ext":
        return len(ext_header(value[0], value[1] & 0xFF))
    sized = {"str": str_header, "bin": bin_header, "array": array_header, "map": map_header}.get(kind)
    return len(sized(value)) if sized else 9 if kind == "float" else 1


def encode_str(text: str) -> bytes:
    """Raises UnicodeEncodeError for a lone surrogate."""
    raw = text.encode()
    return str_header(len(raw)) + raw
