"""A pytest plugin: one test for each case, or for each chapter, for readers and writers in Python.

    @pytest.mark.conformance(part="decode", xfails="my.xfails")
    def test_every_case(conformance_check):
        conformance_check.judge(my_reader, rejects=MyError)

`my_reader` takes a path and returns records as CLIENT.md describes them; with `part="encode"` the callable takes
what an encoder gets, and returns bytes. `match` is a pattern of case ids, `spec` a version of the specification,
`xfails` a file of expected failures, relative to the test. `every=N` takes every N-th of the cases that are made of
places and sizes (0: none). Cases of 1 GiB and more are for programs.

With `conformance_checks` in place of `conformance_check` there is one test for each chapter, which is much quicker: a
test costs more than most cases do. It runs all of its cases, and lists those that fail.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from .callables import judge_callable
from .judge import Check, Result, checks
from .model import Corpus, load_corpus, sampled
from .reports.text import explained
from .runner import ADVISED, PASSED, XFAILED, XPASSED, Line, with_state
from .xfails import Xfail, expected, read_xfails

_CASE, _CHAPTER = "conformance_check", "conformance_checks"
_IN_FULL = 3  # failures of a chapter; of the others the names

Rejects = type[Exception] | tuple[type[Exception], ...]


class Judged(NamedTuple):
    """What `conformance_check` gives: a check, to which a callable is put."""

    check: Check
    corpus: Corpus
    spec: str
    xfail: Xfail | None

    def __repr__(self) -> str:  # pytest shows it beside each failure, and would spend most of a run on the whole corpus
        return f"<{self.check.case.id} ({self.check.part})>"

    def judge(self, call: Callable[[Any], Any], rejects: Rejects = ()) -> None:
        """Fail the test unless the callable does what the case expects. Where it does all but what SHOULD be so, the
        test is skipped; where it fails as it is expected to, the test is one that was expected to fail."""
        line = self.line(call, rejects)
        if line.state == XFAILED:
            pytest.xfail(line.reason)
        if line.state == ADVISED:
            pytest.skip(self.told(line))
        if line.state != PASSED:
            pytest.fail(self.told(line))

    def line(self, call: Callable[[Any], Any], rejects: Rejects) -> Line:
        """What comes of the check."""
        return with_state(Result(self.check, judge_callable(self.check, call, rejects), 0.0, 0), self.xfail)

    def told(self, line: Line) -> str:
        """What is to be known of it, where it is not passed."""
        told = "\n".join(explained(self.corpus, self.spec, self.check, line.result.judgement, line.reason))
        return f"unexpectedly passed: {told}" if line.state == XPASSED else told


class JudgedTogether(NamedTuple):
    """What `conformance_checks` gives: the checks of a chapter, to all of which a callable is put."""

    all: list[Judged]

    def __repr__(self) -> str:
        return f"<{len(self.all)} checks>"

    def judge(self, call: Callable[[Any], Any], rejects: Rejects = ()) -> None:
        """Fail the test unless the callable does what every case expects, or fails as it is expected to. Where it does
        all but what SHOULD be so, the test is skipped."""
        lines = [(judged, judged.line(call, rejects)) for judged in self.all]
        bad = [(judged, line) for judged, line in lines if line.state not in (PASSED, XFAILED, ADVISED)]
        advised = [(judged, line) for judged, line in lines if line.state == ADVISED]
        if bad:
            pytest.fail(f"{len(bad)} of {len(lines)} checks failed\n\n{_listed(bad)}", pytrace=False)
        if advised:
            pytest.skip(_listed(advised))


def _listed(lines: list[tuple[Judged, Line]]) -> str:
    """The first in full, and the names of the others."""
    told = [judged.told(line) for judged, line in lines[:_IN_FULL]]
    return "\n\n".join([*told, "\n".join(f"and {judged.check.case.id}" for judged, _ in lines[_IN_FULL:])]).rstrip()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "conformance(part, match, spec, xfails, every): the cases of conformance_check or conformance_checks"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if not {_CASE, _CHAPTER} & {*metafunc.fixturenames}:
        return
    marker = metafunc.definition.get_closest_marker("conformance")
    options = dict(marker.kwargs) if marker else {}
    part, match, spec = options.get("part", "decode"), options.get("match", "*"), options.get("spec", "1.0")
    corpus = load_corpus(spec=spec)
    found = list(checks(sampled(corpus.cases, options.get("every", 1)), {part: None}))
    xfails = read_xfails(metafunc.definition.path.parent / options["xfails"]) if "xfails" in options else []
    for xfail in xfails:
        # One file may serve several parts, and those of other parts are judged there.
        if xfail.part == part and not any(map(xfail.matches, found)):
            raise pytest.UsageError(f"the expectation `{xfail.part} {xfail.glob}` matches no case")
    chosen = [check for check in found if fnmatchcase(check.case.id, match) and not check.case.is_large]
    if not chosen:
        raise pytest.UsageError(f"no case of the part {part} matches {match!r}")
    judged = [Judged(check, corpus, spec, expected(xfails, check)) for check in chosen]
    if _CASE in metafunc.fixturenames:
        metafunc.parametrize(_CASE, judged, ids=lambda one: one.check.case.id)
    if _CHAPTER in metafunc.fixturenames:
        chapters: dict[str, list[Judged]] = {}
        for one in judged:
            chapters.setdefault(one.check.case.id.split("/")[0], []).append(one)
        metafunc.parametrize(_CHAPTER, [*map(JudgedTogether, chapters.values())], ids=[*chapters])
