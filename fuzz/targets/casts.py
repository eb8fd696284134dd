"""Invariant: a cast gives the nearest value of the new dtype, ties to even, and leaves everything else alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from fuzz.files import file_of_tree
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.strategies import float_arrays, trees
from reference.checkpoints.loading import load
from reference.containers.stream import STREAM
from reference.convert import convert
from reference.format.trees import flatten

_DTYPES: Final = {
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "fp16": np.dtype(np.float16),
    "fp32": np.dtype(np.float32),
    "fp64": np.dtype(np.float64),
}
_FLOATS: Final = tuple(_DTYPES.values())
_TOP: Final = {"bfloat16": 128, "float16": 16, "float32": 128, "float64": 1024}  # 2 to this is the first beyond
VALUES = st.tuples(trees(float_arrays()), st.sampled_from(sorted(_DTYPES)))
_FOLDER: Final = folder()
_SOME: Final = 40  # values of an array that are checked


def check(value: tuple[Any, str]) -> None:
    tree, name = value
    source, output = _FOLDER / "source", _FOLDER / "cast"
    source.write_bytes(file_of_tree(tree, STREAM))
    report = convert(
        f"{'params::' if 'step' not in tree else ''}{source}",
        str(output),
        streaming=True,
        float_dtype=name,
        backend="numpy",
    )
    before, after = dict(flatten(tree)), dict(flatten(load(output)))
    if list(before) != list(after):
        raise Broken("the cast has other leaves")
    infinite = 0
    for path, old in before.items():
        new, wanted = after[path], _DTYPES[name] if old.dtype in _FLOATS else old.dtype
        if (new.dtype, new.shape) != (wanted, old.shape):
            raise Broken(f"{path} is {new.dtype}{new.shape} and was {old.dtype}{old.shape}")
        _check_values(path, old.reshape(-1), new.reshape(-1))
        if old.dtype in _FLOATS:
            infinite += int(np.count_nonzero(np.isfinite(old) & np.isinf(new)))
    if report.overflowed != infinite:
        raise Broken(f"{report.overflowed} values are said to have become infinite, and {infinite} have")


def _check_values(path: tuple[str, ...], old: np.ndarray, new: np.ndarray) -> None:
    if old.dtype == new.dtype or old.dtype not in _FLOATS:
        if old.tobytes() != new.tobytes():
            raise Broken(f"{path} has changed, and was not to be cast")
        return
    for before, after in zip(old[:_SOME].tolist(), new[:_SOME], strict=False):
        if not _is_nearest(before, after):
            raise Broken(f"{path}: {before!r} ({before.hex()}) became {after!r} in {new.dtype}")


def _is_nearest(before: float, after: Any) -> bool:
    value = float(after)
    if np.isnan(before) or np.isnan(value) or np.isinf(before):
        return repr(before) == repr(value)
    if np.signbit(before) != np.signbit(value):
        return False
    here = _distance(before, after)
    for neighbour, is_even in _neighbours(after):
        there = _distance(before, neighbour)
        if there < here or (there == here and is_even):
            return False
    return True


def _distance(before: float, after: Any) -> Fraction:
    """The distance of two numbers; infinity stands where the first number would that is too large."""
    value = float(after)
    exact = Fraction(2) ** _TOP[after.dtype.name] if np.isinf(value) else Fraction(abs(value))
    return abs(Fraction(abs(before)) - exact)


def _neighbours(after: Any) -> list[tuple[Any, bool]]:
    """The values next to one, of the same sign, and whether the last bit of each is 0."""
    unsigned = np.dtype(f"u{after.dtype.itemsize}")
    bits = int(np.asarray(after).view(unsigned))
    magnitude = bits & ~(1 << 8 * unsigned.itemsize - 1)
    infinity = int(np.asarray(np.inf, after.dtype).view(unsigned))
    steps = [step for step in (-1, 1) if 0 <= magnitude + step <= infinity]
    return [(np.asarray(bits + step, unsigned).view(after.dtype)[()], (bits + step) % 2 == 0) for step in steps]
