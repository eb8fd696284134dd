"""Spec chapter 04: a leaf of which a part is known, and the rest is read when somebody asks for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

from .leaves import Leaf

_LATER: Final = ("str", "bin")  # kinds whose payload has a size of its own; that of an array follows from its shape


class LaterLeaf(Leaf):
    """A leaf of which the kind is known, of an array the dtype and shape too, and all else is read when it is asked
    for. Asking raises what reading raises: FormatError, OSError, and ValueError where the file was closed before.

    It is taken apart, compared, copied and pickled as the leaf that is read.
    """

    __slots__ = ()

    @classmethod
    def of(cls, known: Leaf, read: Callable[[], Leaf]) -> LaterLeaf:
        """The leaf of which `known` is known; `read` gives all of it, and is called no more once it has."""
        return cls(known.kind, known.dtype, known.shape, known.nbytes, (), functools.cache(read))

    def read(self) -> Leaf:
        """The leaf as it is."""
        return tuple.__getitem__(self, 5)()

    @property
    def nbytes(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.read().nbytes if self.kind in _LATER else tuple.__getitem__(self, 3)

    @property
    def extents(self) -> tuple[tuple[int, int], ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.read().extents

    @property
    def value(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.read().value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read())

    def __getitem__(self, at: Any) -> Any:
        return self.read()[at]

    def __eq__(self, other: object) -> bool:
        return self.read() == (as_read(other) if isinstance(other, Leaf) else other)

    def __ne__(self, other: object) -> bool:  # a tuple has one of its own
        return not self == other

    def __hash__(self) -> int:
        return hash(self.read())

    def __reduce__(self) -> tuple[Any, ...]:
        return Leaf, tuple(self)

    def __repr__(self) -> str:
        return f"LaterLeaf(kind={self.kind!r}, dtype={self.dtype!r}, shape={self.shape!r})"

    def _replace(self, **changes: Any) -> Leaf:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.read()._replace(**changes)


def as_read(leaf: Leaf) -> Leaf:
    """The leaf, read if it has not been. Raises FormatError, OSError, and ValueError where the file is closed."""
    return leaf.read() if isinstance(leaf, LaterLeaf) else leaf
