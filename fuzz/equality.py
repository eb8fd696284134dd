"""Equality of trees to the bit: types, dtypes, shapes, payload bytes, and the order of the keys."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np


def same(a: Any, b: Any) -> bool:
    """Whether two trees are equal, NaN payloads and signs of zeros included, and types too."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray | np.generic):
        return (
            isinstance(b, np.ndarray | np.generic)
            and isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        )
    if isinstance(a, float | complex):
        return type(a) is type(b) and _bits(a) == _bits(b)
    return type(a) is type(b) and a == b


def _bits(x: float | complex) -> bytes:
    return struct.pack(">dd", x.real, x.imag)
