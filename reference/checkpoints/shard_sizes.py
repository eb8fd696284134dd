"""How the leaves of a checkpoint are divided into shards, and the sizes that people give for these."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ..format.errors import UsageError

# The largest shard where nothing else is said, in bytes of tensors: what transformers and huggingface_hub take.
DEFAULT_SHARD: Final = "5GB"
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS_OF_TWO: Final = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}

_Leaf = TypeVar("_Leaf")


def shards_of(items: Sequence[_Leaf], most: int, nbytes: Callable[[_Leaf], int]) -> list[list[_Leaf]]:
    """The leaves of each shard, in their order: a shard is full when the next leaf would bring it over `most` bytes.

    A leaf that is larger has a shard of its own, as huggingface_hub has it.
    """
    shards: list[list[_Leaf]] = []
    current: list[_Leaf] = []
    size = 0
    for item in items:
        if (n := nbytes(item)) > most:
            shards.append([item])
            continue
        if current and size + n > most:
            shards.append(current)
            current, size = [], 0
        current.append(item)
        size += n
    return [*shards, current] if current else shards


def bytes_of_size(size: int | str) -> int:
    """Bytes of a size such as 5GB (powers of 1000) or 5GiB (of 1024), or of a number of bytes. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([A-Za-z]*)", str(size).strip())
    unit = found[2].upper() if found else ""
    factor = (_UNITS | _UNITS_OF_TWO).get(unit)
    if found is None or factor is None or (nbytes := int(float(found[1]) * factor)) < 1:
        raise UsageError(f"{size!r} is not a size; expected a number with a unit, as in 5GB, 500MB or 2GiB")
    return nbytes
