"""A run as JSON, which the table and the page of several programs are made from."""

from __future__ import annotations

from typing import Any

from ..runner import Run


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
