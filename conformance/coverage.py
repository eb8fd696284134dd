"""Clauses against cases: every clause has a case, and every rule is seen kept and, where it can be, broken."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from .model import Case, Corpus

_WRITERS = "binds writers, whose bytes are compared"
_TAKES = "says what is accepted"
_MEANS = "says what bytes stand for"
# Clauses that no input can break, and why.
UNBREAKABLE: Final = {
    **dict.fromkeys(("CONF-6", "WIRE-1", "DTYPE-3", "LEAF-13", "TREE-2", "TREE-5", "FLAX-7"), _WRITERS),
    **dict.fromkeys(("WIRE-2", "KEY-2", "LEAF-8", "REC-4", "STREAM-6", "STREAM-7", "META-4"), _TAKES),
    **dict.fromkeys(("KEY-5", "TREE-1", "CONV-2", "CONV-3", "DELTA-8", "DELTA-9", "DELTA-10", "DELTA-14"), _MEANS),
    **dict.fromkeys(("DELTA-4", "DELTA-5"), "a wrong digest breaks DELTA-3 or DELTA-12"),
    "CONV-4": "binds what a program says",
    **dict.fromkeys(("CONF-10", "ALIGN-3", "ALIGN-4", "SEAL-7"), _WRITERS),
    "SUM-4": _MEANS,
    "SEAL-8": "says how a file is best read",
    "DETACHED-3": "says where a reader looks, and what a writer removes",
}


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
        lines.append(f"{clause:<12} {accepted:>8} {rejected:>8}  {lacking or UNBREAKABLE.get(clause, '')}".rstrip())
    lines.append(f"{len(corpus.cases)} cases for {len(corpus.sentences)} clauses")
    return lines, whole


def _lacking(clause: str, accepted: int, rejected: int) -> str:
    if not accepted:
        return "HAS NO CASE THAT IS ACCEPTED"
    if clause in UNBREAKABLE:
        return "IS SAID TO BE UNBREAKABLE, AND A CASE BREAKS IT" if rejected else ""
    return "" if rejected else "HAS NO CASE THAT IS REJECTED"
