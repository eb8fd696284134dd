"""Sums and differences of two payloads of numbers, element by element and a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from ..format.casts import Buffer, are_finite, cast
from ..format.payloads import PIECE, Payload, bits_of, bytes_of, settle
from ..format.recycling import empty
from ..format.wire import Sink
from ..storage.threads import Pool

# Elements that are computed at once: of fewer, threads would wait for their turns at the interpreter, and what is made
# of more does not stay in the processor's cache.
_COMPUTED_AT_ONCE: Final = 1 << 18
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
    became_zero: int = 0  # sums or differences that are not zero before they are cast, and zero afterwards


def promoted(a: np.dtype, b: np.dtype) -> np.dtype:
    """The narrowest float dtype that holds all values of both."""
    if a.itemsize == b.itemsize:
        return a if a == b else _FLOAT32
    return a if a.itemsize > b.itemsize else b


def compute(operation: Operation, base: np.ndarray, other: np.ndarray) -> Result:
    """The result for two contiguous 1-d arrays of the operation's dtypes, as one part."""
    if operation.new.kind in "iu":
        new = empty(len(base), operation.new)
        return Result([(np.subtract if operation.minus else np.add)(other, base, out=new)], 0, 0)
    new = empty(len(base), operation.new)
    inexact = overflowed = became_zero = 0
    memory = _Memory(min(len(base), _COMPUTED_AT_ONCE), _through(promoted(operation.base, operation.other)))
    for i in range(0, len(base), _COMPUTED_AT_ONCE):
        b, o, block = (array[i : i + _COMPUTED_AT_ONCE] for array in (base, other, new))
        counts = _compute_finite(operation, b, o, block, memory)
        if counts is None:
            block[:], infinite, zero = _total(o, b, operation.new, operation.minus)
            overflowed += infinite
            counts = (_count_inexact(b, o, block) if operation.minus else 0), zero
        inexact += counts[0]
        became_zero += counts[1]
    return Result([new], inexact, overflowed, became_zero)


