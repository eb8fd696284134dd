"""One page, without a script or anything outside it: what failed and why, and programs against clauses."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

from ..annotated import near
from ..asking import PARTS, target_of
from ..model import Case, Corpus
from .style import STYLE
from .table import PASSED, Cell, matrix

_BAD: Final = ("failed", "unexpectedly passed")
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'"
_WHAT: Final = {"recover": "delta", "diff": "target"}
_LONGEST: Final = 1000  # letters of a text that are shown


def page(corpus: Corpus, runs: Sequence[dict[str, Any]]) -> str:
    """The page as HTML."""
    title = f"Conformance {escape(corpus.version)}: {escape(', '.join(run['name'] for run in runs))}"
    cases = {case.id: case for case in corpus.cases}
    cards = "\n".join(map(_card, runs))
    told = "\n".join(part for i, run in enumerate(runs) for part in _told(corpus, cases, i, run))
    return f"""<!doctype html>
<html lang=en>
<head><meta charset=utf-8><meta name=viewport content="width=device-width, initial-scale=1">
<meta http-equiv=Content-Security-Policy content="{_ALONE}"><title>{title}</title>
<style>{STYLE}</style></head>
<body>
<header><h1>{title}</h1>
<nav aria-label="This page">{_links(runs)}<a href="#clauses">Clauses</a></nav>
<div class=cards>
{cards}
</div></header>
<main>
{told}
{_table(corpus, runs)}
</main>
</body>
</html>
"""


def _links(runs: Sequence[dict[str, Any]]) -> str:
    """To the failures of each program that has some."""
    failing = [(i, run) for i, run in enumerate(runs) if any(check["state"] in _BAD for check in run["checks"])]
    return "".join(f'<a href="#fails-{i}">What {escape(run["name"])} fails</a>' for i, run in failing)


def _card(run: dict[str, Any]) -> str:
    """A program and what became of its checks."""
    counts = Counter(check["state"] for check in run["checks"])
    bad = sum(counts[state] for state in _BAD) + len(run["unmatched"])
    verdict = f"<span class=fail>✗ fails, {bad} times</span>" if bad else "<span class=pass>✓ passes</span>"
    states = "".join(f"<li>{n} {escape(state)}</li>" for state, n in counts.items())
    left_out = f"<li>{run['left_out']} large ones left out</li>" if run["left_out"] else ""
    commands = "".join(f"<dt>{escape(part)}<dd><code>{escape(text)}</code>" for part, text in run["commands"].items())
    return (
        f"<section class=card><h2>{escape(run['name'])}</h2><p>{verdict} specification {escape(run['spec'])}, "
        f"{len(run['checks'])} checks</p><ul>{states}{left_out}</ul><dl>{commands}</dl></section>"
    )


# --- what was not passed -----------------------------------------------------------------------------------------


def _told(corpus: Corpus, cases: dict[str, Case], i: int, run: dict[str, Any]) -> Iterator[str]:
    """The failures of a program, then those that are known, by their reasons, and what is no more than advice."""
    name = escape(run["name"])
    bad = [check for check in run["checks"] if check["state"] in _BAD]
    if bad or run["unmatched"]:
        yield f"<h2 id=fails-{i}>What {name} fails ({len(bad) + len(run['unmatched'])})</h2>"
    yield from (f"<p>The expectation <code>{escape(text)}</code> matches no case.</p>" for text in run["unmatched"])
    yield from (_article(corpus, cases, i, run, check) for check in bad)
    for state, title in (("expected to fail", "is expected to fail"), ("advised", "should do better")):
        checks = sorted((c for c in run["checks"] if c["state"] == state), key=lambda c: c["reason"])
        if checks:
            yield f"<h2>What {name} {title} ({len(checks)})</h2>"
        for reason, group in groupby(checks, key=lambda check: check["reason"]):
            found = list(group)
            articles = "\n".join(_article(corpus, cases, i, run, check) for check in found)
            summary = f"{escape(reason) or 'Beside the MUSTs'} ({len(found)})"
            yield f"<details class=group><summary>{summary}</summary>\n{articles}</details>"


def _anchor(i: int, check: dict[str, Any]) -> str:
    return f"{i}-{check['part']}-{check['case']}"


def _article(corpus: Corpus, cases: dict[str, Case], i: int, run: dict[str, Any], check: dict[str, Any]) -> str:
    """All that is needed to mend one failure."""
    case = cases.get(check["case"])
    clauses = "".join(
        f"<dt>{escape(clause)}<dd>{escape(corpus.sentences.get(clause, ''))}" for clause in check["clauses"]
    )
    told = {"case": case.about if case else "", "want": check["want"], "got": check["got"], "known": check["reason"]}
    told |= {"should": "; ".join(check["advice"])}
    if case and check["part"].endswith("encode"):
        told["input"] = json.dumps(case.encode)
    elif case and case.convert:
        told["asked"] = ", ".join(f"{name} {value}" for name, value in case.convert.items() if value is not None)
    if check["state"] == "unexpectedly passed":
        told["got"] = "passed, and was expected to fail"
    rows = "".join(f"<dt>{name}<dd>{_text(text)}" for name, text in told.items() if text)
    kind = "" if check["state"] in _BAD else " class=known"
    return (
        f'<article{kind} id="{escape(_anchor(i, check))}"><h3>{escape(check["case"])} '
        f"<span class=soft>{escape(check['part'])}, {escape(check['level'])}</span></h3>"
        f"<dl>{clauses}{rows}</dl>{_bytes(case, check) if case else ''}"
        f"<div class=soft>to run it again</div><pre class=again>{escape(_again(run, check))}</pre></article>"
    )


def _text(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ...")


def _bytes(case: Case, check: dict[str, Any]) -> str:
    """The bytes of the input near the fault; of a writing those that are expected."""
    writes = check["part"].endswith("encode")
    ending = "want.bin" if writes and "want.bin" in case.files else "bin"
    ending = target_of(case) if check["part"] == "diff" else ending
    if ending not in case.files:
        return ""
    rows = "\n".join(
        f"<mark>{escape(row)}</mark>" if row.startswith(">") else escape(row) for row in near(case, ending)
    )
    what = "expected bytes" if writes else _WHAT.get(check["part"], "input")
    return f'<div class=soft>{what}</div><pre tabindex=0 aria-label="{what}">{rows or "no bytes"}</pre>'


def _again(run: dict[str, Any], check: dict[str, Any]) -> str:
    part = check["part"]
    words = ["python", "-m", "conformance", "run", PARTS[part], run["commands"][part], "--match", check["case"]]
    return shlex.join([*words, "--stdin"] if run.get("stdin") and part.endswith("decode") else words)


# --- programs against clauses ------------------------------------------------------------------------------------


def _table(corpus: Corpus, runs: Sequence[dict[str, Any]]) -> str:
    rows = [(clause, cells) for clause, cells in matrix(corpus, runs) if any(cell.total for cell in cells)]
    groups = [(name, list(group)) for name, group in groupby(rows, key=lambda row: row[0].rsplit("-", 1)[0])]
    links = " ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name, _ in groups)
    head = "".join(f"<th scope=col>{escape(run['name'])}</th>" for run in runs)
    bodies = "\n".join(_body(corpus, name, group, len(runs)) for name, group in groups)
    return f"""<h2 id=clauses>Clauses</h2>
