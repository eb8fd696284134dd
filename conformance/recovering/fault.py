"""What is wrong with a delta."""

from __future__ import annotations


class Fault(Exception):
    """A clause that a delta breaks, and how."""

    def __init__(self, clause: str, why: str) -> None:
        super().__init__(f"{why} ({clause})")


def require(holds: bool, clause: str, why: str) -> None:
    if not holds:
        raise Fault(clause, why)
