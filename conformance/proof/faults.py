"""Faults that are planted in the header, each in one function, to see that the proof would notice."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

_FAULTS: Final = Path(__file__).with_name("faults.toml")


class Fault(NamedTuple):
    """A text in a function that becomes another, and what is wrong then."""

    function: str
    what: str
    text: str
    becomes: str

    def planted(self, source: str) -> str:
        """The source with the fault. Raises: ValueError where the text does not stand there exactly once."""
        if source.count(self.text) != 1:
            raise ValueError(f"{self.text!r} occurs {source.count(self.text)} times in the source, and not once")
        return source.replace(self.text, self.becomes)


def read_faults() -> list[Fault]:
    return [Fault(**entry) for entry in tomllib.loads(_FAULTS.read_text())["fault"]]
