"""The page of one case: what it is about, its bytes, what is expected, and which programs do it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from conformance.annotated import near, rows
from conformance.asking import PARTS
from conformance.clauses import SPEC
from conformance.model import SIDES, Case

from . import links
from .marks import program_page
from .project import VERSIONS, clauses, verdicts

# Also where its name has the words that are searched for: the theme counts a word of a title 1,000 times.
FOUND_LAST: Final = "---\nsearch: {boost: 0.001}\n---"
_ROWS: Final = 120  # of bytes that are shown
_RECORDS: Final = 24  # that are shown
_LETTERS: Final = 2000  # of one record
_ROW: Final = re.compile(r"(. [0-9a-f]{8}  )(.{0,47})(?:  (.*))?")
_CODE: Final = re.compile(r"(`[^`]+`)")  # in a docstring
_TITLES: Final = {
    "base.bin": "Base",
    "bin.seal": "Its detached seal",
    "want.bin": "The file that is expected",
}
WANTED: Final = {
    ("stream", "accept"): "Every reader must accept this stream.",
    ("stream", "reject"): "Every reader must refuse this stream.",
    ("flax", "accept"): "Every reader must accept this flax file.",
    ("flax", "reject"): "Every reader must refuse this flax file.",
    ("stream-encode", "accept"): "Every writer must turn these leaves into this stream.",
    ("stream-encode", "reject"): "Every writer must refuse to write these leaves.",
    ("flax-encode", "accept"): "Every writer must turn these leaves into this flax file.",
    ("flax-encode", "reject"): "Every writer must refuse to write these leaves.",
    ("convert", "accept"): "Every converter must turn this input into this file.",
    ("convert", "reject"): "Every converter must refuse this input.",
    ("diff", "accept"): "Every program that writes deltas must write one from which the target can be recovered.",
    ("diff", "reject"): "Every program that writes deltas must refuse this base or this target.",
    ("recover", "accept"): "Every program that recovers must make this file from this base and this delta.",
    ("recover", "reject"): "Every program that recovers must refuse this base or this delta.",
}
_LEVELS: Final = {
    "SHOULD": "The rule says SHOULD: a program that does otherwise is advised, and does not fail.",
    "dialect": "This is about a dialect: a program that accepts what should be refused is advised, and does not fail.",
}


def chapter_title(chapter: str) -> str:
    """The heading of a chapter of the specification."""
    file, *_ = sorted(SPEC.glob(f"*/{chapter}.md"))  # each version has a chapter 00 of its own
    return file.read_text().split("\n", 1)[0].removeprefix("# ")


def page_of(case: Case) -> str:
    page = links.case_page(case.id)
    chapter = case.id.split("/")[0]
    parts = [
        FOUND_LAST,
        f'# {case.name}\n\n<p class="up" markdown>[Cases](../index.md) / [{chapter_title(chapter)}](index.md)</p>',
        prose(case.about),
        f"**{wanted(case)}** {_LEVELS.get(case.level, '')} {holds(case)}".rstrip(),
        _clauses(case, page),
        *_bytes(case, page),
        *_given(case),
        _who(case, page),
        again(case),
    ]
    return "\n\n".join(part for part in parts if part)


def wanted(case: Case) -> str:
    """What a case asks of a program: a sentence, in the word of its level."""
    return WANTED[case.part, case.want].replace(" must ", " must " if case.level == "MUST" else " should ")


def holds(case: Case) -> str:
    """In which versions a case holds, where it is not all of them."""
    if case.until is not None:
        return f"It holds until version {case.until}."
    return f"It holds from version {case.since} on." if case.since != VERSIONS[0] else ""


def _clauses(case: Case, page: str) -> str:
    # A sentence of the specification is Markdown already.
    lines = [f"- {links.clause_link(id, page)}: {clauses()[id].sentence}" for id in case.clauses]
    if case.also:
        also = ", ".join(links.clause_link(id, page) for id in case.also)
        lines.append(f"- A refusal may also name {also}.")
    return "\n".join(lines)


def _bytes(case: Case, page: str) -> Iterator[str]:
    for ending, file in case.files.items():
        title = {"recover": "Delta", "diff": "Target"}.get(case.part, "Input") if ending == "bin" else _TITLES[ending]
        yield f"## {title} {{ data-search-exclude }}\n\n{_offer(case, ending, page)}"
        yield _table(case, ending) if file["size"] else "No byte."


def _offer(case: Case, ending: str, page: str) -> str:
    file = case.files[ending]
    size = f"{file['size']:,} byte{'s' * (file['size'] != 1)}"
    if "recipe" in file:
        return f"{size}. Too large to be kept: `python -m conformance show {case.id} --output FILE` makes it."
    at = links.to(file_of(case, ending), page)
    explorer = links.to("explorer/index.md", page)
    query = f"?file={links.to(file_of(case, ending), 'explorer/index.md')}"
    # The link is put in as HTML: one that Markdown makes is held to name a page, and this one has a query.
    look = f'<a href="{_url(explorer)}{query}">open in the explorer</a>'
    return f'{size} · <a href="{_url(at)}" download>download</a> · {look}'


def _url(link: str) -> str:
    """A link of the sources as it is on the site, where each page is a folder of its own."""
    return "../" + link.removesuffix("index.md")


def _table(case: Case, ending: str) -> str:
    """The commented bytes; of a long file those around its fault, or the first."""
    shown = []
    for row in rows(case, ending):
        shown.append(row)
        if len(shown) > _ROWS:
            break
    whole = len(shown) <= _ROWS
    if not whole:
        shown = list(near(case, ending)) if case.offset is not None and ending == "bin" else shown[:_ROWS]
    shown = _narrow(shown)
    marked = [str(i) for i, row in enumerate(shown, 1) if row.startswith(">")]
    options = f' hl_lines="{" ".join(marked)}"' if marked else ""
    more = "" if whole else "\n\nThe rest is not shown."
    return f"```text{options}\n" + "\n".join(shown) + f"\n```{more}"


def _narrow(shown: list[str]) -> list[str]:
    """Rows whose column of digits is as wide as the widest of them."""
    split = [_ROW.fullmatch(row) for row in shown]
    width = max((len(row[2].rstrip()) for row in split if row), default=0)
    return [
        f"{row[1]}{row[2].rstrip():<{width}}  {row[3] or ''}".rstrip() if row else text
        for row, text in zip(split, shown, strict=True)
    ]


def _given(case: Case) -> Iterator[str]:
    """What a decoder is to print, an encoder is given, or a converter is asked for, as CLIENT.md describes it."""
    if case.encode is not None and case.part.endswith("-encode"):
        yield _json("Given", case.encode.get("records", []), {k: v for k, v in case.encode.items() if k != "records"})
    if case.records:
        yield _json("Expected", case.records, {"seal": case.seal} if case.seal else {})
    if case.convert:
        asked = {name: value for name, value in case.convert.items() if value is not None}
        yield f"## Asked {{ data-search-exclude }}\n\n```json\n{json.dumps(asked, indent=1)}\n```"


def _json(title: str, records: list[dict[str, Any]], more: dict[str, Any]) -> str:
    lines = [_short(record) for record in records[:_RECORDS]]
    rest = f"\n\nand {len(records) - _RECORDS:,} more records." if len(records) > _RECORDS else ""
    fields = ['"records": [\n  ' + ",\n  ".join(lines) + ("\n ]" if not rest else ",\n  ...")]
    fields += [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in more.items()]
    return f"## {title} {{ data-search-exclude }}\n\n```json\n{{" + ",\n ".join(fields) + f"}}\n```{rest}"


def _short(record: dict[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=True)
    return text if len(text) <= _LETTERS else text[:_LETTERS] + " ..."


def _who(case: Case, page: str) -> str:
    """A row for each program that the case was put to."""
    found = verdicts()[case.id]
    if not found:
        return ""
    lines = [
        "## What programs do { data-search-exclude }",
        "",
        "| program | part | result |",
        "|---|---|---|",
    ]
    for (program, part, state, reason, got), versions in found.items():
        shown = (
            '<span class="mark pass">✓</span>' if state == "passed" else f'<span class="mark known">✗ {state}</span>'
        )
        said = prose(reason or got).replace("|", "\\|").replace("\n", " ")
        link = f"[{program}]({links.to(program_page(program), page)})"
        lines.append(f"| {link} | {part}&nbsp;{', '.join(versions)} | {shown}{f': {said}' if said else ''} |")
    return "\n".join(lines)


def again(case: Case) -> str:
    part = case.part if case.part in PARTS else "decode"
    if case.part.startswith("flax"):
        part = f"flax-{part}"
    if case.part.endswith("-encode"):
        part = case.part.removeprefix("stream-")
    chosen = f"'{case.rule}/*'" if case.rule else case.id
    spec = f" --spec {case.since}" if case.since != VERSIONS[0] else ""
    return (
        "## Your program { data-search-exclude }\n\n```sh\n"
        f"python -m conformance run {PARTS[part]} './your-program' \\\n    --match {chosen}{spec}\n```"
    )


def file_of(case: Case, ending: str) -> str:
    return f"conformance/files/{SIDES[case.want]}/{case.id}.{ending}"


def prose(text: str) -> str:
    """Text of a docstring as Markdown: what might be markup is not, but for code between backticks."""
    return "".join(piece if at % 2 else escaped(piece) for at, piece in enumerate(_CODE.split(text)))


def escaped(text: str) -> str:
    """Text as Markdown in which nothing is markup."""
    return escape(text, quote=False).replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_").replace("[", "\\[")
