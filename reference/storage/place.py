"""The seam of places: what is asked of wherever a checkpoint is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ..format.wire import BytesSource, Sink, Source
from .local_files import Progress


class OpenedFile(Source, Protocol):
    """A file that has been opened to be read.

    `name` is what errors call it. What goes wrong while it is read is an OSError that names it, or FormatError
    (STREAM-2) past its end. After `close` every call raises ValueError.
    """

    @property
    def name(self) -> str: ...

    def refuse_changes(self) -> None:
        """Raise OSError if somebody has written to the file since it was opened: what was read may be of two files."""
        ...

    def map(self) -> BytesSource:
        """The file as read-only memory, of which views stay valid after `close`. Raises UsageError if it has none."""
        ...

    def close(self) -> None: ...


class ManyRanges(Protocol):
    """What a source offers beside `Source` where each request takes long, however little is asked for.

    A source that has no such methods is read range by range (see `reading_ahead`).
    """

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        """Fill many views, each with the bytes from an offset on. Raises what `read_into` does."""
        ...

    def expect(self, extents: Iterable[tuple[int, int]]) -> None:
        """Take note of what will be read next, in this order, as (offset, bytes)."""
        ...


class Place(Protocol):
    """A file that may be there or not. `streamckpt.testing.PlaceJudge` judges any such class.

    `name` is what errors call it.
    """

    @property
    def name(self) -> str: ...

    def open(self) -> OpenedFile:
        """Open it to be read. Raises OSError, IsADirectoryError and FileNotFoundError among others."""
        ...

    def make_folder(self) -> None:
        """Make the folder in which it stands, where a place has folders. Raises OSError."""
        ...

    def check_output(self) -> None:
        """Refuse an output that cannot be written, before any work is done. Raises OSError."""
        ...

    def replace(
        self, progress: Progress | None = None, behind: bool = False, size: int = 0
    ) -> AbstractContextManager[Sink]:
        """A block that writes the file, which takes its place whole when the block ends, or not at all (STREAM-8).

        `progress` is told how many bytes have been moved. With `behind` the sink may still be at work on what it was
        given when a call returns, so that memory has to stay as it is until the block ends. `size` is about how many
        bytes there will be, 0 where nobody knows: a bucket takes a large file in larger parts. Raises OSError.
        """
        ...
