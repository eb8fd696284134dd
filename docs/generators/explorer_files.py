"""The files of the explorer: its modules, the JavaScript client as it is, the clauses that it quotes, and examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File

from conformance.clauses import read_clauses

from .explorer_examples import examples
from .project import ROOT, VERSIONS

SOURCES: Final = Path(__file__).parents[1] / "explorer"
READ: Final = ("1.0", "2.0")  # versions of the specification that the explorer knows
CLIENTS: Final = ROOT / "conformance/clients"
# The modules of the package in JavaScript, as they are.
CLIENT: Final = tuple(sorted((CLIENTS / "streamckpt").glob("*.mjs")))


def files(config: MkDocsConfig) -> list[File]:
    """Each file below `explorer/` of the site."""
    sources = sorted(path for path in SOURCES.rglob("*") if path.suffix in (".mjs", ".css"))
    stored = {str(path.relative_to(SOURCES)): path for path in sources}
    stored |= {str(path.relative_to(CLIENTS)): path for path in CLIENT}
    made = {"clauses.json": clauses_json().encode()} | {f"examples/{name}": data for name, data in examples().items()}
    return [
        *(File.generated(config, f"explorer/{name}", abs_src_path=str(path)) for name, path in stored.items()),
        *(File.generated(config, f"explorer/{name}", content=content) for name, content in made.items()),
    ]


def clauses_json() -> str:
    """The sentence of each clause and its place on the site, as seen from the explorer's page.

    The explorer reads files of each version; clauses whose version has no page yet have no place.
    """
    pages = {}
    for version in READ:
        for clause in (one for id, one in read_clauses(version).items() if id not in pages):
            pages[clause.id] = {"sentence": clause.sentence}
            if version in VERSIONS:
                pages[clause.id]["url"] = f"../specification/{version}/{clause.chapter}/#{clause.id.lower()}"
    return json.dumps(pages, ensure_ascii=False, indent=1)
