"""What several programs do where, by clause: the table in Markdown, and what the page shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..model import Corpus

PASSED, FAILED, KNOWN = "pass", "fail", "known"
_ABOUT = """# Who does what

Programs against the clauses of the specification, by the conformance corpus {version}. *yes*: every case that cites the
clause is passed; *no*: some are not, and the reasons are known and listed below; **no**: some are not.
"""
_MARKS = {PASSED: "yes", FAILED: "**no**", KNOWN: "no", None: ""}


class Cell(NamedTuple):
    """One program under one clause: how many checks there were, and those that were not passed."""

    total: int
    missed: list[dict[str, Any]]

    @property
    def state(self) -> str | None:
        if not self.total:
            return None
        if not self.missed:
            return PASSED
        return FAILED if any(check["state"] == "failed" for check in self.missed) else KNOWN


def matrix(corpus: Corpus, runs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[Cell]]]:
    """Each clause with a cell for each program."""
    for clause in corpus.sentences:
        cells = []
        for run in runs:
            checks = [check for check in run["checks"] if clause in check["clauses"] and _counts(check)]
            missed = [check for check in checks if check["state"] not in ("passed", "unexpectedly passed")]
            cells.append(Cell(len(checks), missed))
        yield clause, cells


def _counts(check: dict[str, Any]) -> bool:
    """Whether a MUST was judged: what is beside the MUSTs is one where it fails."""
    return check["level"] == "MUST" or check["state"] == "failed"


def markdown(corpus: Corpus, runs: Sequence[dict[str, Any]]) -> str:
    """The table, and under it each program's failures with the reasons that are known."""
    names = " | ".join(run["name"] for run in runs)
    lines = [_ABOUT.format(version=corpus.version), f"| clause | {names} |", "|---|" + "---|" * len(runs)]
    for clause, cells in matrix(corpus, runs):
        shown = " | ".join(_mark(cell) for cell in cells)
        if any(cell.total for cell in cells):
            lines.append(f"| {clause} | {shown} |")
    for run in runs:
        lines += ["", *_failures(run)]
    return "\n".join(lines) + "\n"


def _mark(cell: Cell) -> str:
    mark = _MARKS[cell.state]
    return f"{mark} {cell.total - len(cell.missed)}/{cell.total}" if cell.missed else mark


def _failures(run: dict[str, Any]) -> Iterator[str]:
    passed = sum(check["state"] == "passed" for check in run["checks"])
    yield f"### {run['name']}"
    yield ""
    yield f"{passed} of {len(run['checks'])} checks passed, of the parts {', '.join(run['commands'])}."
    reasons: dict[str, list[str]] = {}
    for check in run["checks"]:
        if check["state"] not in ("passed", "unexpectedly passed"):
            reason = check["reason"] or f"({check['state']}) {check['got']}"
            reasons.setdefault(reason, []).append(f"`{check['case']}`")
    for reason, cases in reasons.items():
        more = f" and {len(cases) - 6} more" if len(cases) > 6 else ""
        yield f"- {reason}: {', '.join(cases[:6])}{more}"