class _Memory:
    """Room for three arrays of a block, which would else be found anew for each."""

    def __init__(self, count: int, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._arrays = [empty(count, dtype) for _ in range(3)]

    def array(self, index: int, count: int) -> np.ndarray:
        return self._arrays[index][:count]

    def widened(self, index: int, values: np.ndarray) -> np.ndarray:
        if values.dtype == self._dtype:
            return values
        wide = self.array(index, len(values))
        np.copyto(wide, values)
        return wide


def _compute_finite(
    operation: Operation, base: np.ndarray, other: np.ndarray, new: np.ndarray, memory: _Memory
) -> tuple[int, int] | None:
    """Put the result into `new` and count what is inexact and what became zero; None where not all of it is finite.

    What `_total` and `_count_inexact` do, in half the time.
    """
    wide = promoted(base.dtype, other.dtype)
    through = _through(wide)
    with np.errstate(over="ignore", invalid="ignore"):
        x, y = memory.widened(0, base), memory.widened(1, other)
        values = memory.array(2, len(new))
        (np.subtract if operation.minus else np.add)(y, x, out=values)
        new[:] = _rounded(values, wide, new.dtype)
        if not are_finite(new):
            return None
        zero = _became_zero(values, new) if new.dtype != wide else 0
        if not operation.minus:
            return 0, zero
        back = promoted(base.dtype, new.dtype)
        if _through(back) != through or promoted(back, other.dtype) != back:
            return _count_inexact(base, other, new), zero
        # A sum that is the other side's value before it is rounded is so afterwards.
        np.copyto(values, new)
        np.add(x, values, out=values)
        differ = np.not_equal(bits_of(values), bits_of(y), out=empty(len(values), np.bool_))
        if through == other.dtype:
            return int(np.count_nonzero(differ)), zero
        left = np.flatnonzero(differ)
        return (_count_inexact(base[left], other[left], new[left]) if len(left) else 0), zero


def _count_inexact(base: np.ndarray, other: np.ndarray, new: np.ndarray) -> int:
    back = _total(base, new, other.dtype)[0]
    return int(np.count_nonzero(bits_of(back) != bits_of(other)))


def _became_zero(values: np.ndarray, new: np.ndarray) -> int:
    """How many sums that are not zero are zero when they have been cast."""
    return int(np.count_nonzero(values) - np.count_nonzero(bits_of(new) << 1))  # without the sign


def _total(a: np.ndarray, b: np.ndarray, new: np.dtype, minus: bool = False) -> tuple[np.ndarray, int, int]:
    """a + b or a - b, rounded to the promoted dtype and cast to `new`; how many finite pairs came out infinite, and
    how many sums came out zero that were not.

    Every NaN is the quiet one without sign and payload: which operand's NaN comes out depends on the processor.
    """
    wide = promoted(a.dtype, b.dtype)
    through = _through(wide)
    with np.errstate(over="ignore", invalid="ignore"):  # a NaN that signals is invalid in a comparison too
        x, y = a.astype(through, copy=False), b.astype(through, copy=False)
        sums = x - y if minus else x + y
        values = _rounded(sums, wide, new)
        zero = _became_zero(sums, values) if new != wide else 0
        if are_finite(values):
            return values, 0, zero
        values[np.isnan(values)] = np.nan
        return values, int(np.count_nonzero(np.isinf(values) & np.isfinite(a) & np.isfinite(b))), zero


def _through(wide: np.dtype) -> np.dtype:
    """The dtype in which to add what is to be rounded to `wide`.

    A sum of two floats with p bits in their significands, rounded to 2p + 2 bits or more and then to p, is the sum
    rounded once; float32 has 24, float16 11 and bfloat16 8. Subnormal sums of either are exact in float32.
    """
    return _FLOAT32 if wide.itemsize == 2 else wide


def _rounded(values: np.ndarray, *dtypes: np.dtype) -> np.ndarray:
    """The values cast to one dtype after the other."""
    for dtype in dtypes:
        if values.dtype != dtype:
            values = cast(values, dtype)
    return values


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

    def __init__(self, operation: Operation, pool: Pool | None = None) -> None:
        self._operation, self._pool = operation, pool

    def sizes(self, left: int) -> Iterator[int]:
        per = PIECE // max(dtype.itemsize for dtype in self._operation[:3])
        while left:
            yield min(left, per)
            left -= min(left, per)

    def start(self, base: np.ndarray, other: np.ndarray) -> Callable[[], Result]:
        if self._pool is None or len(base) <= _COMPUTED_AT_ONCE:
            result = compute(self._operation, base, other)
            return lambda: result
        step = max(_COMPUTED_AT_ONCE, -(-len(base) // self._pool.threads))
        shares = [
            self._pool.submit(compute, self._operation, base[i : i + step], other[i : i + step])
            for i in range(0, len(base), step)
        ]
        return lambda: _joined([share.result() for share in shares])


def _joined(results: Sequence[Result]) -> Result:
    parts = [part for result in results for part in result.parts]
    return Result(parts, *(sum(counts) for counts in zip(*(result[1:] for result in results), strict=True)))


class CombinedPayload:
    """The payload that an operation makes of two; `on_result` is told of inexact and overflowed floats, and of
    those that became zero.

    Each of the arithmetics takes what the one before it has left over, and the last takes every size.
    """

    def __init__(
        self,
        base: Payload,
        other: Payload,
        operation: Operation,
        arithmetics: Sequence[Arithmetic],
        on_result: Callable[[int, int, int], None],
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
        if any(result[1:]):
            self._on_result(result.inexact, result.overflowed, result.became_zero)


class EqualPayload:
    """The payload of a leaf of 1-byte elements that two sides share; `refuse` raises where they do not."""

    def __init__(self, base: Payload, other: Payload, dtype: np.dtype, refuse: Callable[[], None]) -> None:
        self._base, self._other, self._dtype, self._refuse = base, other, dtype, refuse

    def move(self, n: int, sink: Sink) -> None:
        while n:
            count = min(n, PIECE)
            base, other = (settle(Buffer().fill(payload, count, self._dtype)) for payload in (self._base, self._other))
            if bytes_of(base) != bytes_of(other):
                self._refuse()
            sink.write(bytes_of(other))
            n -= count
