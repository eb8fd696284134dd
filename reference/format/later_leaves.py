"""Spec chapter 04: a leaf of which a part is known, and the rest is read when somebody asks for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .leaves import Leaf


class LaterLeaf(Leaf):
    """A leaf of which the kind is known, of an array the dtype and shape too, and all else is read when it is asked
    for. Asking raises what reading raises (FormatError, OSError)."""

    __slots__ = ()

    @classmethod
    def of(cls, known: Leaf, read: Callable[[], Leaf]) -> LaterLeaf:
        """The leaf of which `known` is known; `read` gives all of it, and is called no more once it has."""
        return cls(known.kind, known.dtype, known.shape, known.nbytes, (), functools.cache(read))

    def read(self) -> Leaf:
        """The leaf as it is."""
        return self[5]()

    @property
    def nbytes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self[3] if self.dtype is not None else self.read().nbytes

    @property
    def extents(self) -> tuple[tuple[int, int], ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.read().extents

    @property
    def value(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.read().value


def as_read(leaf: Leaf) -> Leaf:
    """The leaf, read if it has not been. Raises FormatError, OSError."""
    return leaf.read() if isinstance(leaf, LaterLeaf) else leaf
