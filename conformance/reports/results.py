"""A run as JSON, which the table and the page of several programs are made from; and the short form that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..judge import checks
from ..model import Corpus, sampled
from ..runner import PASSED, Run

_LONGEST: Final = 300  # letters of what came instead, in a summary


def results(run: Run) -> dict[str, Any]:
    """What a run found out: a dict that JSON can hold. Sizes are bytes, times are seconds."""
    return {
        "name": run.name,
        "conformance": run.corpus.version,
        "spec": run.spec,
        "passed": run.passed,
        "commands": dict(run.commands),
        "stdin": run.stdin,
        "left_out": run.left_out,
        "every": run.every,
        "unmatched": [f"{xfail.part} {xfail.glob}" for xfail in run.unmatched],
        "checks": [
            {
                "case": line.result.check.case.id,
                "part": line.result.check.part,
                "clauses": line.result.check.case.clauses,
                "level": line.result.check.case.level,
                "state": line.state,
                "reason": line.reason,
                "want": line.result.judgement.want,
                "got": line.result.judgement.got,
                "advice": line.result.judgement.advice,
                "seconds": round(line.result.seconds, 4),
                "peak": line.result.peak,
            }
            for line in run.lines
        ],
    }


def summary(corpus: Corpus, run: dict[str, Any]) -> dict[str, Any]:
    """A run without what every case that was passed has in common, and without times: it changes only where the
    program or the corpus does."""
    kept = ("case", "part", "state", "reason", "got")
    large = {case.id for case in corpus.cases if case.is_large}
    told = [check | {"got": check["got"][:_LONGEST]} for check in run["checks"] if check["state"] != PASSED]
    return {
        "name": run["name"],
        "conformance": run["conformance"],
        "spec": run["spec"],
        "parts": list(run["commands"]),
        "large": any(check["case"] in large for check in run["checks"]),
        "every": run["every"],
        "checks": len(run["checks"]),
        "not_passed": [{name: check[name] for name in kept} for check in told],
    }


def renewed(corpus: Corpus, short: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """A summary with the checks of a run of some cases in place of what it says of them. Raises ValueError where that
    leaves cases that nobody has judged."""
    judged = {(check["case"], check["part"]) for check in run["checks"]}
    expected = [(check["case"], check["part"]) for check in _checks(corpus, short)]
    if short["checks"] + len(judged) < len(expected):
        raise ValueError(f"more cases are new to {short['name']} than these: run `make results`")
    told = {(check["case"], check["part"]): check for check in short["not_passed"]}
    told = {key: check for key, check in told.items() if key not in judged}
    told |= {(check["case"], check["part"]): check for check in summary(corpus, run)["not_passed"]}
    not_passed = [told[key] for key in expected if key in told]
    return short | {"conformance": corpus.version, "checks": len(expected), "not_passed": not_passed}


def expanded(corpus: Corpus, short: dict[str, Any]) -> dict[str, Any]:
    """The run of a summary, as the table wants it: a check for every case. Raises ValueError where the summary is of
    another corpus."""
    run = {"name": short["name"], "commands": dict.fromkeys(short["parts"], ""), "checks": list(_checks(corpus, short))}
    run["every"] = short.get("every", 1)
    if (short["conformance"], short["checks"]) != (corpus.version, len(run["checks"])):
        raise ValueError(f"the results of {short['name']} are not of this corpus: run `make results`")
    return run


def _checks(corpus: Corpus, short: dict[str, Any]) -> Iterator[dict[str, Any]]:
    told = {(check["case"], check["part"]): check for check in short["not_passed"]}
    for case, part in checks(sampled(corpus.cases, short.get("every", 1)), short["parts"]):
        if case.is_large and not short["large"]:
            continue
        check = {"case": case.id, "part": part, "clauses": case.clauses, "level": case.level}
        yield check | told.get((case.id, part), {"state": PASSED, "reason": "", "got": ""})
