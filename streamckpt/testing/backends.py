"""The judge of backends: what computes (`computing.backend.Backend`), by numpy's results, bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest

from reference.computing.arithmetic import Arithmetic, CombinedPayload, NumpyArithmetic, Operation, promoted
from reference.computing.backend import Backend
from reference.format.blocks import BLOCK, NUMPY, ORDERED, WHOLE, XOR
from reference.format.casts import FLOAT_TAGS, Tally, cast_item
from reference.format.dtypes import WIDTHS, dtype_of
from reference.format.leaves import describe
from reference.format.payloads import BytesSink, MemoryPayload, bytes_of
from reference.format.records import Item
from reference.storage.threads import Pool

_SIZES: Final = (1, 1000, (1 << 20) + 11)  # elements: of one small piece, and of several
_PAIRS: Final = list(itertools.permutations(FLOAT_TAGS, 2))
# Base, other side and result: each pair with a result of its own dtypes, and some that are cast on the way.
_TRIPLES: Final = [
    *((a, b, a) for a, b in itertools.product(FLOAT_TAGS, repeat=2)),
    ("float32", "float32", "bfloat16"),
    ("float32", "float32", "float16"),
    ("bfloat16", "bfloat16", "float32"),
    ("float64", "float64", "bfloat16"),
]


def floats(tag: str, n: int, seed: int = 0) -> np.ndarray:
    """`n` floats of every kind: normal and subnormal, zeros, infinities and NaNs, of both signs."""
    dtype = dtype_of(tag)
    unsigned = f"u{dtype.itemsize}"
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 1 << 8 * dtype.itemsize, n, unsigned)
    infinity = np.array([np.inf], dtype).view(unsigned)
    bits[::5] &= ~infinity  # subnormals and zeros
    bits[1::11] |= infinity  # infinities and NaNs
    return bits.view(dtype)


class BackendJudge:
    """Subclass it, and give the backend."""

    def backend(self) -> Backend:
        raise NotImplementedError

    def test_it_has_a_name(self) -> None:
        assert self.backend().name

    @pytest.mark.parametrize(("old", "new"), _PAIRS)
    def test_casts_are_those_of_numpy(self, old: str, new: str) -> None:
        for n in _SIZES:
            values = floats(old, n)
            item = Item(("w",), describe(values), lambda values=values: MemoryPayload(bytes_of(values)))
            sides = []
            for cast in (self.backend().cast_item, cast_item):
                tally = Tally()
                done = cast(item, dtype_of(new), tally.add)
                assert done.leaf.dtype == dtype_of(new)
                sides.append((_payload_of(done), tally))
            (found, counted), (wanted, losses) = sides
            assert found == wanted
            assert counted.infinite == losses.infinite, "finite values that became infinite are miscounted (CONV-4)"
            assert counted.zero == losses.zero, "nonzero values that became zero are miscounted"

    @pytest.mark.parametrize("tag", [None, *WIDTHS])
    def test_planes_and_contents_are_those_of_numpy(self, tag: str | None) -> None:
        dtype = None if tag is None else dtype_of(tag)
        rng = np.random.default_rng(1)
        width = 1 if tag is None else WIDTHS[tag]
        for n in (16, 16_000, BLOCK):
            n -= n % width
            base = np.frombuffer(rng.bytes(n), np.uint8)
            target = base ^ np.frombuffer(rng.bytes(n), np.uint8) & np.uint8(3)
            for method in (WHOLE, XOR, ORDERED):
                known = None if method == WHOLE else base
                planes = NUMPY.planes(target, known, dtype, method)
                assert np.array_equal(self.backend().words.planes(target, known, dtype, method), planes)
                assert np.array_equal(self.backend().words.content(planes, known, dtype, method), target)

    @pytest.mark.parametrize("minus", [True, False])
    @pytest.mark.parametrize(("base", "other", "new"), _TRIPLES)
    def test_sums_and_differences_are_those_of_numpy(self, base: str, other: str, new: str, minus: bool) -> None:
        dtypes = dtype_of(base), dtype_of(other), dtype_of(new)
        assert promoted(*dtypes[:2])
        operation = Operation(*dtypes, minus)
        for n in _SIZES:
            sides = floats(base, n, 2), floats(other, n, 3)
            with Pool(1) as pool:
                found = _combined(operation, self.backend().arithmetics(operation, pool), *sides)
                wanted = _combined(operation, [NumpyArithmetic(operation)], *sides)
            assert found == wanted


def _payload_of(item: Item) -> bytes:
    assert item.payload is not None
    sink = BytesSink()
    item.payload().move(item.leaf.nbytes, sink)
    return bytes(sink.data)


def _combined(
    operation: Operation, arithmetics: Sequence[Arithmetic], base: np.ndarray, other: np.ndarray
) -> tuple[bytes, int, int]:
    """The bytes that an operation gives, and how many floats are inexact and overflowed."""
    counts: list[tuple[int, ...]] = []

    sides = MemoryPayload(bytes_of(base)), MemoryPayload(bytes_of(other))
    sink = BytesSink()
    CombinedPayload(*sides, operation, arithmetics, lambda *told: counts.append(told)).move(
        len(base) * operation.new.itemsize, sink
    )
    return bytes(sink.data), sum(told[0] for told in counts), sum(told[1] for told in counts)
