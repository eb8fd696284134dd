"""Where the bytes of a payload come from, memory or stretches of a source, and the steps that write them."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from .dtypes import BITS, INSTALLED, PARTS
from .wire import BytesSource, Sink, Source

_PARTIAL: Final = frozenset(  # not all bits of a byte carry a meaning
    INSTALLED[tag] for tag in ("bool", *BITS) if tag in INSTALLED
)
_COPIED: Final = 1 << 12  # bytes; payloads up to this size are copied, which takes less than what spares it
_JOINED: Final = 1 << 18  # bytes of small payloads and their headers that are written in one go
PIECE: Final = 1 << 22  # bytes held in memory where a payload has to be rearranged or cast


class Payload(Protocol):
    """The bytes of one payload, taken once and front to back."""

    def move(self, n: int, sink: Sink) -> None:
        """Put the next `n` bytes into the sink."""
        ...


class Step(NamedTuple):
    """A stretch of an output: pairs of header bytes and how many payload bytes follow each of them.

    The payload is opened when its turn comes, so that one at a time is held.
    """

    parts: Sequence[tuple[bytes, int]]
    payload: Callable[[], Payload] | None = None

    def size(self) -> int:
        total = 0
        for head, n in self.parts:
            total += len(head) + n
        return total


class BytesSink:
    """A sink over memory: `data` is what has been written."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        self.data += data

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        self.data += source.read_at(offset, n)


def write_steps(sink: Sink, steps: Iterable[Step]) -> None:
    """Write headers and payloads in turn."""
    small: list[bytes | memoryview] = []  # written in one go: two calls of the sink cost as much as all the rest
    left = _JOINED
    for parts, open_payload in steps:
        payload = open_payload() if open_payload else None
        if len(parts) == 1 and parts[0][1] <= _COPIED and (payload is None or type(payload) is MemoryPayload):
            head, n = parts[0]
            small += (head, payload.data) if payload else (head,)
            left -= len(head) + n
            if left > 0:
                continue
            parts = ()
        if small:
            sink.write(b"".join(small))
            small, left = [], _JOINED
        for head, n in parts:
            sink.write(head)
            if n:
                assert payload is not None
                payload.move(n, sink)
    if small:
        sink.write(b"".join(small))


class MemoryPayload:
    """A payload that stands in memory as it is to be written."""

    __slots__ = "_at", "data"

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self._at = 0

    def move(self, n: int, sink: Sink) -> None:
        sink.write(self.data[self._at : self._at + n])
        self._at += n


class PiecesPayload:
    """An array in pieces, C-contiguous and in C order, that are made one at a time."""

    def __init__(self, pieces: Iterator[np.ndarray]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def move(self, n: int, sink: Sink) -> None:
        while n:
            if not self._rest:
                self._rest = memoryview(b"")  # let go of the last piece before the next is made
                self._rest = bytes_of(next(self._pieces))
            part = self._rest[:n]
            sink.write(part)
            self._rest = self._rest[len(part) :]
            n -= len(part)


class StoredPayload:
    """The payload of a leaf as it stands in a source, in one or more extents of (offset, bytes).

    This is the one way to the bytes of a leaf in a file, so that whatever checks them has one place to stand: `move`
    takes them front to back, `read_into` from anywhere, in several threads too, and `view` where they are memory.
    """

    __slots__ = "_at", "_extents", "_source", "_starts"

    def __init__(self, source: Source, extents: Sequence[tuple[int, int]]) -> None:
        self._source, self._extents = source, extents
        self._starts = [0, *itertools.accumulate(n for _, n in extents)] if len(extents) > 1 else [0]
        self._at = 0

    def move(self, n: int, sink: Sink) -> None:
        for at, part in self.stretches(self._at, n):
            sink.copy_from(self._source, at, part)
        self._at += n

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill a view with the bytes from `offset` of the payload on. Raises FormatError, OSError."""
        done = 0
        for at, part in self.stretches(offset, len(view)):
            self._source.read_into(at, view[done : done + part])
            done += part

    def ranges(self, offset: int, view: memoryview) -> list[tuple[int, memoryview]]:
        """Where in the source the bytes stand that fill a view with those from `offset` of the payload on."""
        found, done = [], 0
        for at, part in self.stretches(offset, len(view)):
            found.append((at, view[done : done + part]))
            done += part
        return found

    def read_ranges(self, ranges: Iterable[tuple[int, memoryview]]) -> None:
        """Fill views, each with the bytes from an offset of the payload on: at once, if the source can. Raises
        FormatError, OSError.
        """
        if (read := getattr(self._source, "read_ranges", None)) is not None:
            read([each for offset, view in ranges for each in self.ranges(offset, view)])
        else:
            for offset, view in ranges:
                self.read_into(offset, view)

    @property
    def is_far(self) -> bool:
        """Whether ranges of it are better read many at once."""
        return getattr(self._source, "read_ranges", None) is not None

    def read(self) -> bytes:
        """All of it, for small values."""
        return b"".join([self._source.read_at(at, n) for at, n in self._extents])

    def part(self, offset: int, n: int) -> StoredPayload:
        """The `n` bytes from `offset` on as a payload of their own."""
        return StoredPayload(self._source, list(self.stretches(offset, n)))

    def view(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
        """It as an array in the memory of the source; None where it is in pieces, or nothing."""
        if len(self._extents) != 1 or not self._extents[0][1] or not isinstance(self._source, BytesSource):
            return None
        memory, at = self._source.memory(self._extents[0][0])
        return np.ndarray(shape, dtype, memory, at)

    def stretches(self, offset: int, n: int) -> Iterator[tuple[int, int]]:
        """Where in the source the `n` bytes from `offset` on stand."""
        i = bisect.bisect_right(self._starts, offset, hi=len(self._extents)) - 1 if len(self._extents) > 1 else 0
        while n:
            at, size = self._extents[i]
            skipped = offset - self._starts[i]
            part = min(n, size - skipped)
            if part:
                yield at + skipped, part
            offset, n, i = offset + part, n - part, i + 1


def bytes_of(array: np.ndarray) -> memoryview:
    """The memory of a C-contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8).data


