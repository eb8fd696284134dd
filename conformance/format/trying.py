"""The grammar of a version compiled to Python and to JavaScript, and run over the corpus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..clauses import SPEC
from ..model import Case

HERE: Final = Path(__file__).parent
PACKAGES: Final = ("kaitai-struct-compiler@0.11.0", "kaitai-struct@0.11.0")
LANGUAGES: Final = ("python", "javascript")
LARGEST: Final = 1 << 20  # bytes of a file that is tried: a grammar reads it whole


class Trial(NamedTuple):
    """What a grammar in one language did with a case: what was wrong with its file, or None."""

    case: Case
    language: str
    fault: str | None

    @property
    def decided(self) -> bool:
        return (self.fault is None) == (self.case.want == "accept")


def install(folder: Path) -> Path:
    """The folder of the compiler and of the runtime for JavaScript, installed by npm. Raises CalledProcessError."""
    modules = folder / "node_modules"
    if not (modules / "kaitai-struct-compiler").exists():
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        subprocess.run(words, check=True, capture_output=True)
    return modules


def compiled(version: str, modules: Path, folder: Path) -> None:
    """Compile the grammar of a version into a folder, in all languages. Raises CalledProcessError."""
    import yaml

    text = json.dumps(yaml.safe_load((SPEC / version / "streamckpt.ksy").read_text()))
    for language in LANGUAGES:
        words = ["node", str(HERE / "compile.mjs"), str(modules), language, str(folder)]
        subprocess.run(words, input=text, text=True, check=True, capture_output=True)


def tried(cases: Iterable[Case], modules: Path, folder: Path) -> Iterator[Trial]:
    """What the compiled grammars do with cases that are files of at most 1 MiB for a decoder."""
    found = [case for case in cases if case.part in _TYPES and case.size <= LARGEST]
    with tempfile.NamedTemporaryFile() as blob:
        asked: list[tuple[str, int, int]] = []
        places = []
        for case in found:
            mine = []
            for ending, kind in (("bin", _TYPES[case.part]), ("bin.seal", "seal")):
                if ending in case.files:
                    data = case.data(ending)
                    mine.append(len(asked))
                    asked.append((kind, blob.tell(), blob.tell() + len(data)))
                    blob.write(data)
            places.append(mine)
        blob.flush()
        for language, command in _commands(modules, folder, Path(blob.name)).items():
            env = {**os.environ, "NODE_PATH": str(modules.resolve())}  # where the compiled grammar finds its runtime
            done = subprocess.run(command, input=json.dumps(asked), text=True, check=True, capture_output=True, env=env)
            told = json.loads(done.stdout)
            for case, mine in zip(found, places, strict=True):
                faults = [told[i] for i in mine if told[i] is not None]
                yield Trial(case, language, faults[0] if faults else None)


_TYPES: Final = {"stream": "stream", "flax": "flax"}  # of the part of a case, the type in the grammar


def _commands(modules: Path, folder: Path, blob: Path) -> dict[str, list[str]]:
    return {
        "python": [sys.executable, str(HERE / "run_grammar.py"), str(folder), str(blob)],
        "javascript": ["node", str(HERE / "run_grammar.mjs"), str(modules), str(folder / "Streamckpt.js"), str(blob)],
    }


def undecided() -> dict[str, dict[str, Any]]:
    """The clauses that a grammar cannot decide, each with the reason and, where it is so in one alone, the language."""
    rows = tomllib.loads((HERE / "undecided.toml").read_text())["undecided"]
    return {clause: row for row in rows for clause in row["clauses"]}
