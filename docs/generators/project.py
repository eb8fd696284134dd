"""What the pages are made from, read once for each build."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from conformance.clauses import Clause, number, read_clauses
from conformance.model import Case, Corpus, load_corpus, read_corpus
from conformance.reports.results import expanded
from conformance.reports.table import Cell, matrix

ROOT: Final = Path(__file__).parents[2]
VERSIONS: Final = ("1.0", "2.0")  # of the specification, the oldest first
NEWEST: Final = VERSIONS[-1]


class Verdict(NamedTuple):
    """What a program did with a case in one part; `state` is one of those of `conformance.runner`."""

    program: str
    part: str
    state: str
    reason: str
    got: str


def corpus(version: str) -> Corpus:
    """The cases that hold in a version, and the sentences of its clauses."""
    return load_corpus(spec=version)


@cache
def cases() -> list[Case]:
    """The cases of all versions, each as the first one judges it in which it holds."""
    found: dict[tuple[str, str], Case] = {}
    for version in VERSIONS:
        for case in corpus(version).cases:
            found.setdefault((case.id, case.part), case)
    return [found[key] for key in sorted(found)]


@cache
def clauses() -> dict[str, Clause]:
    """The clauses of all versions: an id names one rule in all of them."""
    return read_clauses(NEWEST)


@cache
def kept() -> list[tuple[str, dict[str, Any]]]:
    """The last results of every client (`make results`): by which version it was judged, and a check for each case."""
    stored = json.loads((ROOT / "conformance/results.json").read_text())
    return [(short["spec"], expanded(corpus(short["spec"]), short)) for short in stored]


@cache
def runs(version: str) -> list[dict[str, Any]]:
    """What the programs did with the cases that hold in a version: those that were judged by it, or by a later one."""
    held = {case.id for case in corpus(version).cases}
    found: dict[str, dict[str, Any]] = {}
    for spec, run in sorted(kept(), key=lambda one: number(one[0])):
        if number(spec) >= number(version):
            checks = [check for check in run["checks"] if check["case"] in held]
            found.setdefault(run["name"], run | {"checks": checks})
    return [found[name] for name in programs() if name in found]


def programs() -> list[str]:
    """The names of all programs that were judged."""
    return list(dict.fromkeys(run["name"] for _, run in kept()))


@cache
def cells(version: str) -> dict[str, list[Cell]]:
    """For each clause a cell for each of `runs`."""
    return dict(matrix(corpus(version), runs(version)))


@cache
def cases_of(version: str) -> dict[str, list[Case]]:
    """For each clause the cases that cite it."""
    found: dict[str, list[Case]] = {id: [] for id in corpus(version).sentences}
    for case in corpus(version).cases:
        for id in case.clauses:
            found[id].append(case)
    return found


@cache
def verdicts() -> dict[str, dict[Verdict, list[str]]]:
    """For each case what the programs did with it, and the versions by which they were judged."""
    found: dict[str, dict[Verdict, list[str]]] = {case.id: {} for case in cases()}
    for version, run in kept():
        for check in run["checks"]:
            told = (check[name] for name in ("part", "state", "reason", "got"))
            found[check["case"]].setdefault(Verdict(run["name"], *told), []).append(version)
    return found


def forget() -> None:
    """Read everything anew at the next build, which may come after a change (`make serve`)."""
    for made in (read_corpus, cases, clauses, kept, runs, cells, cases_of, verdicts):
        made.cache_clear()
