"""Clauses against cases: every clause has a case, and every rule is seen kept and broken where it can be."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from .model import Case, Corpus

# Clauses that no input can break, or that no program can be seen to keep, from outside.
ONE_SIDED: Final[dict[str, str]] = {}


def coverage(corpus: Corpus) -> tuple[list[str], bool]:
    """A line for each clause with the number of cases on either side, and whether none is missing."""
    cases: dict[str, list[Case]] = defaultdict(list)
    for case in corpus.cases:
        for clause in case.clauses:
            cases[clause].append(case)
    lines, whole = ["clause       accepted rejected"], True
    for clause in corpus.sentences:
        accepted, rejected = (sum(case.want == want for case in cases[clause]) for want in ("accept", "reject"))
        lacking = _lacking(clause, accepted, rejected)
        whole &= not lacking
        lines.append(f"{clause:<12} {accepted:>8} {rejected:>8}  {lacking or ONE_SIDED.get(clause, '')}".rstrip())
    lines.append(f"{len(corpus.cases)} cases for {len(corpus.sentences)} clauses")
    return lines, whole


def _lacking(clause: str, accepted: int, rejected: int) -> str:
    if not accepted and not rejected:
        return "HAS NO CASE"
    if clause in ONE_SIDED:
        return ""
    if not accepted:
        return "HAS NO CASE THAT IS ACCEPTED"
    return "" if rejected else "HAS NO CASE THAT IS REJECTED"
