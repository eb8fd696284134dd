"""The corpus as the runner sees it: cases that have been compiled, and the clauses that they cite."""

from __future__ import annotations

import functools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from .clauses import number
from .digests import sha256
from .repetition import Counted, Listed, repeated

CORPUS: Final = Path(__file__).parent / "corpus"
SIDES: Final = {"accept": "valid", "reject": "invalid"}
PRODUCTS: Final = "products"  # the folder of the rules whose cases are made of places and sizes
WHERE: Final = " Here: "  # between what a rule is about and what a case of it is
# The fields of a case of a product that are not written down.
USUAL: Final[dict[str, Any]] = {
    "also": (),
    "level": "MUST",
    "since": "1.0",
    "until": None,
    "records": [],
    "encode": None,
    "convert": None,
}
STORED: Final = 1 << 20  # bytes up to which a file is stored; what is larger is made from its recipe
_GIVEN: Final = ("path", "kind", "dtype", "shape", "payload", "fill", "value", "series", "bytes")
EXPANDED: Final = 1 << 20  # bytes up to which an encoder gets a payload in full, and not as what is repeated in it
_IN_FULL: Final = {"ndarray": "payload", "scalar": "payload", "bin": "value"}
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
    rule: str | None = None  # the id of the rule, of a case that is one of a product
    seal: dict[str, Any] | None = None  # what a decoder is to print of the seal
    spec: str = "1.0"  # the version of the specification by which it is judged

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
            for digits, times, *other in recipe:
                counted = Counted(*other[0]) if other and other[0] else None
                listed = Listed(*other[1]) if len(other) > 1 else None
                yield from repeated(bytes.fromhex(digits), times, counted, listed)

    def data(self, ending: str) -> bytes:
        """All bytes of a file, which is not large."""
        return b"".join(data * times for data, times in self.pieces(ending))

    def wanted(self) -> Iterator[dict[str, Any]]:
        """What a decoder is to print, each record of a series by itself."""
        return expanded(self.records)

    def wanted_seal(self) -> dict[str, Any] | None:
        """What a decoder is to print of the seal."""
        return self.seal and self.seal | {"metadata": spelled(self.seal["metadata"])}

    def given(self) -> dict[str, Any]:
        """What an encoder gets, each record of a series by itself."""
        assert self.encode is not None
        metadata = {"metadata": spelled(self.encode["metadata"])} if "metadata" in self.encode else {}
        return self.encode | {"records": [*expanded(self.encode["records"])]} | metadata

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
    """The cases that hold for a version of the specification, read once in a process: nobody changes them. Raises
    FileNotFoundError, ValueError."""
    return read_corpus(root, spec)


def specs(root: Path = CORPUS) -> list[str]:
    """The versions of the specification that a corpus has cases for, the oldest first. Raises FileNotFoundError."""
    return json.loads((root / "corpus.json").read_text())["specs"]


@functools.cache
def read_corpus(root: Path, spec: str) -> Corpus:
    about = json.loads((root / "corpus.json").read_text())
    if spec not in about["specs"]:
        raise ValueError(f"there is no specification {spec}; the corpus knows {', '.join(about['specs'])}")
    sentences = json.loads((root / f"clauses-{spec}.json").read_text())["clauses"]
    held = [_in(spec, case) for case in _all(root) if number(case.since) <= number(spec) <= number(case.until or spec)]
    return Corpus(about["corpus"], sentences, sorted(held, key=lambda case: (case.id, case.part)))


@functools.cache
def _all(root: Path) -> list[Case]:
    """The cases of all versions."""
    stored = [file for side in SIDES.values() for file in (root / side).glob("*/*.json")]
    cases = [_case(json.loads(file.read_text()), file.parent) for file in stored]
    for file in (root / PRODUCTS).glob("*/*.json"):
        cases += _of_product(json.loads(file.read_text()), file.parent)
    return cases


def _in(spec: str, case: Case) -> Case:
    """A case as a version judges it: where there are two, a converter is told which it is to write."""
    convert = case.convert
    if spec != "1.0" and convert and convert["streaming"] and convert.get("format") is None:
        convert = convert | {"format": "1.0"}
    return case._replace(spec=spec, convert=convert)


