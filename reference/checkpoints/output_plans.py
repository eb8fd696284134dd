"""What is to be written to an output, before any of it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from ..containers.orbax_container import NewOrbax
from ..format.payloads import Step


class Plan(NamedTuple):
    """What is to be written: for each file its name, "" where the output is one file, and its steps."""

    files: list[tuple[str, list[Step]]]
    index_bytes: bytes | None = None
    orbax: NewOrbax | None = None  # whose arrays the steps fill
    beside: tuple[str, bytes] | None = None  # a file that comes before them, as its path and its bytes

    def sizes(self) -> list[int]:
        """The bytes of all steps."""
        return [step.size() for _, steps in self.files for step in steps]

    def nbytes(self) -> int:
        """The bytes of all files."""
        return sum(self.sizes()) + len(self.index_bytes or b"")

    def clear(self) -> None:
        """Let go of all payloads."""
        for _, steps in self.files:
            steps.clear()


def taken(steps: list[Step]) -> Iterator[Step]:
    """The steps, each let go of when the next is taken."""
    left = deque(steps)
    steps.clear()
    while left:
        yield left.popleft()
