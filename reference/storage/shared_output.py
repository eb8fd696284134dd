"""What several processes write together: a file on a disk that they share, or an object of a bucket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from .local_files import Progress
from .object_parts import Ranges

Give = Callable[[str, bytes], None]  # leaves bytes under a name for another process
Take = Callable[[int, str], bytes]  # what a process has given


class PlacedBytes(Protocol):
    """A sink that goes on at any offset."""

    def at(self, offset: int) -> None: ...

    def write(self, data: bytes | memoryview) -> None: ...


class SharedOutput:
    """An output that appears whole, or not at all, when all processes have written their bytes of it.

    All of them call its methods in the order in which they stand here, but for `begin` and `take_place`, which one
    process calls, and `join`, which the others do. Each may raise OSError.
    """

    def part(self, size: int) -> int | None:
        """The bytes in which it is written, of `size` in all; None where any number will do."""
        return None

    def divide(self, ranges: Callable[[], Ranges], size: int, me: int) -> None:
        """Learn which ranges each process writes, how many bytes there are, and which process this one is."""

    def begin(self) -> str:
        """Make it. Returns the name by which the others find it."""
        raise NotImplementedError

    def join(self, name: str) -> None:
        """Find what another process has made."""
        raise NotImplementedError

    def sink(self, progress: Progress) -> AbstractContextManager[PlacedBytes]:
        """A block that writes, at any offsets; when it ends all has been stored that needs no other process."""
        raise NotImplementedError

    def give(self, give: Give) -> None:
        """Give other processes what they are to have of what this one has written."""

    def fill(self, give: Give, take: Take) -> None:
        """When all have given, store what others have given, and give what `take_place` needs."""

    def take_place(self, take: Take) -> None:
        """When all of it is stored, have it take its place."""
        raise NotImplementedError

    def settle(self) -> None:
        """Note that it has taken its place."""

    def close(self) -> None:
        """Let go of it, and remove it unless it has taken its place."""
        raise NotImplementedError
