"""A whole run: every check of the chosen cases, several programs at a time, and what it comes to."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from .asking import PARTS
from .compare import ADVISED as SHOULD_NOT_MET
from .compare import Judgement
from .declare import DIALECT, MUST
from .judge import Check, Judge, Result
from .limits import Baseline
from .model import Corpus
from .programs import ACCEPTED, CRASHED, Running
from .xfails import Xfail, expected

PASSED, FAILED, XFAILED, XPASSED, ADVISED = "passed", "failed", "expected to fail", "unexpectedly passed", "advised"
_BAD: Final = (FAILED, XPASSED)
_PROBES: Final = 3  # files that a program is given before it is said not to run


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
    checks: Sequence[Check],
    commands: Mapping[str, str],
    *,
    jobs: int,
    stdin: bool,
    timeout: float,
    probes: Iterable[Check],
    seen: Callable[[Result], None],
) -> tuple[list[Result], Mapping[str, Baseline]]:
    """The results in the order of the checks, and what the programs take for the smallest file.

    Raises OSError; ValueError where a program cannot be started, or does not run: it crashes on the smallest file, and
    on the smallest of `probes`.
    """
    running = Running()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, ThreadPoolExecutor(jobs) as pool:
        try:
            judge = Judge(commands, Path(folder), stdin, timeout, running)
            for part in judge.crashes:
                _ensure_it_runs(judge, part, commands[part], [check for check in probes if check.part == part])

            def one(check: Check) -> Result:
                result = judge.judge(check)
                seen(result)
                return result

            return list(pool.map(one, checks)), judge.baselines
        except BaseException:  # a signal, too: no program outlives the run that started it
            running.stop()
            pool.shutdown(cancel_futures=True)
            raise


def _ensure_it_runs(judge: Judge, part: str, command: str, probes: Iterable[Check]) -> None:
    accepted = [check for check in probes if check.case.want == "accept" and check.case.level == MUST]
    probed = sorted(accepted, key=lambda check: check.case.size)[:_PROBES]
    if all(judge.judge(check).judgement.fault == CRASHED for check in probed):
        raise ValueError(
            f"{PARTS[part]} {command!r} does not run: it crashed on the smallest file, and on {len(probed)} more. "
            f"It {judge.crashes[part]}"
        )


def sorted_out(results: Iterable[Result], xfails: Iterable[Xfail]) -> list[Line]:
    """Each result with its state: what the level of its case and the expectations make of it."""
    xfails = list(xfails)
    return [with_state(result, expected(xfails, result.check)) for result in results]


def state_of(check: Check, judgement: Judgement) -> str:
    """PASSED, FAILED or ADVISED: what the level of a case makes of a judgement.

    Advice is the SHOULD of a case that all else of it holds for, and a dialect that is read: no clause allows a crash,
    another value or a rejection of what is to be accepted.
    """
    if judgement.passed:
        return PASSED
    of_a_dialect = check.case.level == DIALECT and judgement.fault == ACCEPTED
    return ADVISED if judgement.fault == SHOULD_NOT_MET or of_a_dialect else FAILED


def with_state(result: Result, xfail: Xfail | None) -> Line:
    """A result with what its level and the expectation that covers it make of it."""
    state = state_of(result.check, result.judgement)
    if xfail is None:
        return Line(result, state, "")
    if state == PASSED:
        return Line(result, XPASSED, xfail.reason)
    if result.judgement.fault == xfail.outcome:
        return Line(result, XFAILED, xfail.reason)
    return Line(result, FAILED, f"{xfail.reason} (expected outcome: {xfail.outcome}; found: {result.judgement.fault})")
