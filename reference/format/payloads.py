"""Where the bytes of a payload come from, memory or stretches of a source, and the steps that write them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from .dtypes import BITS, INSTALLED, PARTS
from .wire import Sink, Source

_PARTIAL: Final = frozenset(  # not all bits of a byte carry a meaning
    INSTALLED[tag] for tag in ("bool", *BITS) if tag in INSTALLED
)
_SMALL: Final = 1 << 12  # bytes
_JOINED: Final = 1 << 18  # bytes of small payloads and their headers that are written in one go
PIECE: Final = 1 << 22  # bytes held in memory where a payload has to be rearranged or cast


def keep_freed_memory() -> None:
    """Have what is freed from now on used again: glibc keeps it once more than this has been freed.

    Else the arrays of each block go back to the kernel, which clears that memory again for the next: blocks of 128 KiB
    then take three times as long to compute.
    """
    np.empty(1 << 24, np.uint8)


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


def write_steps(sink: Sink, steps: Iterable[Step]) -> None:
    """Write headers and payloads in turn."""
    small: list[bytes | memoryview] = []  # written in one go: two calls of the sink cost as much as all the rest
    left = _JOINED
    for parts, open_payload in steps:
        payload = open_payload() if open_payload else None
        if len(parts) == 1 and parts[0][1] <= _SMALL and (payload is None or type(payload) is MemoryPayload):
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


class SourcePayload:
    """A payload that stands in a source, in one or more extents of (offset, bytes)."""

    def __init__(self, source: Source, extents: Sequence[tuple[int, int]]) -> None:
        self._source = source
        self._extents = iter(extents)
        self._at, self._left = 0, 0

    def move(self, n: int, sink: Sink) -> None:
        while n:
            if not self._left:
                self._at, self._left = next(self._extents)
                continue
            part = min(n, self._left)
            sink.copy_from(self._source, self._at, part)
            self._at += part
            self._left -= part
            n -= part


def bytes_of(array: np.ndarray) -> memoryview:
    """The memory of a C-contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8).data


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
    if array.nbytes <= _SMALL and _is_stored_as_it_stands(array.dtype):
        return MemoryPayload(array.tobytes())  # a copy takes less than the views that spare it
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
