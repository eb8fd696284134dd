"""Key paths as callers give them: tuples, with whole numbers among their parts, or display forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..format.keypaths import parse

KeyPathLike = str | tuple[str | int, ...]


def parts_of(path: Any) -> tuple[str, ...]:
    """The key path of a tuple, in which whole numbers stand for their texts, or of a display form (KEY-6).

    Raises ValueError for a wrong escape, TypeError for what cannot be a key path.
    """
    if isinstance(path, str):
        return parse(path)
    if not isinstance(path, tuple | list):
        raise TypeError(f"a key path is a tuple of texts, or its display form, not {type(path).__name__}")
    return tuple(map(_part, path))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bool) or not isinstance(part, int | np.integer):
        raise TypeError(f"the parts of a key path are texts, or whole numbers, and {part!r} is neither")
    return str(part)
