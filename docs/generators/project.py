"""What the pages are made from, read once for each build."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from conformance.clauses import Clause, read_clauses
from conformance.model import Case, Corpus, load_corpus, read_corpus
from conformance.reports.results import expanded
from conformance.reports.table import Cell, matrix

ROOT: Final = Path(__file__).parents[2]
VERSIONS: Final = ("1.0",)  # of the specification, the oldest first
CURRENT: Final = VERSIONS[-1]


class Verdict(NamedTuple):
    """What a program did with a case in one part; `state` is one of those of `conformance.runner`."""

    program: str
    part: str
    state: str
    reason: str
    got: str


def corpus() -> Corpus:
    return load_corpus()


@cache
def clauses(version: str = CURRENT) -> dict[str, Clause]:
    return read_clauses(version)


@cache
def runs() -> list[dict[str, Any]]:
    """The last results of every client (`make results`), with a check for each case."""
    kept = json.loads((ROOT / "conformance/results.json").read_text())
    return [expanded(corpus(), short) for short in kept]


@cache
def cells() -> dict[str, list[Cell]]:
    """For each clause a cell for each of `runs`."""
    return dict(matrix(corpus(), runs()))


@cache
def cases_of() -> dict[str, list[Case]]:
    """For each clause the cases that cite it."""
    found: dict[str, list[Case]] = {id: [] for id in corpus().sentences}
    for case in corpus().cases:
        for id in case.clauses:
            found[id].append(case)
    return found


@cache
def verdicts() -> dict[str, list[Verdict]]:
    """For each case what the programs did with it, in the order of `runs`."""
    found: dict[str, list[Verdict]] = {case.id: [] for case in corpus().cases}
    for run in runs():
        for check in run["checks"]:
            told = (check[name] for name in ("part", "state", "reason", "got"))
            found[check["case"]].append(Verdict(run["name"], *told))
    return found


def forget() -> None:
    """Read everything anew at the next build, which may come after a change (`make serve`)."""
    for kept in (read_corpus, clauses, runs, cells, cases_of, verdicts):
        kept.cache_clear()
