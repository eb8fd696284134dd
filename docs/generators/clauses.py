"""The page of all clauses: what each says, the cases that test it, and which programs pass them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from . import links
from .cases import chapter_title
from .marks import NOT_JUDGED, mark, program_page
from .project import VERSIONS, cases_of, cells, clauses, programs, runs

PAGE = "specification/clauses.md"


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    yield PAGE, _page()


def _page() -> str:
    names = [f"[{name}]({links.to(program_page(name), PAGE)})" for name in programs()]
    head = f"| clause | cases | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}"
    lines = [
        "---\nhide: [toc]\n---\n",
        "# All clauses",
        "",
        f"Every rule of the specification, {len(clauses())} of them, how many cases of the "
        f"[conformance corpus]({links.to('conformance/index.md', PAGE)}) test it, and which programs pass those that "
        "bind them: a case counts once for each part that it is put to. A dash: the clause is about what the program "
        "does not do. Each clause is judged by the version that states it.",
        "",
    ]
    for (version, chapter), group in groupby(clauses().values(), key=lambda clause: (clause.version, clause.chapter)):
        later = "" if version == VERSIONS[0] else f" ({version})"
        lines += [f"## {chapter_title(chapter)}{later}", "", '<div class="wide rules" markdown>', "", head]
        for clause in group:
            judged = dict(zip((run["name"] for run in runs(version)), cells(version)[clause.id], strict=True))
            shown = " | ".join(mark(judged.get(name, NOT_JUDGED)) for name in programs())
            rule = f"{links.clause_link(clause.id, PAGE)}<br>{clause.sentence}"
            lines.append(f"| {rule} | {len(cases_of(version)[clause.id])} | {shown} |")
        lines += ["", "</div>", ""]
    return "\n".join(lines)
