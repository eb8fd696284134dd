"""The badge of the reference, made as `--badge` makes one, to show what it looks like."""

from __future__ import annotations

from conformance.reports.badge import picture

from .project import VERSIONS, runs


def drawing(page: str) -> str:
    """The badge as SVG, for any page."""
    version = next(version for version in reversed(VERSIONS) if runs(version))
    checks = runs(version)[0]["checks"]
    return picture(version, sum(check["state"] == "passed" for check in checks), len(checks))
