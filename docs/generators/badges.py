"""The badge of the reference, as `--badge` makes one, and those of the README: `python -m docs.generators.badges`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from conformance.reports.badge import drawn, picture

from .project import ROOT, VERSIONS, runs

FOLDER: Final = ROOT / "docs/pages/assets/badges"
_QUIET: Final = "#1b5763"


def drawing(page: str) -> str:
    """The badge as SVG, for any page."""
    version = next(version for version in reversed(VERSIONS) if runs(version))
    checks = runs(version)[0]["checks"]
    return picture(version, sum(check["state"] == "passed" for check in checks), len(checks))


def files() -> dict[Path, str]:
    """The badges of the README. None has a count: they stay true while cases are added."""
    judged = [version for version in VERSIONS if any(map(_is_passed_reference, runs(version)))]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    return {
        FOLDER / "conformance.svg": drawn("conformance", " and ".join(judged)),
        FOLDER / "python.svg": drawn("Python", f"{oldest} and newer", _QUIET),
        FOLDER / "license.svg": drawn("license", project["license"], _QUIET),
    }


def _is_passed_reference(run: dict[str, Any]) -> bool:
    return run["name"] == "reference" and all(check["state"] == "passed" for check in run["checks"])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text)
