"""The corpus as the runner sees it: cases that have been compiled, and the clauses that they cite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from .digests import sha256

CORPUS: Final = Path(__file__).parent / "corpus"
SIDES: Final = {"accept": "valid", "reject": "invalid"}
LARGE: Final = 1 << 30  # bytes of a file, or of a leaf, from which a case is large


class Case(NamedTuple):
    """One case. `part` is what is judged: a reading (stream, flax), a writing (-encode), a conversion, a recovery."""

    id: str
    about: str
    clauses: list[str]
    also: list[str]
    level: str
    since: str
    until: str | None
    part: str
    want: str
    files: dict[
        str, dict[str, Any]
    ]  # "bin", "base.bin", "want.bin" -> size, and sha256, notes and what is free, or the recipe
    offset: int | None  # of the fault, where it is marked
    records: list[dict[str, Any]]  # what a decoder is to print
    encode: dict[str, Any] | None  # what an encoder gets
    convert: dict[str, Any] | None  # what a converter or recoverer is asked for
    largest: int  # bytes of the largest leaf, or more
    folder: Path

    @property
    def size(self) -> int:
        return max((file["size"] for file in self.files.values()), default=0)

    @property
    def is_large(self) -> bool:
        return max(self.size, self.largest) >= LARGE

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    def stored(self, ending: str) -> Path:
        return self.folder / f"{self.name}.{ending}"

    def pieces(self, ending: str) -> Iterator[tuple[bytes, int]]:
        """The bytes of a file as data and how often it is repeated."""
        recipe = self.files[ending].get("recipe")
        if recipe is None:
            yield self.stored(ending).read_bytes(), 1
        else:
            yield from ((bytes.fromhex(digits), times) for digits, times in recipe)

    def sha256(self, ending: str) -> str:
        """The digest of a file. That of one that is not stored is computed, which takes a second for each 2 GB."""
        return self.files[ending].get("sha256") or sha256(self.pieces(ending))

    def input(self) -> Path | None:
        """The stored input; None where it is made at run time or there is none."""
        file = self.files.get("bin")
        return self.stored("bin") if file is not None and "recipe" not in file else None


class Corpus(NamedTuple):
    """All cases in order, and the sentence of every clause."""

    version: str
    sentences: dict[str, str]
    cases: list[Case]


def load_corpus(root: Path = CORPUS, spec: str = "1.0") -> Corpus:
    """The cases that hold for a version of the specification. Raises FileNotFoundError, ValueError."""
    about = json.loads((root / "corpus.json").read_text())
    if spec not in about["specs"]:
        raise ValueError(f"there is no specification {spec}; the corpus knows {', '.join(about['specs'])}")
    sentences = json.loads((root / f"clauses-{spec}.json").read_text())["clauses"]
    cases = [_case(file) for side in SIDES.values() for file in (root / side).glob("*/*.json")]
    held = [case for case in cases if _number(case.since) <= _number(spec) <= _number(case.until or spec)]
    return Corpus(about["corpus"], sentences, sorted(held, key=lambda case: (case.id, case.part)))


def _case(file: Path) -> Case:
    fields = json.loads(file.read_text())
    offset = fields.pop("offset", None)
    if fields["encode"] is True:  # the encoder gets what the decoder is to print
        fields["encode"] = {"records": list(map(_as_given, fields["records"])), "empty_nodes": "keep"}
    return Case(**fields, offset=None if offset is None else int(offset), folder=file.parent)


def _as_given(record: dict[str, Any]) -> dict[str, Any]:
    """What is wanted of a record, as an encoder gets it."""
    wanted = ("path", "kind", "dtype", "shape", "payload", "fill", "value") + (("bytes",) if "fill" in record else ())
    return {name: record[name] for name in wanted if name in record}


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
