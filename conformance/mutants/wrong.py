"""Wrong readers and writers that were thought of."""

from collections.abc import Iterator
from pathlib import Path

from .operators import Mutant


def wrong(root: Path) -> Iterator[Mutant]:
    yield from ()
