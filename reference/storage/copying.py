"""Stretches of a file put into another: by the kernel, or through memory, whichever a trial finds the faster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

from ..format.wire import Source
from .joined_files import JoinedFiles
from .local_files import CALL, FileSource

_SHORT: Final = 1 << 18  # bytes; what is shorter is joined with the small writes before and after it
_BUFFER: Final = 1 << 20  # bytes read at a time on the way through memory
# Bytes copied in each way to see which is the faster. Three stretches of it are 24 MiB, and a leaf shorter than that is
# copied by the kernel. It was tried with flax to stream on tmpfs, where the kernel copies at 1.45 GB/s to some offsets
# and at 2.4 to others: 1.12 of the time of `cp` before, 0.94 with the trial. Other sizes were not compared.
_TRIAL: Final = 1 << 23


class Writable(Protocol):
    """What takes bytes."""

    def write(self, data: bytes | memoryview) -> None: ...


class Output(Writable, Protocol):
    """A sink over a file, as one who copies into it sees it."""

    fd: int

    def flush(self) -> None:
        """Have all that was written stand in the file."""
        ...

    def count(self, n: int) -> None:
        """Take note of `n` bytes that somebody else has put into the file."""
        ...


def through_memory(output: Writable, source: Source, offset: int, n: int) -> None:
    """Put the `n` bytes at `offset` of a source into an output, a part at a time. Raises OSError, FormatError."""
    while n:
        part = source.read_at(offset, min(n, _BUFFER))
        output.write(part)
        offset, n = offset + len(part), n - len(part)


class Copier:
    """Copies stretches of sources into one output: those of files by the kernel, where it can."""

    def __init__(self, output: Output, by_kernel: bool = True) -> None:
        self._output = output
        self._kernel_copies = by_kernel and hasattr(os, "copy_file_range")

    def copy(self, source: Source, offset: int, n: int) -> None:
        """Put the `n` bytes at `offset` of a source into the output. Raises OSError, FormatError."""
        if n < _SHORT:
            self._through_memory(source, offset, n)
        elif isinstance(source, JoinedFiles):
            for part in source.parts(offset, n):
                self.copy(*part)
        elif isinstance(source, FileSource):
            self._by_kernel(source, offset, n)
        else:
            self._through_memory(source, offset, n)

    def _by_kernel(self, source: FileSource, offset: int, n: int) -> None:
        output = self._output
        output.flush()
        while n and self._kernel_copies:
            at = os.lseek(output.fd, 0, os.SEEK_CUR)
            with source.descriptor as fd:
                try:
                    moved = os.copy_file_range(fd, output.fd, min(n, CALL), offset)
                except OSError:
                    moved = 0
                    os.lseek(output.fd, at, os.SEEK_SET)  # a server's answer may be lost when the copy has been made
            if not moved:  # the kernel cannot serve these two files, or one is at fault: a plain copy finds out which
                self._kernel_copies = False
                break
            output.count(moved)
            offset, n = offset + moved, n - moved
        self._through_memory(source, offset, n)

    def _through_memory(self, source: Source, offset: int, n: int) -> None:
        through_memory(self._output, source, offset, n)


class TryingCopier(Copier):
    """Copies large stretches of files in the way that a trial on the first of them has found to be the faster.

    For an output that is written by a thread: memory is copied faster by two threads, one that reads and one that
    writes, and a file server may copy without sending anything.
    """

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._way: Callable[[Source, int, int], None] | None = None

    def copy(self, source: Source, offset: int, n: int) -> None:
        if self._way is None and n >= 3 * _TRIAL and isinstance(source, FileSource):
            # Through memory it is the second time that counts: the first has to find the buffers.
            ways = self._through_memory, super().copy, self._through_memory
            _, *seconds = [self._seconds(way, source, offset + i * _TRIAL) for i, way in enumerate(ways)]
            self._way = ways[1 + seconds.index(min(seconds))]
            offset, n = offset + 3 * _TRIAL, n - 3 * _TRIAL
        (self._way or super().copy)(source, offset, n)

    def _seconds(self, way: Callable[[Source, int, int], None], source: Source, offset: int) -> float:
        self._output.flush()
        start = time.perf_counter()
        way(source, offset, _TRIAL)
        self._output.flush()
        return time.perf_counter() - start
