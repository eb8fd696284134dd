"""The clauses of a version of the specification, read from its chapters: what cases cite and failures quote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

SPEC: Final = Path(__file__).parents[1] / "spec"
_HEADING: Final = re.compile(r"^#### ([A-Z]+-[1-9][0-9]*)$", re.M)
_BLOCK: Final = re.compile(r"^```hex ([^\n]*)\n(.*?)^```", re.M | re.S)


class Example(NamedTuple):
    """A block of bytes under a clause: what it is marked with (`accept`, `flax refuse`, ...) and its commented
    digits."""

    info: str
    text: str


class Clause(NamedTuple):
    """A rule: its id, the chapter in which it stands, its first sentence, the whole of its text, and its examples."""

    id: str
    chapter: str
    sentence: str
    text: str
    examples: list[Example]


def read_clauses(version: str, spec: Path = SPEC) -> dict[str, Clause]:
    """All clauses of a version by id, in the order of the chapters; what stands before the first is the chapter's
    own."""
    found = {}
    for chapter in sorted((spec / version).glob("[0-9]*.md")):
        text = chapter.read_text()
        headings = [*_HEADING.finditer(text)]
        ends = [heading.start() for heading in headings[1:]] + [len(text)]
        for heading, end in zip(headings, ends, strict=True):
            body = text[heading.end() : end].strip()
            examples = [Example(*block) for block in _BLOCK.findall(body)]
            sentence = body.splitlines()[0]
            found[heading[1]] = Clause(heading[1], chapter.stem, sentence, body, examples)
    return found


def introduction_examples(version: str, spec: Path = SPEC) -> list[Example]:
    """The examples that stand before the first clause of chapter 00."""
    (chapter,) = (spec / version).glob("00-*.md")
    return [Example(*block) for block in _BLOCK.findall(chapter.read_text().split("#### ")[0])]
