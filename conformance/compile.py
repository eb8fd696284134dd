"""From the declared cases to the corpus on disk: `python -m conformance.compile [--check]`.

The corpus is committed, and `--check` (which the tests run) fails where it is not, to the byte, what the cases give.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from . import VERSION, cases, products
from .assembly import Bytes, Part
from .clauses import Clause, number, read_clauses
from .declare import SOURCES, Conversion, Rule, Source, encode
from .model import CORPUS, PRODUCTS, SIDES, STORED, USUAL

SPECS: Final = ("1.0", "2.0")
_MARK: Final = bytes.fromhex("dd 00 00 00 02")  # SEAL-1


def sources() -> list[Source]:
    """All declared cases."""
    for package in (cases, products):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return SOURCES


def compiled() -> dict[str, bytes]:
    """The corpus: the name of each file in it, and its bytes. Raises ValueError for a case that cannot be one."""
    clauses = {version: read_clauses(version) for version in SPECS}
    known = {id: clause for version in clauses.values() for id, clause in version.items()}
    files: dict[str, bytes] = {}

    def put(name: str, content: bytes) -> None:
        if name in files:
            raise ValueError(f"two cases are called {name}")
        files[name] = content

    rules: dict[Rule, list[Source]] = {}
    for source in sources():
        if source.rule:
            rules.setdefault(source.rule, []).append(source)
            continue
        for name, content in _files(source, known):
            put(name, content)
    products = {rule: [*_products(rule, of, known)] for rule, of in rules.items()}
    for rule, made in products.items():
        put(f"{PRODUCTS}/{known[rule.clause].chapter}/{rule.name}.json", _product(rule, made, known))
    count = sum(not source.rule for source in sources()) + sum(map(len, products.values()))
    sentences = {version: {id: clause.sentence for id, clause in found.items()} for version, found in clauses.items()}
    files["corpus.json"] = _json({"corpus": VERSION, "specs": list(SPECS), "cases": count})
    files |= {f"clauses-{version}.json": _json({"clauses": found}) for version, found in sentences.items()}
    return files


def _files(source: Source, clauses: dict[str, Clause]) -> Iterator[tuple[str, bytes]]:
    _check(source, clauses)
    chapter = "dialects" if source.level == "dialect" else clauses[source.clauses[0]].chapter
    stem = f"{SIDES[source.want]}/{chapter}/{source.name}"
    made, fields = _made(source, source.make())
    _check_mark(source, made, clauses)
    files = {ending: _described(value) for ending, value in made.items()}
    yield f"{stem}.json", _json(_case(source, f"{chapter}/{source.name}", made, files, fields, clauses))
    yield from ((f"{stem}.{ending}", value.data()) for ending, value in made.items() if value.size <= STORED)


def _check(source: Source, clauses: dict[str, Clause]) -> None:
    for id in (*source.clauses, *source.also):
        if id not in clauses:
            raise ValueError(f"{source.module}/{source.name} cites {id}, which the specification does not hold")
    if not source.clauses or not (source.rule or source).about:
        raise ValueError(f"{source.module}/{source.name} has no clause, or no docstring")


def _since(source: Source, clauses: dict[str, Clause]) -> str:
    """The version from which a case holds."""
    return source.since or max((clauses[id].version for id in source.clauses), key=number)


def _check_mark(source: Source, made: dict[str, Bytes], clauses: dict[str, Clause]) -> None:
    """CONF-9: what begins with the mark is another thing from 2.0 on."""
    streams = [made[ending] for ending in ("bin", "base.bin") if ending in made and source.part != "flax"]
    if source.until or _since(source, clauses) != "1.0":
        return
    if any(one.size >= len(_MARK) and one.piece(0, len(_MARK)).data() == _MARK for one in streams):
        raise ValueError(f"{source.module}/{source.name} begins with the mark: it needs until='1.0'")


def _case(
    source: Source,
    id: str,
    made: dict[str, Bytes],
    files: dict[str, Any],
    fields: dict[str, Any],
    clauses: dict[str, Clause],
) -> dict[str, Any]:
    """The fields of a case."""
    case = {
        "id": id,
        "about": source.about,
        "clauses": source.clauses,
        "also": source.also,
        "level": source.level,
        "since": _since(source, clauses),
        "until": source.until,
        "part": source.part,
        "want": source.want,
        "files": files,
        "records": [],
        "encode": None,
        "convert": None,
        "largest": source.largest or max(value.size for value in (*made.values(), Bytes())),
    }
    fault = made["bin"].fault() if source.want == "reject" and "bin" in made else None
    return case | fields | ({} if fault is None else {"offset": str(fault)})


# --- products ----------------------------------------------------------------------------------------------------


def _products(rule: Rule, sources: list[Source], clauses: dict[str, Clause]) -> Iterator[dict[str, Any]]:
    """The cases of a rule, without the fields that all cases of products have, or that are empty. Raises ValueError."""
    for source in sources:
        _check(source, clauses)
        value = source.make()
        if value is None:
            continue
        made, fields = _made(source, value)
        _check_mark(source, made, clauses)
        files = {ending: {"size": value.size, "recipe": _recipe(value)} for ending, value in made.items()}
        for ending, value in made.items():
            if nans := list(value.nans()):
                files[ending]["nans"] = nans
        case = _case(source, source.name, made, files, fields, clauses)
        yield {name: value for name, value in case.items() if name not in USUAL or value != USUAL[name]}


def _product(rule: Rule, made: list[dict[str, Any]], clauses: dict[str, Clause]) -> bytes:
    """The file of a rule. Raises ValueError where two of its cases have one name, or it has none."""
    names = {case["id"] for case in made}
    if not made or len(names) < len(made):
        raise ValueError(f"{rule.name} has no case, or two cases of one name")
    return _json({"id": f"{clauses[rule.clause].chapter}/{rule.name}", "about": rule.about, "cases": made})


def _recipe(value: Bytes) -> list[list[Any]]:
    """What a file is made from: digits, how often, and where they are counted; what is not repeated in one piece."""
    recipe: list[list[Any]] = []
    for part in value.parts:
        if part.size and part.times == 1 and not _others(part) and recipe and recipe[-1][1:] == [1]:
            recipe[-1][0] += part.data.hex()
        elif part.size:
            recipe.append([part.data.hex(), part.times, *_others(part)])
    return recipe


def _others(part: Part) -> list[Any]:
    """What is another each time that the part is repeated."""
    if part.listed is not None:
        return [part.counted, part.listed]
    return [] if part.counted is None else [part.counted]


def _made(source: Source, value: Any) -> tuple[dict[str, Bytes], dict[str, Any]]:
    """The files of a case by ending, and the fields that are special to its part; `value` is what its function gave."""
    accepted = source.want == "accept"
    if source.part in ("stream", "flax"):
        data, *more = value if isinstance(value, tuple) else (value,)
        records = more.pop(0) if accepted else []
        seal = {"seal": more.pop(0)} if accepted and more else {}
        read = {"records": records, "encode": True if accepted and source.canonical else None}
        return dict(zip(("bin", "bin.seal"), (data, *more), strict=False)), read | seal
    if source.part.endswith("-encode"):
        asked, *output = value if accepted else (value,)
        asked = encode(asked) if isinstance(asked, list) else asked
        return dict(zip(("want.bin",), output, strict=False)), {"encode": asked}
    if source.part == "convert":
        conversion, *data = value
        endings = ("bin", "want.bin", "bin.seal") if accepted else ("bin", "bin.seal")
        return dict(zip(endings, data, strict=False)), {"convert": _asked(conversion)}
    conversion, *data = value if isinstance(value[0], Conversion) else (Conversion(), *value)
    return dict(zip(("base.bin", "bin", "want.bin"), data, strict=False)), {"convert": _asked(conversion)}


def _asked(conversion: Conversion) -> dict[str, Any]:
    """What a program is asked for; without a version where none is wanted, as before there was a second."""
    return {name: value for name, value in conversion._asdict().items() if name != "format" or value}


def _described(value: Bytes) -> dict[str, Any]:
    notes = list(value.notes())
    if value.size > STORED:
        pieces = [[part.data.hex(), part.times, *_others(part)] for part in value.parts if part.size]
        return {"size": value.size, "recipe": pieces}
    described = {"size": value.size, "sha256": hashlib.sha256(value.data()).hexdigest(), "notes": notes}
    free = {"nans": list(value.nans()), "loose": list(value.loose())}
    return described | {name: places for name, places in free.items() if places}


def _json(fields: dict[str, Any]) -> bytes:
    """A line for each field, and for each element of a list of lists or objects, so that changes show as lines."""
    lines = (f"{json.dumps(name)}: {_lines(value)}" for name, value in fields.items())
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode()


def _lines(value: Any) -> str:
    if isinstance(value, dict) and len(value) > 20:
        return (
            "{\n  " + ",\n  ".join(f"{json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()) + "\n }"
        )
    if not value or not isinstance(value, list) or isinstance(value[0], str):
        return json.dumps(value)
    return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"


def drift(wanted: dict[str, bytes], root: Path = CORPUS) -> list[str]:
    """The files of the corpus that are missing, surplus, or not what the cases give."""
    found = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
    differ = [name for name in wanted if name in found and (root / name).read_bytes() != wanted[name]]
    return sorted({*differ, *(found ^ set(wanted))})


def main(argv: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m conformance.compile", description=__doc__)
    command.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where the corpus is not up to date"
    )
    check = command.parse_args(argv).check
    wanted = compiled()
    names = drift(wanted)
    if check:
        print("\n".join(names) or "the corpus is what its cases give")
        return bool(names)
    for name in names:
        file = CORPUS / name
        if name not in wanted:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wanted[name])
    print(f"{json.loads(wanted['corpus.json'])['cases']} cases, {len(names)} files changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
