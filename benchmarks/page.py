"""The results as a page of the site: targets, plots, tables, and how all of it was measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .measure import middle
from .picture import figures
from .plots import Bar, Line, bars, lines
from .report import base_of, shown
from .targets import Case, Cases, Verdict, judge, seconds
from .trees import SERIES, WORKS

_OURS: Final = "streamckpt"
# In place of a heading that is the bare name of an operation.
_TITLES: Final = {
    "save numpy": "Save numpy arrays",
    "save jax": "Save jax arrays, one device",
    "save sharded": "Save jax arrays, sharded over 8 devices",
    "load numpy": "Load to numpy",
    "load jax": "Load to jax, one device",
    "load sharded": "Load to jax, sharded over 8 devices",
    "memory map": "Open as a memory map",
    "map to jax": "Map to jax, one device, on the CPU",
    "one tensor": "Read one tensor out of the file",
    "scan": "Scan: every header, no payload",
    "verify": "Verify: every byte",
    "compare": "Compare two checkpoints",
    "diff": "Make a difference",
    "recover": "Recover from a difference",
    "import": "Import",
}
_INTRODUCTION: Final = """# Speed

How long `streamckpt` and other libraries take for the same work, and how much memory they need, each through its public
API, on one machine. Times are medians of runs that took turns, so that what slows the machine slows all of them: look
at the ratios.
"""
_METHOD: Final = """## How it is measured

- Every run is a process of its own. It does the operation on a tiny tree first, so neither imports nor first calls
  count, and then once on the real one. The peers of a plot take turns (A B C A B C), and bars are medians; the thin
  line is the range from the lower to the upper quartile.
- A run beside which other processes took more than 12 % of the processors' time is done again, once; what uses several
  cores would lose more to them than what uses one.
- What each peer did is checked, bit for bit, in the first turn. A wrong result is shown as such, and never as a time.
- Files that are read are in the page cache. On a disk, a save ends when its bytes are on the disk: what a peer does
  not sync itself is synced for it, within its time.
- Memory is the most that the process held at any moment of the operation, above what it held before. Only memory of
  its own counts (`VmHWM`, reset just before, or where files were mapped `RssAnon`, looked at every 5 ms from
  outside); pages of mapped files are named separately. A load holds at least what it loads, and `above` leaves that
  out. Memory of the file system itself, which is where files on tmpfs lie, does not count.
- The usual loop is the one that EasyLM published and others copied: `msgpack` and flax's `to_bytes` and `from_bytes`.
  The usual logic of a conversion or a difference is that of the scripts beside it: load all, compute with jax, save
  all. Gather and shard functions are compiled before the clock starts.
- Numpy's own format has no bfloat16; its bits are stored as integers.
- Jax is on the host (`JAX_PLATFORMS=cpu`), sharded over 8 devices by `--xla_force_host_platform_device_count=8`.

