"""Invariant: a subtracted difference holds target - base, rounded once; adding it gives what that sum rounds to."""

from __future__ import annotations

from typing import Any, Final

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from fuzz.files import file_of_tree
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.strategies import arrays, dtype_of, float_arrays, keys
from reference.checkpoints.loading import load
from reference.containers.stream import STREAM
from reference.delta import add, compare, subtract

_FOLDER: Final = folder()
_INTEGERS: Final = [dtype_of(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
_BFLOAT16: Final = np.dtype(ml_dtypes.bfloat16)
_small = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@st.composite
def _pairs(draw: DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two trees of the same key paths and shapes, of floats or of integers."""
    base, target = {}, {}
    for key in draw(st.lists(keys.filter(lambda key: key != "step"), min_size=1, max_size=4, unique=True)):
        leaf = draw(float_arrays() | arrays(st.sampled_from(_INTEGERS), _small))
        other = draw(st.binary(min_size=1, max_size=32))
        raw = np.frombuffer((other * (leaf.nbytes // len(other) + 1))[: leaf.nbytes], np.uint8)
        base[key], target[key] = leaf, raw.view(leaf.dtype).reshape(leaf.shape)
    return base, target


VALUES = _pairs()


def check(value: tuple[dict[str, Any], dict[str, Any]]) -> None:
    base, target = value
    files = [_FOLDER / name for name in ("base", "target", "difference", "sum")]
    for file, tree in zip(files, (base, target), strict=False):
        file.write_bytes(file_of_tree(tree, STREAM))
    report = subtract(f"params::{files[0]}", f"params::{files[1]}", files[2], backend="numpy")
    add(f"params::{files[0]}", f"params::{files[2]}", files[3], backend="numpy")
    difference, total, lost = load(files[2]), load(files[3]), 0
    for key, old in base.items():
        _equal(key, difference[key], _rounded(target[key], old, -1))
        _equal(key, total[key], _rounded(old, difference[key], 1))
        lost += _unequal(total[key], target[key]) if old.dtype.kind not in "iu" else 0
    if report.inexact != lost:
        raise Broken(f"{report.inexact} values are said not to come back, and {lost} do not")
    _check_comparison(compare(f"params::{files[1]}", f"params::{files[3]}"), target, total)


def _check_comparison(told: Any, a: dict[str, Any], b: dict[str, Any]) -> None:
    for pair in told.pairs:
        (key,) = pair.path
        unequal = _unequal(a[key], b[key])
        if (pair.change == "equal") != (unequal == 0):
            raise Broken(f"{key} is {pair.change}, and {unequal} of its elements differ")
        if pair.numbers is not None and pair.numbers.elements - pair.numbers.equal != unequal:
            raise Broken(f"{key}: {pair.numbers.equal} elements are said to be equal, and {unequal} are not")


def _rounded(a: np.ndarray, b: np.ndarray, sign: int) -> np.ndarray:
    """a + sign * b, rounded once: float32 has more than twice the digits of 16-bit floats, and may stand between."""
    with np.errstate(all="ignore"):
        if a.dtype == _BFLOAT16 or a.dtype == np.float16:
            return (a.astype(np.float32) + np.float32(sign) * b.astype(np.float32)).astype(a.dtype)
        return a + b if sign > 0 else a - b


def _equal(key: str, found: np.ndarray, wanted: np.ndarray) -> None:
    """To the bit, but that any NaN is as good as another."""
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        raise Broken(f"{key} is {found.dtype}{found.shape}, expected {wanted.dtype}{wanted.shape}")
    nan = np.isnan(wanted.astype(np.float64)) & np.isnan(found.astype(np.float64))
    if (_words(found) != _words(wanted))[~nan.reshape(-1)].any():
        raise Broken(f"{key} is {found!r}; expected {wanted!r}")


def _unequal(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.count_nonzero(_words(a) != _words(b)))


def _words(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(f"u{array.dtype.itemsize}")
