"""A pytest plugin: one test for each case, for readers and writers in Python.

    @pytest.mark.conformance(part="decode", xfails="my.xfails")
    def test_every_case(conformance_check):
        conformance_check.judge(my_reader, rejects=MyError)

`my_reader` takes a path and returns records as CLIENT.md describes them; with `part="encode"` the callable takes
what an encoder gets, and returns bytes. `match` is a pattern of case ids, `spec` a version of the specification,
`xfails` a file of expected failures, relative to the test. `every=N` takes every N-th of the cases that are made of
places and sizes (0: none). Cases of 1 GiB and more are for programs.
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
from .runner import ADVISED, PASSED, XFAILED, XPASSED, with_state
from .xfails import Xfail, expected, read_xfails

_FIXTURE = "conformance_check"


class Judged(NamedTuple):
    """What the fixture gives: a check, to which a callable is put."""

    check: Check
    corpus: Corpus
    spec: str
    xfail: Xfail | None

    def __repr__(self) -> str:  # pytest shows it beside each failure, and would spend most of a run on the whole corpus
        return f"<{self.check.case.id} ({self.check.part})>"

    def judge(self, call: Callable[[Any], Any], rejects: type[Exception] | tuple[type[Exception], ...] = ()) -> None:
        """Fail the test unless the callable does what the case expects. Where it does all but what SHOULD be so, the
        test is skipped; where it fails as it is expected to, the test is one that was expected to fail."""
        line = with_state(Result(self.check, judge_callable(self.check, call, rejects), 0.0, 0), self.xfail)
        if line.state == PASSED:
            return
        told = "\n".join(explained(self.corpus, self.spec, self.check, line.result.judgement, line.reason))
        if line.state == XPASSED:
            pytest.fail(f"unexpectedly passed: {told}")
        if line.state == XFAILED:
            pytest.xfail(line.reason)
        if line.state == ADVISED:
            pytest.skip(told)
        pytest.fail(told)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "conformance(part, match, spec, xfails, every): the cases that conformance_check takes"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if _FIXTURE not in metafunc.fixturenames:
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
    metafunc.parametrize(_FIXTURE, [_parameter(check, corpus, spec, expected(xfails, check)) for check in chosen])


def _parameter(check: Check, corpus: Corpus, spec: str, xfail: Xfail | None) -> Any:
    return pytest.param(Judged(check, corpus, spec, xfail), id=check.case.id)
