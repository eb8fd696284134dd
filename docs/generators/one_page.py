"""The reader on one page, each of its parts beside the clauses that it keeps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from . import links
from .project import ROOT, clauses

PAGES: Final = ("page.py", "page_sealed.py", "page_flax.py")
INDEX: Final = "conformance/one-page.md"
_ID: Final = re.compile(r"\b[A-Z]+-[1-9][0-9]*\b")
_TITLES: Final = ("Plain streams", "Sealed streams", "Flax files")
_HEAD: Final = """# One page that is a reader

A reader of plain streams in 150 lines of Python, with numpy and ml_dtypes and nothing else: MessagePack is read by
hand. A second page reads sealed streams, checksums, digests and parts included, and a third of twenty lines flax files.
They pass [every case](implementations/one-page.md) of the corpus for decoders below 1 GiB, in both versions, and name
the clause of each refusal. They are made to be read, and copied; beside each part stand the clauses that its lines
keep.

A test leaves out each of their refusals in turn, and the corpus notices.
"""


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    lines = [_HEAD]
    for title, name in zip(_TITLES, PAGES, strict=True):
        lines += [f"## {title}", "", f"`conformance/clients/{name}`", ""]
        for text, named in clauses_of(name):
            lines += ['<div class="kept" markdown>', "", "```python", text, "```", ""]
            told = [f"{links.clause_link(id, INDEX)} {clauses()[id].sentence}" for id in named]
            lines += ['<div class="rules" markdown>', "", *(f"- {one}" for one in told), "", "</div>", "", "</div>", ""]
    yield INDEX, "\n".join(lines)


def clauses_of(name: str) -> list[tuple[str, list[str]]]:
    """The parts of a page, each with the clauses that it names; what stands before the first definition is one part."""
    text = (ROOT / "conformance/clients" / name).read_text()
    lines = text.splitlines()
    starts = [1]
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            starts.append(min([node.lineno, *(one.lineno for one in node.decorator_list)]))
    edges = [*starts, len(lines) + 1]
    found = ["\n".join(lines[begin - 1 : end - 1]).strip() for begin, end in pairwise(edges)]
    return [(part, [id for id in dict.fromkeys(_ID.findall(part)) if id in clauses()]) for part in found]
