"""One page, without anything outside it: programs against clauses, and behind each cell what was wanted and what
came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from ..model import Corpus
from .table import Cell, matrix

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --pass: #2e7d32; --fail: #c62828; --known: #b26a00; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; background: Canvas; }
td.pass { color: var(--pass); } td.fail { color: var(--fail); } td.known { color: var(--known); }
summary { cursor: pointer; } code { font-size: .9em; } li { margin: .4rem 0; } .sentence { color: GrayText; }
"""


def page(corpus: Corpus, runs: Sequence[dict[str, Any]]) -> str:
    """The page as HTML."""
    title = f"Conformance {escape(corpus.version)}: {escape(', '.join(run['name'] for run in runs))}"
    head = "".join(f"<th scope=col>{escape(run['name'])}</th>" for run in runs)
    rows = "\n".join(_row(corpus, clause, cells) for clause, cells in matrix(corpus, runs))
    totals = "".join(f"<td>{_total(run)}</td>" for run in runs)
    return f"""<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><title>{title}</title>
<style>{_STYLE}</style>
<h1>{title}</h1>
<p>Each cell says how many of the cases that cite a clause a program passes. Amber: every failure is known, with its
reason.</p> <table><thead><tr><th scope=col>clause</th>{head}</tr></thead>
<tbody><tr><th scope=row>all cases</th>{totals}</tr>
{rows}
</tbody></table>
</html>
"""


def _total(run: dict[str, Any]) -> str:
    passed = sum(check["state"] == "passed" for check in run["checks"])
    return f"{passed} of {len(run['checks'])}"


def _row(corpus: Corpus, clause: str, cells: list[Cell]) -> str:
    sentence = f"<div class=sentence>{escape(corpus.sentences[clause])}</div>"
    return f"<tr><th scope=row>{clause}{sentence}</th>{''.join(map(_cell, cells))}</tr>"


def _cell(cell: Cell) -> str:
    if cell.state is None:
        return "<td></td>"
    count = f"{cell.total - len(cell.missed)} of {cell.total}"
    if not cell.missed:
        return f"<td class=pass>{count}</td>"
    items = "".join(_missed(cell.missed))
    return f"<td class={cell.state}><details><summary>{count}</summary><ul>{items}</ul></details></td>"


def _missed(checks: list[dict[str, Any]]) -> Iterator[str]:
    for check in checks:
        reason = f"<br>{escape(check['reason'])}" if check["reason"] else ""
        told = f"want: {escape(check['want'])}<br>got: {escape(check['got'])}"
        yield f"<li><code>{escape(check['case'])}</code> ({escape(check['part'])})<br>{told}{reason}</li>"
