"""A whole run: every check of the chosen cases, several programs at a time, and what it comes to."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from .declare import MUST
from .judge import Check, Judge, Result
from .model import Corpus
from .programs import Baseline
from .xfails import Xfail, expected

PASSED, FAILED, XFAILED, XPASSED, ADVISED = "passed", "failed", "expected to fail", "unexpectedly passed", "advised"
_BAD: Final = (FAILED, XPASSED)


class Line(NamedTuple):
    """A check with its result; `state` is one of the above. `reason` is that of an expected failure."""

    result: Result
    state: str
    reason: str


class Run(NamedTuple):
    """All that a run found out."""

    name: str
    spec: str
    corpus: Corpus
    commands: Mapping[str, str]
    baselines: Mapping[str, Baseline]
    lines: list[Line]
    unmatched: list[Xfail]  # expectations that match no case
    left_out: int  # large cases that were not run
    seconds: float
    stdin: bool = False  # whether decoders were given their input on standard input
    every: int = 1  # of the cases of a rule, every so many-th was judged

    @property
    def passed(self) -> bool:
        return not self.unmatched and not any(line.state in _BAD for line in self.lines)

    def bad(self) -> list[Line]:
        return [line for line in self.lines if line.state in _BAD]

    def counts(self, part: str) -> Counter[str]:
        return Counter(line.state for line in self.lines if line.result.check.part == part)


def judge_all(
    checks: Iterable[Check],
    commands: Mapping[str, str],
    *,
    jobs: int,
    stdin: bool,
    timeout: float,
    seen: Callable[[Result], None],
) -> tuple[list[Result], Mapping[str, Baseline]]:
    """The results in the order of the checks, and what the programs take for the smallest file. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, ThreadPoolExecutor(jobs) as pool:
        judge = Judge(commands, Path(folder), stdin, timeout)

        def one(check: Check) -> Result:
            result = judge.judge(check)
            seen(result)
            return result

        return list(pool.map(one, checks)), judge.baselines


def sorted_out(results: Iterable[Result], xfails: Iterable[Xfail]) -> list[Line]:
    """Each result with its state: what the level of its case and the expectations make of it."""
    xfails = list(xfails)
    return [_line(result, expected(xfails, result.check)) for result in results]


def _line(result: Result, xfail: Xfail | None) -> Line:
    passed = result.judgement.passed
    if xfail is not None:
        return Line(result, XPASSED if passed else XFAILED, xfail.reason)
    if passed:
        return Line(result, PASSED, "")
    return Line(result, FAILED if result.check.case.level == MUST else ADVISED, "")
