"""Equality of trees to the bit: types, dtypes, shapes and payload bytes."""

import struct

import numpy as np


def same(a, b):
    """Whether two trees are equal, NaN payloads and signs of zeros included, and types too."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray | np.generic):
        return (
            isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        )
    if isinstance(a, float | complex):
        return type(a) is type(b) and _bits(a) == _bits(b)
    return type(a) is type(b) and a == b


def _bits(x):
    return struct.pack(">dd", x.real, x.imag)
