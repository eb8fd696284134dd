"""The clauses of a version of the specification, read from its chapters: what cases cite and failures quote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

SPEC: Final = Path(__file__).parents[1] / "spec"
_HEADING: Final = re.compile(r"^#### ([A-Z]+-[1-9][0-9]*)$", re.M)
_BLOCK: Final = re.compile(r"^```hex ([^\n]*)\n(.*?)^```", re.M | re.S)
_REPLACES: Final = re.compile(r"^Replaces ([^.]+?)(?:, (?:which|since) [^.]*)?\.(?=\s|$)", re.M)
_ID: Final = re.compile(r"\b[A-Z]+-[1-9][0-9]*\b")


class Example(NamedTuple):
    """A block of bytes under a clause: what it is marked with (`accept`, `flax refuse`, ...) and its commented
    digits."""

    info: str
    text: str


class Clause(NamedTuple):
    """A rule: its id, the chapter in which it stands, its first sentence, the whole of its text, its examples, and the
    version whose folder has it."""

    id: str
    chapter: str
    sentence: str
    text: str
    examples: list[Example]
    version: str

    def replaces(self) -> dict[str, str]:
        """The clauses of earlier versions that this one replaces, each with the sentence that says so and why."""
        told = ((" ".join(found[0].split()), found[1]) for found in _REPLACES.finditer(self.text))
        return {id: sentence for sentence, named in told for id in _ID.findall(named)}


class Replacement(NamedTuple):
    """What holds in place of a clause, and the sentence that says so and why."""

    old: str
    new: str
    reason: str


def number(version: str) -> tuple[int, ...]:
    """A version as a number that can be compared."""
    return tuple(map(int, version.split(".")))


def read_clauses(version: str, spec: Path = SPEC) -> dict[str, Clause]:
    """All clauses that hold in a version by id, in the order of the chapters: those of its own folder, and those of the
    versions before it, to which it adds. What stands before the first of a chapter is the chapter's own."""
    folders = sorted((folder.name for folder in spec.glob("[0-9]*.[0-9]*") if folder.is_dir()), key=number)
    if version not in folders:
        raise ValueError(f"there is no version {version} in {spec.name}/")
    until = [folder for folder in folders if number(folder) <= number(version)]
    return {id: clause for folder in until for id, clause in stated_in(folder, spec).items()}


def read_replacements(version: str, spec: Path = SPEC) -> list[Replacement]:
    """Which clauses of earlier versions a version replaces, in the order of its own."""
    stated = stated_in(version, spec).values()
    return [Replacement(old, clause.id, reason) for clause in stated for old, reason in clause.replaces().items()]


def stated_in(version: str, spec: Path = SPEC) -> dict[str, Clause]:
    """The clauses that stand in the folder of a version."""
    found = {}
    for chapter in sorted((spec / version).glob("[0-9]*.md")):
        text = chapter.read_text()
        headings = [*_HEADING.finditer(text)]
        ends = [heading.start() for heading in headings[1:]] + [len(text)]
        for heading, end in zip(headings, ends, strict=True):
            body = text[heading.end() : end].strip()
            examples = [Example(*block) for block in _BLOCK.findall(body)]
            sentence = body.splitlines()[0]
            found[heading[1]] = Clause(heading[1], chapter.stem, sentence, body, examples, version)
    return found


def introduction_examples(version: str, spec: Path = SPEC) -> list[Example]:
    """The examples that stand before the first clause of chapter 00."""
    (chapter,) = (spec / version).glob("00-*.md")
    return [Example(*block) for block in _BLOCK.findall(chapter.read_text().split("#### ")[0])]
