"""Memory that a worker shares with whoever watches it: how many inputs it has tried, and the one it is at.

A worker that dies or hangs cannot tell what it was doing; here it stands, written before each input is tried.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

MAX_INPUT: Final = 1 << 20  # bytes; longer inputs are not tried
_HEAD: Final = struct.Struct("<QdQ")  # executions, when the current one began (0: none), its bytes


class State(NamedTuple):
    """What a worker has last written; `began` is of time.monotonic, None between two inputs."""

    executions: int
    began: float | None
    data: bytes


class Board:
    """Both ends of the shared memory, a file of the worker's folder."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            new = path.with_suffix(".new")  # whoever watches sees it whole or not at all
            new.write_bytes(bytes(_HEAD.size + MAX_INPUT))
            new.replace(path)
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _HEAD.size + MAX_INPUT)
        self._executions = 0

    def begin(self, data: bytes) -> None:
        self._memory[_HEAD.size : _HEAD.size + len(data)] = data
        _HEAD.pack_into(self._memory, 0, self._executions, time.monotonic(), len(data))

    def end(self) -> None:
        self._executions += 1
        _HEAD.pack_into(self._memory, 0, self._executions, 0.0, 0)

    def count(self, executions: int) -> None:
        """Add inputs that were tried elsewhere."""
        self._executions += executions
        _HEAD.pack_into(self._memory, 0, self._executions, 0.0, 0)

    def read(self) -> State:
        executions, began, size = _HEAD.unpack_from(self._memory)
        return State(executions, began or None, self._memory[_HEAD.size : _HEAD.size + size])
