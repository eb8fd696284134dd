"""Several files as one source: a checkpoint in shards is read as if it stood in one piece."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence

from ..format.errors import FormatError, UsageError
from ..format.wire import BytesSource
from .place import OpenedFile


class JoinedFiles:
    """Opened files one after the other, in the order given; offsets count from the first byte of the first.

    A record is where its offset is: `locate` says in which file. Whoever reads the headers of a shard adds the offset
    at which it `starts`. Closing it closes them all.
    """

    def __init__(self, files: Sequence[OpenedFile]) -> None:
        if not files:
            raise UsageError("at least one file is needed")
        self.files = list(files)
        self.starts = [0, *itertools.accumulate(file.size for file in files)]
        self.size = self.starts.pop()
        more = len(files) - 1
        self.name = files[0].name + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def locate(self, offset: int) -> tuple[OpenedFile, int]:
        """The file in which the byte at an offset stands, and its offset there; for the end, the end of the last."""
        i = bisect.bisect_right(self.starts, min(offset, max(self.size - 1, 0))) - 1
        return self.files[i], offset - self.starts[i]

    def parts(self, offset: int, n: int) -> Iterator[tuple[OpenedFile, int, int]]:
        """The stretches, as (file, offset in it, bytes), of which `n` bytes are made. Raises FormatError (STREAM-2)."""
        if not 0 <= offset <= self.size - n:
            detail = f"{n} bytes at byte {offset} are asked for, and there are {self.size} in all files together"
            raise FormatError("STREAM-2", offset, None, detail, "a file of the checkpoint has been cut off")
        while n:
            file, at = self.locate(offset)
            part = min(n, file.size - at)
            yield file, at, part
            offset, n = offset + part, n - part

    def read_at(self, offset: int, n: int) -> bytes:
        return b"".join([file.read_at(at, part) for file, at, part in self.parts(offset, n)])

    def read_into(self, offset: int, view: memoryview) -> None:
        done = 0
        for file, at, part in self.parts(offset, len(view)):
            file.read_into(at, view[done : done + part])
            done += part

    def refuse_changes(self) -> None:
        for file in self.files:
            file.refuse_changes()

    def map(self) -> BytesSource:
        if len(self.files) == 1:
            return self.files[0].map()
        raise UsageError(f"{self.name}: several files cannot be mapped as one")

    def close(self) -> None:
        for file in self.files:
            file.close()
