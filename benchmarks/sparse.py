"""Streams of zeros with holes in the place of their payloads: they are as long as they say, and take no room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from reference.containers.stream import planned
from reference.format.leaves import Leaf
from reference.format.payloads import Step, write_steps
from reference.format.records import Item
from reference.format.sealing import SealOptions

from . import trees

_ZEROS: Final = memoryview(bytes(1 << 23))


class Zeros:
    """A payload of nothing but zeros."""

    def move(self, n: int, sink: Any) -> None:
        for at in range(0, n, len(_ZEROS)):
            sink.write(_ZEROS[: min(len(_ZEROS), n - at)])


class Holes:
    """A sink that passes over what is part of `_ZEROS`."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> None:
        if isinstance(data, memoryview) and data.obj is _ZEROS.obj:
            self._file.seek(len(data), 1)
        else:
            self._file.write(data)


def save(path: Path, work: str, sealed: bool) -> None:
    """The checksums of a sealed one are made of all of its zeros, as those of any stream."""
    items = [
        Item(key, Leaf("ndarray", dtype=np.dtype(dtype), shape=shape, nbytes=trees.leaf_bytes(shape, dtype)), Zeros)
        for key, (shape, dtype) in trees.WORKS[work].shapes().items()
    ]
    steps: Sequence[Step] = planned(items, SealOptions() if sealed else None)
    with path.open("wb") as file:
        write_steps(Holes(file), steps)  # pyright: ignore[reportArgumentType]
        file.truncate()