def bits_of(array: np.ndarray) -> np.ndarray:
    """The same memory as unsigned integers as wide as the elements."""
    return array.view(f"u{array.itemsize}")


# DTYPE-4, DTYPE-5: bits that carry no meaning are cleared, so that no library takes them for any.
def settle(array: np.ndarray) -> np.ndarray:
    """The array, its meaningless bits cleared in place."""
    raw = array.reshape(-1).view(np.uint8) if array.dtype.itemsize == 1 and array.size else None
    if raw is not None and array.dtype == np.bool_:
        if raw.max() > 1:
            np.minimum(raw, 1, out=raw)
    elif raw is not None and (bits := BITS.get(array.dtype.name)):
        raw &= np.uint8((1 << bits) - 1)
    return array


def array_payload(array: np.ndarray) -> Payload:
    """The elements of an array in C order, little-endian (DTYPE-3, LEAF-5), without a copy where it stands so."""
    if array.nbytes <= _COPIED and _is_stored_as_it_stands(array.dtype):
        return MemoryPayload(array.tobytes())  # a copy takes less than the views that spare it
    if not array.dtype.isnative and array.dtype.itemsize == 1:
        array = array.view(array.dtype.newbyteorder("="))  # ml_dtypes says of int4 and its like that they have an order
    if array.dtype in _PARTIAL:
        return PiecesPayload(settle(piece.copy()) for piece in _pieces(array))
    if array.flags.c_contiguous and array.dtype.isnative:
        return MemoryPayload(bytes_of(array))
    return PiecesPayload(map(_little_endian, _pieces(array)))


@functools.cache
def _is_stored_as_it_stands(dtype: np.dtype) -> bool:
    return dtype.isnative and dtype not in _PARTIAL


def _pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """The array in C order, in contiguous pieces of at most PIECE bytes (or one element)."""
    if array.nbytes <= PIECE or array.ndim == 0:
        yield np.ascontiguousarray(array)
        return
    rows = PIECE * len(array) // array.nbytes
    if rows == 0:
        for row in array:
            yield from _pieces(row)
    else:
        for i in range(0, len(array), rows):
            yield np.ascontiguousarray(array[i : i + rows])


# DTYPE-3: "Elements are little-endian, whatever machine wrote them."
def _little_endian(array: np.ndarray) -> np.ndarray:
    """The array with its bytes swapped, where they stand the other way round: of a complex, those of each part.

    ml_dtypes' own swap of its complex types is not used: it swaps the real part alone (0.6.0).
    """
    if array.dtype.isnative:
        return array
    width = array.dtype.itemsize // (2 if array.dtype.newbyteorder("=").name in PARTS else 1)
    return array.view(f"u{width}").byteswap().view(array.dtype.newbyteorder("="))
