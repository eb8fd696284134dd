"""Links between pages: where a clause, a case and a file of the repository have theirs."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from conformance.clauses import Clause

from .project import VERSIONS, clauses

# Files of the repository that are pages of the site, and what is nearest to pages that are made of many. In a page that
# is borrowed, a link to what is not here becomes its words.
PAGES: Final = {
    "README.md": "index.md",
    "SECURITY.md": "reference/threats.md",
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "reference/contributing.md",
    "spec/README.md": "specification/index.md",
    "spec/CHANGELOG.md": "specification/changes.md",
    "spec/media-types.md": "specification/media-types.md",
    "spec/streamckpt.magic": "specification/streamckpt.magic",
    "spec/streamckpt.xml": "specification/streamckpt.xml",
    **{
        f"spec/{version}/{name}": f"specification/{version}/{name}"
        for version in VERSIONS
        for name in ("format.toml", "streamckpt.ksy")
    },
    "spec/1.0/delta-manifest.schema.json": "specification/1.0/delta-manifest.schema.json",
    "conformance/README.md": "conformance/index.md",
    "conformance/CLIENT.md": "conformance/client.md",
    "conformance/RESULTS.md": "conformance/implementations/index.md",
    "conformance/client.schema.json": "conformance/client.schema.json",
    "conformance/cases": "conformance/cases/index.md",
    "conformance/clients/c/README.md": "conformance/implementations/c.md",
    "conformance/clients/streamckpt/README.md": "conformance/implementations/javascript.md",
    "conformance/clients/page.py": "conformance/one-page.md",
    "spec": "specification/clauses.md",
    "reference/commands": "reference/commands.md",
    "benchmarks/LOG.md": "reference/benchmarks.md",
    "fuzz/README.md": "reference/fuzzing.md",
}
_WRITTEN: Final = "docs/pages"  # where the pages are that are written by hand
_LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_CLAUSE: Final = re.compile(r"\b([A-Z]+-[1-9][0-9]*)\b")
_KEPT: Final = re.compile(r"(^```.*?^```$|`[^`\n]*`|\[[^\]\n]*\]\([^)\n]*\)|^#.*?$)", re.M | re.S)


def page_of(clause: Clause | str) -> str:
    """The page on which a clause stands, with its anchor, from the root of the site."""
    found = clauses()[clause] if isinstance(clause, str) else clause
    return f"specification/{found.version}/{found.chapter}.md#{found.id.lower()}"


def case_page(id: str) -> str:
    """The page of a case. Those of one rule share a page."""
    chapter, name, *_ = id.split("/")
    return f"conformance/cases/{chapter}/{name}.md"


def to(target: str, page: str) -> str:
    """A link from one page to another: both as paths from the root of the site."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def clause_link(id: str, page: str) -> str:
    return f"[{id}]({to(page_of(id), page)}){{ .clause }}"


def with_clauses_linked(text: str, page: str, leave: str | None = None) -> str:
    """Markdown in which every id of a clause, but for the one to leave, is a link; code, links and headings stay."""

    def linked(match: re.Match[str]) -> str:
        known = match[1] in clauses() and match[1] != leave
        return clause_link(match[1], page) if known else match[0]

    parts = _KEPT.split(text)
    return "".join(part if i % 2 else _CLAUSE.sub(linked, part) for i, part in enumerate(parts))


def borrowed(text: str, source: str, page: str) -> str:
    """The Markdown of a file of the repository as a page of the site: its links lead to pages."""

    def moved(match: re.Match[str]) -> str:
        words, target = match.groups()
        if "://" in target or target.startswith("#"):
            return match[0]
        path, anchor = _in_repository(target, source)
        found = _page(path)
        if found is None:
            return words if words.startswith("`") else f"`{words}`" if words == path else words
        return f"[{words}]({to(found, page)}{anchor})"

    return _LINK.sub(moved, text)


def of_the_site(text: str, page: str) -> str:
    """A page that is written by hand, whose links lead to files of the repository, so that they work there too.

    What leads to no page stays, for mkdocs to refuse.
    """

    def moved(match: re.Match[str]) -> str:
        words, target = match.groups()
        path, anchor = _in_repository(target, f"{_WRITTEN}/{page}")
        found = None if ":" in target or target.startswith("#") else _page(path)
        return match[0] if found is None else f"[{words}]({to(found, page)}{anchor})"

    return _LINK.sub(moved, text)


def _in_repository(target: str, source: str) -> tuple[str, str]:
    """Where a link of a file leads, as a path from the root of the repository, and its anchor with the #."""
    file, mark, anchor = target.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), file)), mark + anchor


def _page(path: str) -> str | None:
    """The page of a file of the repository."""
    if path.startswith(f"{_WRITTEN}/"):
        return path.removeprefix(f"{_WRITTEN}/")
    chapter = re.fullmatch(r"spec/([0-9.]+)/([^/]+\.md)", path)
    if chapter and chapter[1] in VERSIONS:
        return f"specification/{chapter[1]}/{chapter[2]}"
    return PAGES.get(path.rstrip("/"))
