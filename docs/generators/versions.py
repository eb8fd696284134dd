"""What changed from one version of the specification to the next."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from . import links
from .project import ROOT, VERSIONS

PAGE = "specification/changes.md"


def pages() -> Iterator[tuple[str, str]]:
    """The page of changes as its path from the root of the site, and its Markdown. What a version replaces of the one
    before it is a page among its chapters."""
    log = links.borrowed((ROOT / "spec/CHANGELOG.md").read_text(), "spec/CHANGELOG.md", PAGE)
    listed = [
        f"- [From {old} to {new}]({links.to(f'specification/{new}/differences.md', PAGE)}), clause by clause"
        for old, new in pairwise(VERSIONS)
    ]
    yield PAGE, "\n".join([links.with_clauses_linked(log, PAGE), "## Between versions", "", *listed, ""])
