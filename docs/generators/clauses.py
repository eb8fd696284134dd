"""The page of all clauses: what each says, the cases that test it, and which programs pass them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from . import links
from .cases import chapter_title
from .marks import mark, program_page
from .project import cases_of, cells, clauses, runs

PAGE = "specification/clauses.md"


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    yield PAGE, _page()


def _page() -> str:
    names = [f"[{run['name']}]({links.to(program_page(run['name']), PAGE)})" for run in runs()]
    head = f"| clause | cases | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}"
    lines = [
        "---\nhide: [toc]\n---\n",
        "# All clauses",
        "",
        f"Every rule of the specification, {len(clauses())} of them, how many cases of the "
        f"[conformance corpus]({links.to('conformance/index.md', PAGE)}) test it, and which programs pass those that "
        "bind them. A dash: the clause is about what the program does not do.",
        "",
    ]
    for chapter, group in groupby(clauses().values(), key=lambda clause: clause.chapter):
        lines += [f"## {chapter_title(chapter)}", "", '<div class="wide rules" markdown>', "", head]
        for clause in group:
            shown = " | ".join(map(mark, cells()[clause.id]))
            rule = f"{links.clause_link(clause.id, PAGE)}<br>{clause.sentence}"
            lines.append(f"| {rule} | {len(cases_of()[clause.id])} | {shown} |")
        lines += ["", "</div>", ""]
    return "\n".join(lines)
