"""What was given as the base of a delta and is not it: the delta itself, or the base in another dtype."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from ..containers.delta_file import DELTA
from ..containers.registry import begins_as
from ..format.errors import UsageError, WrongKind
from ..format.manifests import Manifest
from ..storage.place import OpenedFile
from .operands import Side, open_side

SWAPPED: Final = "BASE and DELTA are swapped"


def open_base(base: Any, names: str, delta: OpenedFile, stack: contextlib.ExitStack) -> Side:
    """`open_side` of a base. Raises UsageError where it is the delta, and the delta is not."""
    try:
        return stack.enter_context(open_side(base, names=names))
    except WrongKind as error:
        if error.kind == DELTA and not begins_as(delta, DELTA):
            raise UsageError(f"{SWAPPED}: {error.file} is a delta, and {delta.name} is not") from None
        raise


def cast_of(base: Side, manifest: Manifest, differ: Sequence[tuple[str, ...]]) -> tuple[str, str] | None:
    """The dtypes that a base has and should have, where each leaf that differs has another dtype and the same shape."""
    leaves = {item.path: item.leaf for item in base.items}
    entries = {entry.path: entry for entry in manifest.leaves}
    dtypes = set[tuple[str, str]]()
    for path in differ:
        leaf, entry = leaves.get(path), entries.get(path)
        if leaf is None or entry is None or not entry.like_base or leaf.dtype is None or leaf.shape != entry.shape:
            return None
        if leaf.dtype == entry.dtype:  # which the base's leaf has too (`like_base`)
            return None
        dtypes.add((leaf.dtype.name, str(entry.dtype)))
    found, wanted = zip(*sorted(dtypes), strict=True)
    return ", ".join(dict.fromkeys(found)), ", ".join(dict.fromkeys(wanted))
