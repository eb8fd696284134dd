"""The page of benchmarks, from the last results that were measured and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.page import page
from benchmarks.picture import figures

from .project import ROOT


def pages() -> Iterator[tuple[str, str]]:
    """The page as its path from the root of the site, and its Markdown."""
    yield "reference/benchmarks.md", page(json.loads((ROOT / "benchmarks/results.json").read_text()))


def drawing(page: str) -> str:
    """The small picture, for any page: a broad one, and one for phones in its place."""
    results = json.loads((ROOT / "benchmarks/results.json").read_text())
    return figures(results)
