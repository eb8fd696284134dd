"""Key paths as callers give them: tuples, with whole numbers among their parts, or display forms."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..containers.load_prefixes import split_prefix
from ..format.errors import article
from ..format.keypaths import parse
from ..storage.local_files import Path_

KeyPathLike = str | tuple[str | int, ...]


def parts_of(path: Any) -> tuple[str, ...]:
    """The key path of a tuple, in which whole numbers stand for their texts, or of a display form (KEY-6).

    Raises ValueError for a wrong escape, TypeError for what cannot be a key path.
    """
    if isinstance(path, str):
        return parse(path)
    if not isinstance(path, tuple | list):
        raise TypeError(
            f"a key path is a text such as 'h/0/wq', or a tuple of its parts, not {article(type(path).__name__)}"
        )
    return tuple(map(_part, path))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bool) or not isinstance(part, int | np.integer):
        raise TypeError(f"the parts of a key path are strings or whole numbers, and {part!r} is neither")
    return str(part)


def locate(path: Path_, prefix: KeyPathLike | None) -> tuple[str | None, str, KeyPathLike | None]:
    """The load prefix, the file and the key path that `open` is asked for. Raises UsageError."""
    if isinstance(prefix, str) and prefix.endswith("::"):
        path, prefix = f"{prefix}{os.fspath(path)}", None
    load_prefix, name = split_prefix(path)
    return load_prefix, name, prefix
