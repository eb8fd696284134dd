"""Sums and differences of two payloads of numbers, element by element and a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Protocol

import numpy as np

from .conversion import Buffer, cast
from .payloads import PIECE, Payload, bytes_of, settle
from .wire import Sink

_BLOCK: Final = 1 << 15  # elements; what is computed of them stays in the processor's cache
_FLOAT32: Final = np.dtype(np.float32)


class Operation(NamedTuple):
    """What is computed of each pair of elements: base + other, or with `minus` other - base.

    The dtypes are those of CONV-2, or all three are one dtype of integers.
    """

    base: np.dtype
    other: np.dtype
    new: np.dtype
    minus: bool


class Result(NamedTuple):
    """A piece that has been computed."""

    parts: Sequence[np.ndarray]  # its elements from front to back, 1-d arrays of their dtype or their bits
    inexact: int  # with `minus`, the floats of the other side that adding the result to the base does not give
    overflowed: int  # floats that are infinite, and finite on both sides


def promoted(a: np.dtype, b: np.dtype) -> np.dtype:
    """The narrowest float dtype that holds all values of both."""
    if a.itemsize == b.itemsize:
        return a if a == b else _FLOAT32
    return a if a.itemsize > b.itemsize else b


def compute(operation: Operation, base: np.ndarray, other: np.ndarray) -> Result:
    """The result for two contiguous 1-d arrays of the operation's dtypes, as one part."""
    if operation.new.kind in "iu":
        return Result([np.subtract(other, base) if operation.minus else np.add(base, other)], 0, 0)
    new = np.empty(len(base), operation.new)
    inexact = overflowed = 0
    for i in range(0, len(base), _BLOCK):
        b, o = base[i : i + _BLOCK], other[i : i + _BLOCK]
        block, infinite = _total(o, b, operation.new, operation.minus)
        new[i : i + _BLOCK] = block
        overflowed += infinite
        if operation.minus:
            back, _ = _total(b, block, operation.other)
            inexact += int(np.count_nonzero(_bits(back) != _bits(o)))
    return Result([new], inexact, overflowed)


def _total(a: np.ndarray, b: np.ndarray, new: np.dtype, minus: bool = False) -> tuple[np.ndarray, int]:
    """a + b or a - b, rounded to the promoted dtype and cast to `new`; how many finite pairs came out infinite.

    Every NaN is the quiet one without sign and payload: which operand's NaN comes out depends on the processor.
    """
    wide = promoted(a.dtype, b.dtype)
    # A sum of two floats with p bits in their significands, rounded to 2p + 2 bits or more and then to p, is the sum
    # rounded once; float32 has 24, float16 11 and bfloat16 8. Subnormal sums of either are exact in float32.
    through = _FLOAT32 if wide.itemsize == 2 else wide
    with np.errstate(over="ignore", invalid="ignore"):  # a NaN that signals is invalid in a comparison too
        x, y = a.astype(through, copy=False), b.astype(through, copy=False)
        values = x - y if minus else x + y
        for dtype in (wide, new):
            if values.dtype != dtype:
                values = cast(values, dtype)
        infinity = _bits(np.array([np.inf], new))[0]
        if not (_bits(values) & infinity == infinity).any():
            return values, 0
        values[np.isnan(values)] = np.nan
        return values, int(np.count_nonzero(np.isinf(values) & np.isfinite(a) & np.isfinite(b)))


def _bits(values: np.ndarray) -> np.ndarray:
    return values.view(f"u{values.itemsize}")


class Arithmetic(Protocol):
    """What computes an operation, on pieces of sizes that it chooses."""

    def sizes(self, left: int) -> Iterator[int]:
        """The pieces that it takes of the next `left` elements; it may leave some over."""
        ...

    def start(self, base: np.ndarray, other: np.ndarray) -> Callable[[], Result]:
        """Begin with a piece, whose memory has to stay as it is until the result has been asked for."""
        ...


class NumpyArithmetic:
    """Takes every piece; the threads of `pool` share it while the next is read."""

    def __init__(self, operation: Operation, pool: ThreadPoolExecutor | None = None) -> None:
        self._operation, self._pool = operation, pool

    def sizes(self, left: int) -> Iterator[int]:
        per = PIECE // 8
        while left:
            yield min(left, per)
            left -= min(left, per)

    def start(self, base: np.ndarray, other: np.ndarray) -> Callable[[], Result]:
        if self._pool is None or len(base) <= _BLOCK:
            result = compute(self._operation, base, other)
            return lambda: result
        step = max(_BLOCK, -(-len(base) // self._pool._max_workers))
        shares = [
            self._pool.submit(compute, self._operation, base[i : i + step], other[i : i + step])
            for i in range(0, len(base), step)
        ]
        return lambda: _joined([share.result() for share in shares])


def _joined(results: Sequence[Result]) -> Result:
    parts = [part for result in results for part in result.parts]
    return Result(parts, sum(result.inexact for result in results), sum(result.overflowed for result in results))


class CombinedPayload:
    """The payload that an operation makes of two; `on_result` is told of inexact and overflowed floats.

    Each of the arithmetics takes what the one before it has left over, and the last takes every size.
    """

    def __init__(
        self,
        base: Payload,
        other: Payload,
        operation: Operation,
        arithmetics: Sequence[Arithmetic],
        on_result: Callable[[int, int], None],
    ) -> None:
        self._base, self._other, self._operation = base, other, operation
        self._arithmetics, self._on_result = arithmetics, on_result
        self._buffers, self._busy = (Buffer(), Buffer()), (Buffer(), Buffer())

    def move(self, n: int, sink: Sink) -> None:
        base, other, new, _ = self._operation
        left = n // new.itemsize
        running: Callable[[], Result] | None = None
        for arithmetic in self._arithmetics:
            for count in arithmetic.sizes(left):
                # A device may read this memory until its piece is done, and two pieces are under way.
                self._buffers, self._busy = self._busy, self._buffers
                a, b = self._buffers
                pair = a.fill(self._base, count, base), b.fill(self._other, count, other)
                started = arithmetic.start(*pair)
                if running:
                    self._finish(running(), sink)
                running = started
                left -= count
        if running:
            self._finish(running(), sink)

    def _finish(self, result: Result, sink: Sink) -> None:
        for part in result.parts:
            sink.write(bytes_of(part))
        if result.inexact or result.overflowed:
            self._on_result(result.inexact, result.overflowed)


class EqualPayload:
    """The payload of a leaf of 1-byte elements that two sides share; `refuse` raises where they do not."""

    def __init__(self, base: Payload, other: Payload, dtype: np.dtype, refuse: Callable[[], None]) -> None:
        self._base, self._other, self._dtype, self._refuse = base, other, dtype, refuse
        self._buffers = Buffer(), Buffer()

    def move(self, n: int, sink: Sink) -> None:
        a, b = self._buffers
        while n:
            count = min(n, PIECE)
            base, other = (
                settle(buffer.fill(payload, count, self._dtype))
                for buffer, payload in ((a, self._base), (b, self._other))
            )
            if bytes_of(base) != bytes_of(other):
                self._refuse()
            sink.write(bytes_of(other))
            n -= count
