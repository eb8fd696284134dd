"""How programs do under a clause, in a line or in the cell of a table. No mark is told by its colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from conformance.reports.table import FAILED, KNOWN, PASSED, Cell

from . import links
from .project import runs

# What a program is called in links.
NAMES: Final = {
    "reference": "reference",
    "C": "c",
    "JavaScript": "javascript",
    "Rust": "rust",
    "one page": "one-page",
    "usual loop (EasyLM, tux)": "usual-loop",
    "JAXSeq's writer": "jaxseq",
}
NOT_JUDGED: Final = Cell(0, [])
_CLASSES: Final = {PASSED: "pass", KNOWN: "known", FAILED: "fail", None: "none"}


def program_page(name: str) -> str:
    return f"conformance/implementations/{NAMES[name]}.md"


def mark(cell: Cell) -> str:
    """`✓ 12` where all are passed, `✗ 9 of 12` where some are not, `–` where none was put to the program."""
    if cell.state is None:
        shown = "–"
    elif cell.missed:
        shown = f"✗ {cell.total - len(cell.missed)} of {cell.total}"
    else:
        shown = f"✓ {cell.total}"
    return f'<span class="mark {_CLASSES[cell.state]}">{shown}</span>'


def marks(cells: Sequence[Cell], version: str, page: str) -> str:
    """Every program of a version's runs that a clause was put to."""
    judged = [
        f"[{run['name']}]({links.to(program_page(run['name']), page)}) {mark(cell)}"
        for run, cell in zip(runs(version), cells, strict=True)
        if cell.state is not None
    ]
    if not runs(version):
        return f"No results by version {version} have been kept yet."
    return " · ".join(judged) or "No client here plays the part that this clause is about, beside the reference."
