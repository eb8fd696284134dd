"""The specification as pages: each clause with its anchor, its bytes, the cases that test it, and who passes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Final, NamedTuple

from conformance.clauses import SPEC, read_replacements

from . import links
from .marks import marks
from .project import VERSIONS, cases_of, cells, corpus

_HEADING: Final = re.compile(r"^#### ([A-Z]+-[1-9][0-9]*)$", re.M)
_BLOCK: Final = re.compile(r"^```hex ([^\n]*)\n(.*?)^```$", re.M | re.S)
_LABEL: Final = 56  # letters of a clause in the contents of its page: two lines or three
_FOUND_FIRST: Final = "---\nsearch: {boost: 3}\n---\n\n"  # before pages that only mention a clause
_KINDS: Final = {
    "accept": "Every reader must accept this stream, and a writer turns these leaves into it.",
    "accept longer": "Every reader must accept this stream; no writer produces it.",
    "refuse": "Every reader must refuse this stream.",
    "flax accept": "Every reader must accept this flax file.",
    "flax refuse": "Every reader must refuse this flax file.",
    "recover": "Every program that recovers must accept this delta, and write the target after it.",
}


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    for version in VERSIONS:
        for file in sorted((SPEC / version).glob("*.md")):
            page = f"specification/{version}/{file.name}"
            text = links.borrowed(file.read_text(), f"spec/{version}/{file.name}", page)
            yield page, _FOUND_FIRST + _Chapter(page, version).made(_switched(text, version, page))
    yield "specification/index.md", _borrowed("spec/README.md", "specification/index.md")


def _borrowed(source: str, page: str) -> str:
    text = (SPEC.parent / source).read_text()
    return links.with_clauses_linked(links.borrowed(text, source, page), page)


def _switched(text: str, version: str, page: str) -> str:
    """A page with a line under its title that leads to the other versions."""
    title, _, rest = text.partition("\n")
    shown = [
        f"**{other}**" if other == version else f"[{other}]({links.to(_beginning(other), page)})" for other in VERSIONS
    ]
    return f'{title}\n\n<p class="versions" markdown>Version {" · ".join(shown)}</p>\n{rest}'


def _beginning(version: str) -> str:
    return f"specification/{version}/00-introduction.md"


def _label(id: str, rule: str) -> str:
    """What the contents of a page say of a clause: its id, and how its sentence begins."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", rule).translate(str.maketrans("", "", '`*"{}'))
    words = words.replace("__", "")  # which Markdown would take for emphasis, and the label for the text of the heading
    short = words if len(words) <= _LABEL else f"{words[:_LABEL].rpartition(' ')[0].rstrip(',;:')} ..."
    return f"{id} {short.rstrip('.') if short == words else short}"


@cache
def _replaced() -> dict[str, list[str]]:
    """For each clause those of later versions that replace it."""
    found: dict[str, list[str]] = {}
    for version in VERSIONS:
        for one in read_replacements(version):
            found.setdefault(one.old, []).append(one.new)
    return found


class _Chapter(NamedTuple):
    """A chapter of a version, as a page of the site."""

    page: str
    version: str

    def made(self, text: str) -> str:
        headings = [*_HEADING.finditer(text)]
        edges = [heading.start() for heading in headings] + [len(text)]
        chapter = re.search(r"([A-Z]+)-", headings[0][1])[1] if headings else ""  # type: ignore[index]
        own = chapter if self.version == VERSIONS[0] else f"{chapter}-in-{self.version.replace('.', '-')}"
        parts = [self._body(text[: edges[0]], chapter, own)]
        for heading, end in zip(headings, edges[1:], strict=True):
            id = heading[1]
            # What follows under a heading of its own is not the clause's.
            body, *rest = re.split(r"^(?=## )", text[heading.end() : end], maxsplit=1, flags=re.M)
            rule, _, more = body.strip().partition("\n")
            # One below what it stands under: the title, or a section of the chapter.
            level = "###" if re.search(r"^## ", text[: heading.start()], re.M) else "##"
            parts.append(
                f'{level} {id} {{ #{id.lower()} .clause-heading data-toc-label="{_label(id, rule)}" }}\n\n'
                f"**{self._linked(rule, id)}**\n{self._body(more, id, id)}\n\n{self._proof(id)}\n\n"
            )
            parts += [self._body(part, None, "") for part in rest]
        return "".join(parts)

    def _linked(self, text: str, id: str | None) -> str:
        return links.with_clauses_linked(text, self.page, leave=id)

    def _body(self, text: str, id: str | None, named: str) -> str:
        """The text of a clause; its examples, which are cases `named` after it, become boxes that say what is done with
        them."""
        numbers = count(1)
        pieces, at = [], 0
        for block in _BLOCK.finditer(text):
            pieces.append(self._linked(text[at : block.start()], id))
            pieces.append(self._example(block[1], block[2], f"example-{named.lower()}-{next(numbers)}"))
            at = block.end()
        return "".join(pieces) + self._linked(text[at:], id)

    def _example(self, info: str, digits: str, name: str) -> str:
        kind = re.sub(r" [A-Z]+-[0-9]+$", "", info)
        side = "refuse" if "refuse" in kind else "accept"
        found = next((case for case in corpus(self.version).cases if case.name == name), None)
        if found is None:
            raise ValueError(f"{self.page}: there is no case {name} in the corpus")
        case = f"[The case]({links.to(links.case_page(found.id), self.page)})"
        return (
            f'<div class="example {side}" markdown>\n<p class="about" markdown>{_KINDS[kind]} {case}</p>\n\n'
            f"```text\n{digits}```\n\n</div>"
        )

    def _proof(self, id: str) -> str:
        """The cases that cite a clause, how the programs do, and what replaces it."""
        cases = cases_of(self.version)[id]
        shown = f"{len(cases)} case{'s' * (len(cases) != 1)}"
        judged = marks(cells(self.version)[id], self.version, self.page)
        lines = ['<div class="proof" markdown>', f"<p markdown>{judged}</p>\n"]
        if later := _replaced().get(id):
            told = ", ".join(links.clause_link(new, self.page) for new in later)
            lines.append(f"<p markdown>What replaces it, and where: {told}</p>\n")
        lines.append(f'??? cases "{shown}"\n')
        for want, title in (("accept", "Taken or written"), ("reject", "Refused")):
            found = [case for case in cases if case.want == want]
            alone = [self._case(case.name, case.id) for case in found if case.rule is None]
            rules = Counter(case.rule for case in found if case.rule is not None)
            if found:
                many = [f"{self._case(rule.split('/')[1], rule)} in {n} places and sizes" for rule, n in rules.items()]
                lines.append(f"    {title}: {', '.join([*alone, *many])}\n")
        return "\n".join(lines) + "\n</div>"

    def _case(self, shown: str, id: str) -> str:
        return f"[{shown}]({links.to(links.case_page(id), self.page)})"