Run it with `make bench` (four minutes, small trees) or `make bench-full`; the results behind this page are in
`benchmarks/results.json`.
"""


def page(results: dict[str, Any]) -> str:
    """Results as Markdown, with their plots in it."""
    cases = Cases(results)
    parts = [_INTRODUCTION, figures(results), _machine(results)]
    verdicts = judge(results)
    if any(verdict.met is not None for verdict in verdicts):
        parts.append(_targets(verdicts))
    parts += _series(cases)
    parts += _operations(cases)
    parts.append(_METHOD)
    return "\n".join(parts)


def _machine(results: dict[str, Any]) -> str:
    machine = results["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"{_days(results)}, {machine['processor']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GiB of "
        f"memory, {machine['system']}, Python {machine['python']}, {libraries}. {_others(results)}\n"
    )


def _days(results: dict[str, Any]) -> str:
    """When the figures were measured; those of one group were always in one run."""
    days = sorted({case["date"] for case in results["cases"]})
    return " to ".join(dict.fromkeys([*days[:1], *days[-1:]]))


def _others(results: dict[str, Any]) -> str:
    """How quiet the machine was."""
    shares = [case["others"] for case in results["cases"] if "others" in case]
    if not shares:
        return ""
    _, median, high = middle(shares)
    return (
        f"Of the processors' time, other processes took at most {median:.0%} beside the runs of half of the bars, and "
        f"{high:.0%} beside three quarters of them."
    )


def _targets(verdicts: list[Verdict]) -> str:
    """What was set out to be reached, and what was."""
    judged = [verdict for verdict in verdicts if verdict.met is not None]
    met = f"{sum(bool(verdict.met) for verdict in judged)} of {len(judged)} are met."
    if later := len(verdicts) - len(judged):
        met += (
            f" {later} have no figure here: they were set after this run, or a peer failed. The next full run has them."
        )
    rows = ["## Targets", "", met, ""]
    rows += ["| what | target | measured | met |", "|---|---|--:|---|"]
    for verdict in verdicts:
        word = {True: "met", False: "**missed**", None: verdict.why}[verdict.met]
        rows.append(f"| {verdict.target.subject} | {verdict.target.text} | {shown(verdict)} | {word} |")
    return "\n".join([*rows, ""])


def _series(cases: Cases) -> Iterator[str]:
    """What a record costs, from files of a thousand to files of a million."""
    found = []
    for operation in ("save numpy", "load numpy", "scan"):
        for peer in (_OURS, f"{_OURS}, sealed", "usual loop"):
            points = [
                (float(n), seconds(case))
                for n in SERIES
                if (case := cases.group(operation, f"records-{n}", "tmpfs").get(peer)) and "failure" not in case
            ]
            if len(points) > 1:
                verb = operation.removesuffix(" numpy")
                found.append(Line(f"{verb}, {peer}", points, peer == _OURS))
    if found:
        text = "Seconds over the number of leaves of 256 bytes; a line at 45 degrees is a cost in proportion."
        yield "## The cost of a record\n"
        yield f"{text}\n"
        yield _figure(lines("The cost of a record", text, ("leaves", "seconds"), found))


def _operations(cases: Cases) -> Iterator[str]:
    """A section for each operation, a plot and a table for each tree and place."""
    known = [key for key in cases.keys() if not key[1].startswith("records-")]  # noqa: SIM118
    for operation in dict.fromkeys(key[0] for key in known):
        yield f"## {_TITLES.get(operation, operation[:1].upper() + operation[1:])}\n"
        for _, work, place in [key for key in known if key[0] == operation]:
            group = cases.group(operation, work, place)
            what = place if operation == "import" else f"{WORKS[work].title}, {place}"
            if operation != "import":
                yield f"### {what}\n"
            yield _figure(_plot(operation, what, group))
            yield _table(operation, group)


def _plot(operation: str, what: str, group: dict[str, Case]) -> str:
    base = base_of(group)
    rows = []
    for case in sorted((case for case in group.values() if "failure" not in case), key=seconds):
        low, median, high = middle(case["seconds"])
        ratio = f" ({median / seconds(base):.3g})" if base and base is not case else ""
        name = case["peer"]
        rows.append(Bar(name, median, _seconds_text(median) + ratio, low, high, name.startswith(_OURS)))
    of = f" In brackets the ratio to {base['peer']}." if base else ""
    return bars(f"{operation}: {what}", f"Median seconds of each peer, the fastest first.{of}", rows)


def _table(operation: str, group: dict[str, Case]) -> str:
    loads = operation.startswith("load")
    rows = ["| what | time | quartiles | runs | memory | mapped |", "|---|--:|--:|--:|--:|--:|"]
    if loads:
        rows = ["| what | time | quartiles | runs | memory | above | mapped |", "|---|--:|--:|--:|--:|--:|--:|"]
    for case in group.values():
        if "failure" in case:
            rows.append(f"| {case['peer']} | {_escaped(case['failure'])} |" + " |" * (5 if loads else 4))
            continue
        low, median, high = middle(case["seconds"])
        cells = [case["peer"], _seconds_text(median), f"{_seconds_text(low)} to {_seconds_text(high)}"]
        cells += [str(len(case["seconds"])), _size(case["memory"])]
        if loads:
            cells.append(_size(max(case["memory"] - case["bytes"], 0)))
        cells.append(_size(case["mapped"]) if case["mapped"] > 8e6 else "")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _figure(svg: str) -> str:
    return f'<figure class="plot" tabindex="0">{svg}</figure>\n'


def _seconds_text(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.3g} ms"


def _size(n: int) -> str:
    return f"{n / 1e9:.2f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text())))
