"""Files of the repository that are pages of the site as they are, but for their links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import links
from .project import ROOT, VERSIONS

# From which file to which page. What else is a page stands in `links.PAGES`.
_FILES: Final = (
    "SECURITY.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "conformance/CLIENT.md",
    "fuzz/README.md",
    "spec/media-types.md",
)

# What is made of the format as data.
_MADE: Final = (
    *(f"spec/{version}/{name}" for version in VERSIONS for name in ("format.toml", "streamckpt.ksy")),
    "spec/streamckpt.magic",
    "spec/streamckpt.xml",
)


def pages() -> Iterator[tuple[str, str]]:
    """Each page as its path from the root of the site, and its Markdown."""
    for source in _FILES:
        page = links.PAGES[source]
        text = links.borrowed((ROOT / source).read_text(), source, page)
        yield page, links.with_clauses_linked(text, page)


def files() -> Iterator[tuple[str, str]]:
    """Each file that is offered as it is: its path from the root of the site, and on the disk."""
    for source in ("conformance/client.schema.json", "spec/1.0/delta-manifest.schema.json", *_MADE):
        yield links.PAGES[source], str(ROOT / source)
