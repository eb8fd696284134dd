"""A run as text: six lines where all is well, and for each failure all that is needed to mend it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ..annotated import near
from ..compare import Judgement
from ..judge import PARTS, Check
from ..model import Case, Corpus
from ..runner import ADVISED, FAILED, XFAILED, XPASSED, Line, Run


def report(run: Run, all_advice: bool = False) -> Iterator[str]:
    """The lines of a report."""
    for line in run.lines:
        if line.state in (FAILED, XPASSED) or (all_advice and (line.state == ADVISED or line.result.judgement.advice)):
            yield from failure(run, line)
            yield ""
    for xfail in run.unmatched:
        yield f"FAIL the expectation `{xfail.part} {xfail.glob}` matches no case"
    yield from _summary(run)


def _summary(run: Run) -> Iterator[str]:
    cases = {line.result.check.case.id for line in run.lines}
    yield f"conformance {run.corpus.version}, specification {run.spec}: {_counted(len(cases), 'case')}{_left_out(run)}"
    for part, command in run.commands.items():
        counts = run.counts(part)
        told = ", ".join(f"{n} {state}" for state, n in counts.items()) or "no case"
        yield f"{part:<12} {told}  ({command})"
    slowest = max(run.lines, key=lambda line: line.result.seconds)
    yield f"slowest      {slowest.result.seconds:.2f} s, {slowest.result.check.case.id}; {_memory(run)}"
    yield f"advice       {_advice(run)}"
    bad = len(run.bad()) + len(run.unmatched)
    end = _counted(bad, "failure") if bad else "every check is as it should be"
    yield f"{'FAIL' if bad else 'PASS'}         {end}, in {run.seconds:.1f} s"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _left_out(run: Run) -> str:
    large = f", {run.left_out} large ones left out" if run.left_out else ""
    return large + (f", of each rule one in {run.every}" if run.every > 1 else "" if run.every else ", no rules")


def _memory(run: Run) -> str:
    most = max(run.lines, key=lambda line: line.result.peak - run.baselines[line.result.check.part].memory)
    above = most.result.peak - run.baselines[most.result.check.part].memory
    return f"most memory {max(above, 0) >> 20} MiB above the smallest file's, {most.result.check.case.id}"


def _advice(run: Run) -> str:
    rejected = [line for line in run.lines if line.result.check.case.want == "reject" and line.result.judgement.passed]
    advised = sum(bool(line.result.judgement.advice) for line in rejected)
    should = sum(line.state == ADVISED for line in run.lines)
    told = f"{len(rejected) - advised} of {len(rejected)} rejections name clause and place as they should (CONF-5)"
    return told + (f"; {_counted(should, 'case')} beside the MUSTs not met" if should else "")


def failure(run: Run, line: Line) -> Iterator[str]:
    """One failure, and the command that runs its case alone."""
    mark = {FAILED: "FAIL", XPASSED: "UNEXPECTED PASS", XFAILED: "EXPECTED"}.get(line.state, "ADVICE")
    check, judgement = line.result.check, line.result.judgement
    first, *rest = explained(run.corpus, run.spec, check, judgement, line.reason)
    yield f"{mark} {first}"
    yield from rest
    yield f"  again: {again(run, *check)}"


def explained(corpus: Corpus, spec: str, check: Check, judgement: Judgement, reason: str = "") -> Iterator[str]:
    """What a person needs to see of a failure: the clause's own sentence, want and got, the bytes near the fault."""
    case, part = check
    yield f"{case.id} ({part}), specification {spec}, {', '.join(case.clauses)}, {case.level}"
    for clause in case.clauses:
        yield f"  {clause}: {corpus.sentences[clause]}"
    yield f"  case: {case.about}"
    if reason:
        yield f"  expected to fail: {reason}"
    if not judgement.passed:
        yield f"  want: {judgement.want}"
        yield f"  got:  {judgement.got}"
    for advice in judgement.advice:
        yield f"  should: {advice}"
    if "bin" in case.files:
        yield f"  input: {case.input() or 'made at run time; `show --output FILE` makes it'}"
        yield from (f"  {row}" for row in near(case))


def again(run: Run, case: Case, part: str) -> str:
    """The command that runs one case alone."""
    words = ["python", "-m", "conformance", "run", PARTS[part], run.commands[part], "--match", case.id]
    return shlex.join([*words, "--stdin"] if run.stdin and part.endswith("decode") else words)