def _of_product(rule: dict[str, Any], folder: Path) -> Iterator[Case]:
    for fields in rule["cases"]:
        place = f"{WHERE}{fields['about']}." if fields["about"] else ""
        told = {"id": f"{rule['id']}/{fields['id']}", "about": rule["about"] + place, "rule": rule["id"]}
        yield _case(USUAL | fields | told, folder)


def sampled(cases: Iterable[Case], every: int) -> list[Case]:
    """All cases that were made by hand, and of each rule every so many-th, from the middle of the first so many on (of
    a rule of a few long cases none); for 0 of no rule."""
    seen: Counter[str] = Counter()
    found = []
    for case in cases:
        if case.rule is None or (every and seen[case.rule] % every == every // 2):
            found.append(case)
        if case.rule:
            seen[case.rule] += 1
    return found


def _case(fields: dict[str, Any], folder: Path) -> Case:
    offset = fields.pop("offset", None)
    if fields["encode"] is True:  # the encoder gets what the decoder is to print
        fields["encode"] = {"records": list(map(_as_given, fields["records"])), "empty_nodes": "keep"}
        fields["encode"] |= _settings(fields["seal"]) if "seal" in fields else {}
    return Case(**fields, offset=None if offset is None else int(offset), folder=folder)


def _settings(seal: dict[str, Any]) -> dict[str, Any]:
    """What an encoder is told that is to write a stream with this seal."""
    kept = {name: seal[name] for name in ("metadata", "alignment")}
    return {"format": seal["version"], "digests": seal["digests"] is not None} | kept


def spelled(value: Any) -> Any:
    """A value of metadata; one with `fill` stands for one byte, repeated, and one with `each` for a list of one value,
    or a map of one under the numbers from 000000 on."""
    if not isinstance(value, dict) or value.get("kind") not in ("map", "list", "str", "bin"):
        return value
    if "fill" in value:
        whole = bytes.fromhex(value["fill"]) * int(value["bytes"])
        return {"kind": value["kind"], "value": whole.decode() if value["kind"] == "str" else whole.hex()}
    if value["kind"] in ("str", "bin"):
        return value
    if "each" in value:
        each, is_map = spelled(value["each"]), value["kind"] == "map"
        return {"kind": value["kind"], "value": [[f"{i:06}", each] if is_map else each for i in range(value["times"])]}
    if not isinstance(value.get("value"), list):
        return value  # what is not metadata, to be rejected
    if value["kind"] == "map":
        return value | {"value": [[*pair[:1], *map(spelled, pair[1:])] for pair in value["value"]]}
    return value | {"value": [spelled(one) for one in value["value"]]}


def expanded(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Records; one with `series` stands for so many, in whose paths `%06x` is the number of each, and of whose
    checksums each has the next."""
    for record in records:
        if "series" not in record:
            yield record
            continue
        alike = {name: value for name, value in record.items() if name != "series"}
        for i in range(record["series"]):
            path = [part.replace("%06x", f"{i:06x}") for part in record["path"]]
            checksums = {"checksums": [alike["checksums"][8 * i : 8 * i + 8]]} if "checksums" in alike else {}
            yield alike | {"path": path} | checksums


def _as_given(record: dict[str, Any]) -> dict[str, Any]:
    """What is wanted of a record, as an encoder gets it."""
    given = {name: record[name] for name in _GIVEN if name in record}
    if "fill" not in record:
        given.pop("bytes", None)
        return given
    pattern = bytes.fromhex(record["fill"])
    n = _bytes(record) if len(pattern) > 1 else EXPANDED + 1
    if n <= EXPANDED:  # what is repeated in it is for what would be too long in full
        whole = (pattern * (n // len(pattern) + 1))[:n]
        del given["fill"]
        given.pop("bytes", None)
        given |= {"value": whole.decode()} if record["kind"] == "str" else {_IN_FULL[record["kind"]]: whole.hex()}
    return given


def _bytes(record: dict[str, Any]) -> int:
    """How many a payload, text or bin has."""
    if "bytes" in record:
        return int(record["bytes"])
    bits = re.search(r"\d+", record["dtype"])
    return math.prod(map(int, record.get("shape", ()))) * (max(1, int(bits[0]) // 8) if bits else 1)
