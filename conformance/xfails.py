"""Failures that are expected of a program, each with its reason. An expectation that does not come true is a failure.

A line is `PART GLOB: reason`: the part (decode, encode, ...), a pattern of case ids, and why those cases fail. Empty
lines and lines that begin with `#` are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from .judge import PARTS, Check

_LINE: Final = re.compile(r"(\S+)\s+(\S+?):\s+(\S.*)")


class Xfail(NamedTuple):
    """Cases that a part is expected to fail, and why."""

    part: str
    glob: str
    reason: str

    def matches(self, check: Check) -> bool:
        return check.part == self.part and fnmatchcase(check.case.id, self.glob)


def read_xfails(file: Path) -> list[Xfail]:
    """Raises ValueError for a line that is none, OSError."""
    found = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] not in PARTS:
            raise ValueError(f"{file}:{number}: a line is `PART GLOB: reason`, with a part of {', '.join(PARTS)}")
        found.append(Xfail(*match.groups()))
    return found


def expected(xfails: Iterable[Xfail], check: Check) -> Xfail | None:
    """The first expectation that covers a check."""
    return next((xfail for xfail in xfails if xfail.matches(check)), None)
