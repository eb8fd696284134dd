"""What a version of the specification replaces of the one before it and what it adds, as its clauses say it themselves:
`python -m conformance.differences` writes `spec/2.0/differences.md`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .clauses import SPEC, Clause, read_replacements, stated_in

OLD, NEW = "1.0", "2.0"
PAGE: Final = SPEC / NEW / "differences.md"
_HEAD: Final = f"""# Differences from version {OLD}

What version {NEW} replaces of [version {OLD}](../{OLD}/00-introduction.md), and what it adds, in the words of its
clauses. What is replaced holds on outside of sealed streams. `python -m conformance.differences` writes this page from
the chapters.

## Replaced
"""


def differences(spec: Path = SPEC) -> str:
    """The page, from the clauses of both versions."""
    old, new = stated_in(OLD, spec), stated_in(NEW, spec)
    order = [*old]
    replaced = [one for one in read_replacements(NEW, spec) if one.old in old]
    lines = [_HEAD, f"| in version {OLD} | in a sealed stream |", "|---|---|"]
    lines += [
        _row(_said(old[one.old]), f"{_said(new[one.new])} ({one.reason.rstrip('.')})")
        for one in sorted(replaced, key=lambda one: order.index(one.old))
    ]
    kept = len(old) - len({one.old for one in replaced})
    lines += ["", f"The other {kept} clauses of version {OLD} hold as they are.", ""]
    lines += ["## Added", "", "| clause | what it says |", "|---|---|"]
    lines += [_row(_link(clause), clause.sentence) for clause in new.values()]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _said(clause: Clause) -> str:
    return f"{_link(clause)}: {clause.sentence}"


def _link(clause: Clause) -> str:
    folder = "" if clause.version == NEW else f"../{clause.version}/"
    return f"[{clause.id}]({folder}{clause.chapter}.md#{clause.id.lower()})"


if __name__ == "__main__":
    PAGE.write_text(differences(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(SPEC.parent)}")
