"""The badge of the reference, made as `--badge` makes one, to show what it looks like."""

from __future__ import annotations

from conformance.reports.badge import picture

from .project import CURRENT, runs


def drawing(page: str) -> str:
    """The badge as SVG, for any page."""
    checks = runs()[0]["checks"]
    return picture(CURRENT, sum(check["state"] == "passed" for check in checks), len(checks))
