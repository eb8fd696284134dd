"""What changed from one version of the specification to the next, clause by clause."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from conformance.clauses import SPEC, Clause, read_clauses, read_replacements

from . import links
from .project import ROOT, VERSIONS


def pages(versions: Sequence[str] = VERSIONS, spec: Path = SPEC) -> Iterator[tuple[str, str]]:
    """The page of changes, and one for each pair of versions: paths from the root of the site, and Markdown."""
    page = "specification/changes.md"
    log = links.borrowed((ROOT / "spec/CHANGELOG.md").read_text(), "spec/CHANGELOG.md", page)
    found = {f"specification/changes-{new}.md": _difference(old, new, spec) for old, new in pairwise(versions)}
    listed = [f"- [{name.removesuffix('.md')}]({links.to(name, page)}), clause by clause" for name in found]
    single = (
        f"There is one version, {versions[0]}. With the next, a page here shows the two beside each other, clause by "
        "clause."
    )
    more = "\n".join(listed) or single
    yield page, f"{links.with_clauses_linked(log, page)}\n\n## Between versions\n\n{more}\n"
    yield from found.items()


def _difference(old: str, new: str, spec: Path) -> str:
    before, after = read_clauses(old, spec), read_clauses(new, spec)
    lines = [f"# From {old} to {new}", ""]
    changed = [id for id in after if id in before and before[id].text != after[id].text]
    for title, ids in (
        ("Added", [id for id in after if id not in before]),
        ("Changed", changed),
    ):
        lines += [f"## {title}", ""]
        for id in ids:
            lines += [f"### {id}", "", "```diff", *_lines(before.get(id), after.get(id)), "```", ""]
        if not ids:
            lines += ["No clause.", ""]
    replaced = [f"- {one.old}, by {one.new}: {one.reason}" for one in read_replacements(new, spec)]
    lines += ["## Replaced", "", *(replaced or ["No clause."]), ""]
    return "\n".join(lines)


def _lines(before: Clause | None, after: Clause | None) -> Iterator[str]:
    old, new = (clause.text.splitlines() if clause else [] for clause in (before, after))
    for line in difflib.ndiff(old, new):
        # A fence within the text would end the block that shows it.
        if not line.startswith("?"):
            yield line.replace("```", "~~~")
