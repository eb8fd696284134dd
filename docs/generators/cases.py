"""A page for each case of the corpus and for each rule of which there are many, and the lists that lead to them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Final

from conformance.clauses import SPEC
from conformance.model import WHERE, Case

from . import links
from .case_pages import FOUND_LAST, again, chapter_title, escaped, file_of, holds, page_of, prose, wanted
from .project import VERSIONS, clauses, corpus
from .project import cases as all_cases

_PLACES, _FIRST = 300, 32  # of a rule that are shown, and bytes of each
_HEADS: Final = "| where | its first bytes, or those at which it parts from the row above |\n|---|---|"
_BEFORE, _HEAD = 8, 8192  # bytes in front of a difference that are shown, and those in which one is looked for
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
    pairs = zip(made[:_PLACES], [None, *made], strict=False)
    rows = [f"| {_where(case)} | {_beginning(case, above)} |" for case, above in pairs]
    more = f"\n\nand {len(made) - _PLACES:,} more." if len(made) > _PLACES else ""
    parts = [
        FOUND_LAST,
        f'# {name}\n\n<p class="up" markdown>[Cases](../index.md) / [{chapter_title(chapter)}](index.md)</p>',
        prose(_told(first)),
        f"**{wanted(first)}** The rule is tried in {len(made):,} places and sizes.",
        holds(first),
        "\n".join(f"- {links.clause_link(id, page)}: {clauses()[id].sentence}" for id in _cited(made)),
        "\n".join([_UNSEARCHED, _HEADS, *rows, "\n</div>"]) + more,
        f"Each is shown with `python -m conformance show '{rule}/*'`.",
        again(first),
    ]
    return "\n\n".join(part for part in parts if part)


def _where(case: Case) -> str:
    return prose(case.about.split(WHERE)[-1].rstrip(".")).replace("|", "\\|") or case.name


def _beginning(case: Case, above: Case | None) -> str:
    """Bytes of its input, or else of what is written, or else the last leaf that is given. The bytes are its first, or
    where `above` begins with the same those at which the two part."""
    if not case.files:
        return f"<code>{escaped(json.dumps((case.encode or {'records': []})['records'][-1:])[:_LETTERS_GIVEN])}</code>"
    head, other = _head(case), _head(above) if above is not None and above.files else b""
    differ = [*islice((at for at, (a, b) in enumerate(zip(head, other, strict=False)) if a != b), 2)]
    # One byte by itself in files of different sizes is a length of what holds the rest, and the rest tells more.
    is_length = len(head) != len(other) and len(differ) == 2 and differ[1] > differ[0] + 1
    apart = differ[is_length] if differ else 0
    begin = max(0, apart - _BEFORE) if apart >= _FIRST else 0
    end = begin + _FIRST
    more = " ..." if case.files[_ending(case)]["size"] > end else ""
    shown = f"<code>{head[begin:end].hex(' ')}{more}</code>"
    return f"{shown} from byte {begin:,}" if begin else shown


def _ending(case: Case) -> str:
    return "bin" if "bin" in case.files else "want.bin"


def _head(case: Case) -> bytes:
    """The bytes in which cases are compared."""
    head = b""
    for data, times in case.pieces(_ending(case)):
        head += (data * min(times, _HEAD))[:_HEAD]
        if len(head) >= _HEAD:
            break
    return head[:_HEAD]
