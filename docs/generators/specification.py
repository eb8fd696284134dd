"""The specification as pages: each clause with its anchor, its bytes, the cases that test it, and who passes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Final

from conformance.clauses import SPEC
from conformance.model import Case

from . import links
from .marks import marks
from .project import CURRENT, VERSIONS, cases_of, cells, corpus

_HEADING: Final = re.compile(r"^#### ([A-Z]+-[1-9][0-9]*)$", re.M)
_BLOCK: Final = re.compile(r"^```hex ([^\n]*)\n(.*?)^```$", re.M | re.S)
_FOUND_FIRST: Final = "---\nsearch: {boost: 3}\n---\n\n"  # before pages that only mention a clause
_KINDS: Final = {
    "accept": "Every reader takes this stream; a writer makes it of these leaves.",
    "accept longer": "Every reader takes this stream; no writer makes it.",
    "refuse": "Every reader refuses this stream.",
    "flax accept": "Every reader takes this flax file.",
    "flax refuse": "Every reader refuses this flax file.",
    "recover": "Every program that recovers takes this delta, with the base before it, and writes the target after it.",
}


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    for version in VERSIONS:
        for file in sorted((SPEC / version).glob("*.md")):
            page = f"specification/{version}/{file.name}"
            text = links.borrowed(file.read_text(), f"spec/{version}/{file.name}", page)
            yield page, _FOUND_FIRST + _chapter(text, page) if version == CURRENT else text
    yield "specification/index.md", _borrowed("spec/README.md", "specification/index.md")


def _borrowed(source: str, page: str) -> str:
    text = (SPEC.parent / source).read_text()
    return links.with_clauses_linked(links.borrowed(text, source, page), page)


def _chapter(text: str, page: str) -> str:
    headings = [*_HEADING.finditer(text)]
    edges = [heading.start() for heading in headings] + [len(text)]
    chapter = re.search(r"([A-Z]+)-", headings[0][1])[1] if headings else ""  # type: ignore[index]
    parts = [_body(text[: edges[0]], page, chapter)]
    for heading, end in zip(headings, edges[1:], strict=True):
        id = heading[1]
        # What follows under a heading of its own is not the clause's.
        body, *rest = re.split(r"^(?=## )", text[heading.end() : end], maxsplit=1, flags=re.M)
        rule, _, more = body.strip().partition("\n")
        parts.append(
            f"### {id} {{ #{id.lower()} }}\n\n"
            f"**{_linked(rule, page, id)}**\n{_body(more, page, id)}\n\n{_proof(id, page)}\n\n"
        )
        parts += [_body(part, page, None) for part in rest]
    return "".join(parts)


def _linked(text: str, page: str, id: str | None) -> str:
    return links.with_clauses_linked(text, page, leave=id)


def _body(text: str, page: str, id: str | None) -> str:
    """The text of a clause; its examples become boxes that say what is done with them."""
    numbers = count(1)
    pieces, at = [], 0
    for block in _BLOCK.finditer(text):
        pieces.append(_linked(text[at : block.start()], page, id))
        pieces.append(_example(block[1], block[2], id, next(numbers), page))
        at = block.end()
    return "".join(pieces) + _linked(text[at:], page, id)


def _example(info: str, digits: str, id: str | None, number: int, page: str) -> str:
    kind = re.sub(r" [A-Z]+-[0-9]+$", "", info)
    side = "refuse" if "refuse" in kind else "accept"
    name = f"example-{(id or '').lower()}-{number}"
    found = next((case for case in corpus().cases if case.name == name), None)
    if found is None:
        raise ValueError(f"{page}: the example {number} of {id} is no case of the corpus")
    case = f"[The case]({links.to(links.case_page(found.id), page)})"
    return (
        f'<div class="example {side}" markdown>\n<p class="about" markdown>{_KINDS[kind]} {case}</p>\n\n'
        f"```text\n{digits}```\n\n</div>"
    )


def _proof(id: str, page: str) -> str:
    """The cases that cite a clause, and how the programs do."""
    cases = cases_of()[id]
    shown = f"{len(cases)} case{'s' * (len(cases) != 1)}"
    lines = [f'<div class="proof" markdown>\n<p markdown>{marks(cells()[id], page)}</p>\n\n??? cases "{shown}"\n']
    for want, title in (("accept", "Taken or written"), ("reject", "Refused")):
        found = [case for case in cases if case.want == want]
        alone = [_case(case, page) for case in found if case.rule is None]
        rules = Counter(case.rule for case in found if case.rule is not None)
        if found:
            lines.append(f"    {title}: {', '.join([*alone, *(_rule(id, n, page) for id, n in rules.items())])}\n")
    return "\n".join(lines) + "\n</div>"


def _rule(id: str, n: int, page: str) -> str:
    return f"[{id.split('/')[1]}]({links.to(links.case_page(id), page)}) in {n} places and sizes"


def _case(case: Case, page: str) -> str:
    return f"[{case.name}]({links.to(links.case_page(case.id), page)})"
