"""A page for each case of the corpus and for each rule of which there are many, and the lists that lead to them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from conformance.clauses import SPEC
from conformance.model import WHERE, Case

from . import links
from .case_pages import again, chapter_title, file_of, holds, page_of, prose, wanted
from .project import VERSIONS, clauses, corpus
from .project import cases as all_cases

_PLACES, _FIRST = 300, 32  # of a rule that are shown, and bytes of each
_UNSEARCHED: Final = "<div data-search-exclude markdown>\n"  # until </div>: it would fill the results of every search
_LETTERS_GIVEN: Final = 100  # of what an encoder is given that are shown for each


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    yield "conformance/cases/index.md", _index()
    for chapter, cases in _chapters():
        yield _list_page(chapter), _list(chapter, cases)
    for case in all_cases():
        if case.rule is None:
            yield links.case_page(case.id), page_of(case)
    for rule, made in rules().items():
        yield links.case_page(rule), _rule_page(rule, made)


@functools.cache
def rules() -> dict[str, list[Case]]:
    """The cases of each rule that is looked at in many places and at many sizes."""
    found: dict[str, list[Case]] = {}
    for case in all_cases():
        if case.rule is not None:
            found.setdefault(case.rule, []).append(case)
    return found


def stored() -> Iterator[tuple[str, str]]:
    """Each file of the corpus that the site offers: its path from the root of the site, and on the disk."""
    for case in all_cases():
        for ending, file in case.files.items():
            if "recipe" not in file:
                yield file_of(case, ending), str(case.stored(ending))


# --- the list ----------------------------------------------------------------------------------------------------


def _chapters() -> Iterator[tuple[str, list[Case]]]:
    for chapter, group in groupby(all_cases(), key=lambda case: case.id.split("/")[0]):
        yield chapter, list(group)


def _list_page(chapter: str) -> str:
    return f"conformance/cases/{chapter}/index.md"


def _index() -> str:
    cases = all_cases()
    lines = [
        "# Cases",
        "",
        f"All {len(cases):,} cases of the corpus {corpus(VERSIONS[0]).version}, by the chapter of the specification "
        "that they test. Each has a page with its bytes, what is expected of a program, and which programs do it.",
        "",
        "| chapter | accepted or written | refused |",
        "|---|---|---|",
    ]
    for chapter, group in _chapters():
        taken = sum(case.want == "accept" for case in group)
        lines.append(f"| [{chapter_title(chapter)}]({chapter}/index.md) | {taken} | {len(group) - taken} |")
    return "\n".join(lines)


def _list(chapter: str, cases: list[Case]) -> str:
    page = _list_page(chapter)
    stated = [version for version in VERSIONS if (SPEC / version / f"{chapter}.md").exists()]
    spec = [links.to(f"specification/{version}/{chapter}.md", page) for version in stated]
    named = [f"[the chapter of {version}]({link})" for version, link in zip(stated, spec, strict=True)]
    lines = [
        "---\nhide: [toc]\n---",
        f"# Cases of {chapter_title(chapter)}",
        "",
        f'<p class="up" markdown>[Cases](../index.md) · {" · ".join(named)}</p>',
        "",
        _UNSEARCHED,
        "| case | clauses |",
        "|---|---|",
    ]
    for rule, made in rules().items():
        if rule.startswith(f"{chapter}/"):
            clauses = ", ".join(links.clause_link(id, page) for id in _cited(made))
            link = f"[{rule.split('/')[1]}]({links.to(links.case_page(rule), page)})"
            wanted = _wanted(made[0], f"{len(made):,} case{'s' * (len(made) != 1)}, ")
            lines.append(f"| {link} {wanted}<br>{prose(_told(made[0]))} | {clauses} |")
    for case in cases:
        if case.rule is not None:
            continue
        clauses = ", ".join(links.clause_link(id, page) for id in case.clauses)
        link = f"[{case.name}]({links.to(links.case_page(case.id), page)})"
        lines.append(f"| {link} {_wanted(case)}<br>{_cell(case)} | {clauses} |")
    lines.append("\n</div>")
    return "\n".join(lines)


def _wanted(case: Case, number: str = "") -> str:
    return f'<span class="wanted">{number}{"accepted" if case.want == "accept" else "refused"}</span>'


def _cell(case: Case) -> str:
    return prose(case.about).replace("|", "\\|")


# --- a rule ------------------------------------------------------------------------------------------------------


def _told(case: Case) -> str:
    """What the rule of a case is about."""
    return case.about.split(WHERE)[0]


def _cited(made: list[Case]) -> list[str]:
    return list(dict.fromkeys(id for case in made for id in case.clauses))


def _rule_page(rule: str, made: list[Case]) -> str:
    """What the rule is about, and each place and size with its bytes, as far as there is room."""
    page, first = links.case_page(rule), made[0]
    chapter, name = rule.split("/")
    rows = [f"| {_where(case)} | <code>{_beginning(case)}</code> |" for case in made[:_PLACES]]
    more = f"\n\nand {len(made) - _PLACES:,} more." if len(made) > _PLACES else ""
    parts = [
        "---\nsearch: {boost: 0.3}\n---",
        f'# {name}\n\n<p class="up" markdown>[Cases](../index.md) / [{chapter_title(chapter)}](index.md)</p>',
        prose(_told(first)),
        f"**{wanted(first)}** The rule is tried in {len(made):,} places and sizes.",
        holds(first),
        "\n".join(f"- {links.clause_link(id, page)}: {prose(clauses()[id].sentence)}" for id in _cited(made)),
        "\n".join([_UNSEARCHED, "| where | it begins with |", "|---|---|", *rows, "\n</div>"]) + more,
        f"Each is shown with `python -m conformance show '{rule}/*'`.",
        again(first),
    ]
    return "\n\n".join(part for part in parts if part)


def _where(case: Case) -> str:
    return prose(case.about.split(WHERE)[-1].rstrip(".")).replace("|", "\\|") or case.name


def _beginning(case: Case) -> str:
    """The first bytes of its input, or else of what is written, or else the last leaf that is given."""
    if not case.files:
        return prose(json.dumps((case.encode or {"records": []})["records"][-1:])[:_LETTERS_GIVEN])
    ending = "bin" if "bin" in case.files else "want.bin"
    pieces = case.pieces(ending)
    head = b""
    for data, times in pieces:
        head += (data * min(times, _FIRST))[:_FIRST]
        if len(head) >= _FIRST:
            break
    return head[:_FIRST].hex(" ") + (" ..." if case.files[ending]["size"] > _FIRST else "")
