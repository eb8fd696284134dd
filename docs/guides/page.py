"""A guide as the blocks that stand in it, each with the lines where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs" / "pages" / "guides"

_FENCE: Final = re.compile(r"^(?P<ticks>`{3,})(?P<language>[a-z]*)(?P<rest>.*)$")
_TITLE: Final = re.compile(r'\btitle="([^"]+)"')
_NOT_RUN: Final = re.compile(r"^<!-- not run: (.+) -->$")
_INDENTED: Final = re.compile(r"^\s+`{3,}")


class GuideError(Exception):
    """A guide that cannot be run, or that does not say what happens."""


@dataclass
class Block:
    """A fenced block. `first` is the line of the page, from 0, on which its text begins; `lines` is that text."""

    language: str
    title: str | None
    first: int
    lines: list[str] = field(default_factory=list)
    not_run: str | None = None  # the reason

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


@dataclass
class Command:
    """A command of a console block, and the lines that the page shows as its output."""

    text: str
    first: int  # the line of the page, from 0, on which its output begins
    shown: list[str] = field(default_factory=list)


def guides() -> list[Path]:
    return sorted(PAGES.glob("*.md"))


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page. Raises GuideError for one that is indented, empty or not closed."""
    lines = text.splitlines()
    block: Block | None = None
    ticks = ""
    for number, line in enumerate(lines):
        if block is not None:
            if line == ticks:
                if not block.lines:
                    raise GuideError(f"line {number + 1}: this block is empty")
                yield block
                block = None
            else:
                block.lines.append(line)
        elif match := _FENCE.match(line):
            ticks = match["ticks"]
            title = _TITLE.search(match["rest"])
            reason = _NOT_RUN.match(lines[number - 1]) if number else None
            block = Block(match["language"], title and title[1], number + 1, not_run=reason and reason[1])
        elif _INDENTED.match(line):
            raise GuideError(f"line {number + 1}: a block begins at the left margin, or it would not be run")
    if block is not None:
        raise GuideError(f"line {block.first}: this block has no end")


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block. Raises GuideError where it begins with something else."""
    command: Command | None = None
    for number, line in enumerate(block.lines, block.first):
        if line.startswith("$ "):
            if command is not None:
                yield command
            command = Command(line[2:], number + 1)
        elif command is None:
            raise GuideError(f"line {number + 1}: a console block begins with `$ ` and a command")
        elif not command.shown and number == command.first and line.startswith("> "):
            command.text += f"\n{line[2:]}"
            command.first += 1
        else:
            command.shown.append(line)
    if command is not None:
        yield command
