"""Results as text for a terminal."""

from __future__ import annotations

from typing import Any, Final

from .measure import middle
from .targets import Case, Cases, Verdict, judge, seconds

# What the times of a group are ratios of: the first of these that is there.
_BASES: Final = ("usual loop", "usual logic", "plain read", "Python alone")


def base_of(group: dict[str, Case]) -> Case | None:
    """The case whose time is 1 in a group."""
    found = [group[name] for name in _BASES if name in group and "failure" not in group[name]]
    return found[0] if found else None


def text(results: dict[str, Any]) -> str:
    lines: list[str] = []
    cases = Cases(results)
    for key in cases.keys():  # noqa: SIM118 (it is not a mapping)
        group = cases.group(*key)
        base = base_of(group)
        lines += ["", " / ".join(key)]
        lines += [_line(case, base) for case in sorted(group.values(), key=_time)]
    verdicts = [verdict for verdict in judge(results) if verdict.met is not None]
    if verdicts:
        lines += ["", f"targets: {sum(bool(verdict.met) for verdict in verdicts)} of {len(verdicts)} met"]
        lines += [verdict_text(verdict) for verdict in verdicts]
    return "\n".join(lines).lstrip()


def _time(case: Case) -> float:
    return seconds(case) if "failure" not in case else float("inf")


def _line(case: Case, base: Case | None) -> str:
    if "failure" in case:
        return f"  {case['peer']:<36} {case['failure']}"
    low, median, high = middle(case["seconds"])
    ratio = f"{median / seconds(base):7.3f}" if base else " " * 7
    spread = f"{low:.4f} to {high:.4f}"
    memory = f"{case['memory'] / 1e6:8.1f} MB" + (
        f" + {case['mapped'] / 1e6:.0f} mapped" if case["mapped"] > 8e6 else ""
    )
    return f"  {case['peer']:<36} {median:9.4f} s {ratio}  ({spread}, {len(case['seconds'])} runs) {memory}"


def verdict_text(verdict: Verdict) -> str:
    subject, text, *_ = verdict.target
    return f"  {'met   ' if verdict.met else 'MISSED'} {shown(verdict):>9}  {subject}: {text}"


def shown(verdict: Verdict) -> str:
    if verdict.figure is None:
        return "-"
    unit = verdict.target.unit
    return f"{verdict.figure:.2f}" if unit == "x" else f"{verdict.figure:.1f} {unit}"
