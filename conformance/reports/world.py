"""What packages do that a registry has (`make world`): what is kept of it, and the table that is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

WORLD: Final = Path(__file__).parents[1] / "world.json"
_SHOWN: Final = ("jax", "flax", "msgpack", "numpy")  # of the versions that a package was judged with


def kept() -> list[dict[str, Any]]:
    """The results that are kept, each of one version of a package."""
    return json.loads(WORLD.read_text()) if WORLD.exists() else []


def table(found: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of a table in Markdown: one for each package, with its version and the day on which it was judged."""
    yield "| package | judged on | with | parts | checks passed | known failures |"
    yield "|---|---|---|---|---|---|"
    for told in found:
        pins = dict(pin.split("==") for pin in told["with"])
        with_ = ", ".join(f"{name} {pins[name]}" for name in _SHOWN if name in pins)
        passed, parts = told["checks"] - len(told["not_passed"]), ", ".join(told["parts"])
        row = (told["name"], told["day"], with_, parts, f"{passed} of {told['checks']}", str(len(told["not_passed"])))
        yield f"| {' | '.join(row)} |"


def reasons(told: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Why a package fails what it fails, and the cases for each reason, the most frequent first."""
    found: dict[str, list[str]] = {}
    for check in told["not_passed"]:
        found.setdefault(check["reason"] or f"({check['state']}) {check['got']}", []).append(check["case"])
    yield from sorted(found.items(), key=lambda item: -len(item[1]))


def section(found: list[dict[str, Any]]) -> str:
    """The part of RESULTS.md about packages; nothing where none was judged."""
    if not found:
        return ""
    about = (
        "Packages as pip installs them, judged by version 1.0, by the cases that were made by hand, but for those of "
        "1 GiB and more (`make world`). Each imports the module that reads and writes checkpoints, and not what stands "
        "around it."
    )
    lines = ["", "## Packages of the registry", "", about, "", *table(found)]
    for told in found:
        lines += ["", f"### {told['name']}", ""]
        for reason, cases in reasons(told):
            more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
            lines.append(f"- {reason}: {', '.join(f'`{case}`' for case in cases[:3])}{more}")
    return "\n".join(lines) + "\n"
