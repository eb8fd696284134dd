"""Index moves: an array made of the elements of one or more others, each exactly once, in another order.

The same move is made of layouts, which are carried out on stored bytes (`moved_payloads`), and of arrays in memory.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..devices.states import is_device_array
from .layouts import Layout, indexed, joined, split, stacked


class Move(NamedTuple):
    """How one array is made: split, index, stack, permute, join.

    `sizes` are the axes into which the source is split, in C order. `fixed` are indices along some of them, by their
    positions. `stack` are the axes along which sources are stacked, in front of those that are left; there are as many
    sources as their product. `order` are positions in the axes that there are then, and `shape` is what they are joined
    to.
    """

    sizes: tuple[int, ...]
    fixed: dict[int, int]
    stack: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]


def moved_layout(move: Move, sources: Sequence[Layout]) -> Layout:
    """Where the elements of the result stand. Raises NotStrided where one pass cannot do it."""
    parts = [joined(*indexed(split(source, move.sizes), source.origins, move.fixed)) for source in sources]
    rest = [size for position, size in enumerate(move.sizes) if position not in move.fixed]
    whole = stacked(parts) if move.stack else parts[0]
    groups = split(whole, (*move.stack, *rest))
    return joined([groups[i] for i in move.order], whole.origins)


def moved_array(move: Move, sources: Sequence[Any]) -> Any:
    """The result as an array: of numpy arrays a new one or a view, of jax arrays one of jax."""
    parts = [source.reshape(move.sizes)[_index(move)] for source in sources]
    rest = parts[0].shape
    whole = _library(parts).stack(parts).reshape((*move.stack, *rest)) if move.stack else parts[0]
    return whole.transpose(move.order).reshape(move.shape)


def _index(move: Move) -> tuple[Any, ...]:
    return tuple(move.fixed.get(position, slice(None)) for position in range(len(move.sizes)))


def _library(arrays: Sequence[Any]) -> Any:
    return sys.modules["jax"].numpy if any(map(is_device_array, arrays)) else np


def count(move: Move) -> int:
    """How many elements the result has."""
    return math.prod(move.shape)
