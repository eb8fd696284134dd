"""Several files as one source: a checkpoint in shards is read as if it stood in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from ..format.errors import UsageError
from ..format.wire import BytesSource
from .joined_ranges import JoinedRanges
from .place import OpenedFile


class JoinedFiles(JoinedRanges[OpenedFile]):
    """Opened files one after the other, in the order given; offsets count from the first byte of the first.

    A record is where its offset is: `locate` says in which file. Whoever reads the headers of a shard adds the offset
    at which it `starts`. Closing it closes them all.
    """

    def __init__(self, files: Sequence[OpenedFile]) -> None:
        if not files:
            raise UsageError("at least one file is needed")
        super().__init__([(file, 0, file.size) for file in files])
        self.files = list(files)
        more = len(files) - 1
        self.name = files[0].name + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def refuse_changes(self) -> None:
        for file in self.files:
            file.refuse_changes()

    def map(self) -> BytesSource:
        """The files as memory, each in a map of its own."""
        return JoinedMemory([file.map() for file in self.files])

    def close(self) -> None:
        for file in self.files:
            file.close()


class JoinedMemory(BytesSource):
    """Several pieces of memory as one source; a view of it is one of the piece in which it stands."""

    def __init__(self, pieces: Sequence[BytesSource]) -> None:
        self._joined = JoinedRanges([(piece, 0, piece.size) for piece in pieces])
        self.size = self._joined.size

    def memory(self, offset: int) -> tuple[memoryview, int]:
        piece, at = self._joined.locate(offset)
        return piece.memory(at)

    def read_at(self, offset: int, n: int) -> bytes:
        return self._joined.read_at(offset, n)

    def read_into(self, offset: int, view: memoryview) -> None:
        self._joined.read_into(offset, view)
