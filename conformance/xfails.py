"""Failures that are expected of a program, each with its reason. An expectation that does not come true is a failure.

A line is `PART GLOB OUTCOME: reason`: the part (decode, encode, ...), a pattern of case ids, what the program does with
those cases, and why. Empty lines and lines that begin with `#` are left out. The outcome is one of

- `accepted`: it accepts what is to be rejected,
- `rejected`: it rejects what is to be accepted,
- `crashed`: it ends in another way than CLIENT.md describes, or breaks a limit,
- `wrong`: it gives other values or bytes, or touches an output that is to stay as it was,
- `advised`: all is right but what SHOULD be so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from .asking import PARTS
from .compare import FAULTS
from .judge import Check

_LINE: Final = re.compile(r"(\S+)\s+(\S+)\s+(\w+):\s+(\S.*)")


class Xfail(NamedTuple):
    """Cases that a part is expected to fail, with which outcome, and why."""

    part: str
    glob: str
    outcome: str
    reason: str

    def matches(self, check: Check) -> bool:
        return check.part == self.part and fnmatchcase(check.case.id, self.glob)


def read_xfails(file: Path) -> list[Xfail]:
    """Raises ValueError for a line of another form, OSError."""
    found = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] not in PARTS or match[3] not in FAULTS:
            raise ValueError(
                f"{file}:{number}: expected `PART GLOB OUTCOME: reason`; found {line.strip()!r:.100}. "
                f"A part is one of {', '.join(PARTS)}; an outcome, which says what the program does with these cases, "
                f"one of {', '.join(FAULTS)}"
            )
        found.append(Xfail(*match.groups()))
    return found


def expected(xfails: Iterable[Xfail], check: Check) -> Xfail | None:
    """The first expectation that covers a check."""
    return next((xfail for xfail in xfails if xfail.matches(check)), None)