<p>How many of the cases at the level MUST that cite a clause are passed. <span class=pass>✓ all</span>,
<span class=fail>✗ not all</span>,
<span class=known>~ not all, and every failure is expected, with its reason</span>.</p>
<nav aria-label=Chapters>{links}</nav>
<label><input type=checkbox id=only> only clauses with failures</label>
<div class=scroll tabindex=0 role=region aria-labelledby=clauses>
<table><thead><tr><th scope=col>clause</th>{head}</tr></thead>
{bodies}
</table></div>"""


def _body(corpus: Corpus, name: str, rows: list[tuple[str, list[Cell]]], width: int) -> str:
    shown = "\n".join(_row(corpus, clause, cells) for clause, cells in rows)
    whole = _whole(cell for _, cells in rows for cell in cells)
    title = f'<tr class="head{whole}"><th scope=rowgroup id="{escape(name)}">{escape(name)}</th>'
    return f"<tbody>{title}<td colspan={width}></td></tr>\n{shown}</tbody>"


def _whole(cells: Iterator[Cell]) -> str:
    """The class of what is hidden where only failures are looked at."""
    return " whole" if all(cell.state in (PASSED, None) for cell in cells) else ""


def _row(corpus: Corpus, clause: str, cells: list[Cell]) -> str:
    sentence = f"<div class=soft>{escape(corpus.sentences[clause])}</div>"
    shown = "".join(_cell(i, cell) for i, cell in enumerate(cells))
    return f'<tr class="clause{_whole(iter(cells))}"><th scope=row>{clause}{sentence}</th>{shown}</tr>'


def _cell(i: int, cell: Cell) -> str:
    if cell.state is None:
        return "<td><span class=soft>not judged</span></td>"
    if not cell.missed:
        return f"<td class=pass>✓ {cell.total}</td>"
    mark = "~" if cell.state == "known" else "✗"
    links = "".join(f'<li><a href="#{escape(_anchor(i, c))}">{escape(c["case"])}</a></li>' for c in cell.missed)
    count = f"{mark} {cell.total - len(cell.missed)} of {cell.total}"
    return f"<td class={cell.state}><details><summary>{count}</summary><ul>{links}</ul></details></td>"
