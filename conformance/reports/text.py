"""A run as text: six lines where all is well, and for each failure all that is needed to mend it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Final

from ..annotated import near
from ..asking import PARTS, target_of
from ..compare import Judgement
from ..judge import Check
from ..model import Case, Corpus
from ..runner import ADVISED, FAILED, XFAILED, XPASSED, Line, Run

_SCREEN: Final = 24  # lines of failures that are told in full, unless all are asked for; the first always is
_GROUPS: Final = 9  # lines that say where the others are
_SHORT: Final = 3  # cases that such a line names
_ADVICE: Final = 20  # lines of advice


def report(run: Run, advice: bool = False, everything: bool = False) -> Iterator[str]:
    """The lines of a report: failures in full as far as a screen holds them, unless `everything` is asked for."""
    if advice:
        lines = [*_all_advice(run)]
        yield from lines if everything else _capped(lines, _ADVICE, "piece of advice", "pieces of advice")
    bad = run.bad()
    told = len(bad) if everything else _fitting(run, bad)
    for line in bad[:told]:
        yield from failure(run, line)
        yield ""
    if bad[told:]:
        yield f"{_counted(len(bad) - told, 'more failure')} (`--all` tells each in full, `--match` chooses cases):"
        yield from _capped([*_grouped(bad[told:])], _GROUPS, "more line like these", "more lines like these")
        yield ""
    unmatched = [
        f"FAIL the expectation `{xfail.part} {xfail.glob} {xfail.outcome}` matches no case" for xfail in run.unmatched
    ]
    yield from unmatched if everything else _capped(unmatched, _GROUPS, "more expectation", "more expectations")
    yield from _summary(run)


def _fitting(run: Run, bad: list[Line]) -> int:
    """How many failures a screen holds."""
    taken = 0
    for told, line in enumerate(bad):
        taken += sum(1 for _ in failure(run, line)) + 1
        if taken > _SCREEN:
            return max(told, 1)
    return len(bad)


def _grouped(bad: list[Line]) -> Iterator[str]:
    """A line for each part and chapter: how many cases ended in which way, and the first of them."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in bad:
        groups.setdefault((line.result.check.part, line.result.check.case.id.split("/")[0]), []).append(line)
    for (part, chapter), lines in sorted(groups.items()):
        ends = ["unexpectedly passed" if line.state == XPASSED else line.result.judgement.fault for line in lines]
        counts = ", ".join(f"{n} {end}" for end, n in Counter(ends).most_common())
        names = ", ".join(line.result.check.case.name for line in lines[:_SHORT])
        yield f"  {part} {chapter}: {counts}: {names}{', ...' if len(lines) > _SHORT else ''}"


def _all_advice(run: Run) -> Iterator[str]:
    for line in run.lines:
        check, judgement = line.result.check, line.result.judgement
        if line.state == ADVISED:
            yield f"ADVICE {check.case.id} ({check.part}): expected {judgement.want}; found {judgement.got}"
        for advice in judgement.advice:
            yield f"ADVICE {check.case.id} ({check.part}): {advice}"


def _capped(lines: list[str], most: int, one: str, many: str) -> Iterator[str]:
    """Lines, or as many as are to be shown and how many there are besides."""
    yield from lines[:most]
    if lines[most:]:
        left = len(lines) - most
        yield f"  ... and {left} {one if left == 1 else many} (`--all` shows them)"


def _summary(run: Run) -> Iterator[str]:
    cases = {line.result.check.case.id for line in run.lines}
    yield f"conformance {run.corpus.version}, specification {run.spec}: {_counted(len(cases), 'case')}{_left_out(run)}"
    for part, command in run.commands.items():
        counts = run.counts(part)
        told = ", ".join(f"{n} {state}" for state, n in counts.items()) or "no case"
        yield f"{part:<12} {told}  ({command})"
    slowest = max(run.lines, key=lambda line: line.result.seconds)
    yield f"slowest      {slowest.result.seconds:.2f} s, {slowest.result.check.case.id}{_memory(run)}"
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
    above = (most.result.peak - run.baselines[most.result.check.part].memory) >> 20
    return f"; most memory {above} MiB above the smallest file's, {most.result.check.case.id}" if above > 0 else ""


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
        yield f"  known: {reason}"
    if not judgement.passed:
        yield f"  want: {judgement.want}"
        yield f"  got:  {judgement.got}"
    for advice in judgement.advice:
        yield f"  should: {advice}"
    ending = target_of(case) if part == "diff" else "bin"
    if ending in case.files:
        made = "recipe" in case.files[ending]
        where = "made at run time; `show --output FILE` makes it" if made else case.stored(ending)
        yield f"  {'target' if part == 'diff' else 'input'}: {where}"
        yield from (f"  {row}" for row in near(case, ending))


def again(run: Run, case: Case, part: str) -> str:
    """The command that runs one case alone."""
    words = ["python", "-m", "conformance", "run", PARTS[part], run.commands[part], "--match", case.id]
    words += ["--spec", run.spec] if run.spec != "1.0" else []
    return shlex.join([*words, "--stdin"] if run.stdin and part.endswith("decode") else words)
