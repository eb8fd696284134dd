"""Wrong readers and writers that were thought of: what a program does that reads or writes a value in another way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from . import (
    wrong_files,
    wrong_indexes,
    wrong_metadata,
    wrong_parts,
    wrong_sealed_files,
    wrong_seals,
    wrong_values,
)
from .operators import Mutant

_OF_1_0: Final = (wrong_values, wrong_files)
_OF_2_0: Final = (wrong_parts, wrong_metadata, wrong_indexes, wrong_seals, wrong_sealed_files)
WRONG: Final = tuple(one for table in (*_OF_1_0, *_OF_2_0) for one in table.WRONG)


def wrong(root: Path, table: Sequence[tuple[str, ...]] = WRONG) -> Iterator[Mutant]:
    """The mutants of a table: what each does, its file, and the text that is replaced with what replaces it, or several
    such pairs where one rule is kept in several places. Raises ValueError where a text is not in its file exactly once.
    """
    for what, file, *texts in table:
        changed = text = (root / f"{file}.py").read_text()
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            if text.count(old) != 1:
                raise ValueError(f"{file}.py holds {old!r} {text.count(old)} times: {what}")
            changed = changed.replace(old, new)
        line = text[: text.index(texts[0])].count("\n") + 1
        yield Mutant(f"wrong/{what.replace(' ', '-')}", f"{file}.py", line, what, changed)
