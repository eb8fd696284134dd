"""What a page may show otherwise than it came out. Everything else is compared to the letter."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 80  # what a page shows without scrolling; longer lines are folded there, as in a terminal
WIDEST: Final = 112  # but for the rows of tables up to this width
_ROW: Final = re.compile(r"\S {2,}\S.* {2,}\S")  # three columns or more

# Figures that no two runs share. What matches is taken for equal, whatever its digits are.
VARIES: Final = (
    re.compile(r"\b\d+(\.\d+)? m?s\b"),  # a time
    re.compile(r"(?<=memory )\d+(\.\d+)? [kMG]i?B\b"),  # `most memory 36.4 MB`
    re.compile(r"\b\d+ MiB(?= of memory)"),  # `took more than 1626 MiB of memory` (conformance run)
    re.compile(r"^slowest .*(\n  .*)*", re.MULTILINE),  # which case is the slowest one (conformance run)
)
# bash names its own place before a program that was killed; a terminal shows the word alone.
_KILLED: Final = re.compile(r"^.*: line \d+: +\d+ (Killed|Terminated)\b.*$", re.MULTILINE)


def shown(output: str, places: Sequence[tuple[str, str]]) -> list[str]:
    """The lines of an output as a page shows them; `places` are paths and what stands for them."""
    for path, name in places:
        output = output.replace(path, name)
    output = _KILLED.sub(r"\1", output)
    return [part for line in output.rstrip("\n").split("\n") for part in _folded(line.rstrip())] if output else []


def _folded(line: str) -> list[str]:
    """A line in pieces that fit, broken at spaces where there are any."""
    if len(line) <= (WIDEST if _ROW.search(line) else WIDTH):
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False, replace_whitespace=False)


def same(wanted: Sequence[str], got: Sequence[str]) -> bool:
    """Whether a page shows what came out, but for what varies and where lines with such figures were folded."""
    return _plain(wanted) == _plain(got)


def _plain(lines: Sequence[str]) -> list[str]:
    text = "\n".join(lines)
    for pattern in VARIES:
        text = pattern.sub("<varies>", text)
    return text.split("\n")
