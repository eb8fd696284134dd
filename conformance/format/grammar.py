"""The grammar of each version for Kaitai Struct, with the tables of the data in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from .data import Header, headers, hexadecimal, load, widths

_FOLDER: Final = Path(__file__).parent / "grammars"
_KINDS: Final = ("nil", "bool", "int", "float", "str", "bin", "ext", "array", "map")


def grammar(version: str) -> str:
    """The text of `spec/VERSION/streamckpt.ksy`: the grammar of plain streams, and for 2.0 what a seal adds to it."""
    data, old = load(version), load("1.0")
    text = (_FOLDER / f"{version}.ksy").read_text()
    if version != "1.0":
        text += (_FOLDER / "1.0.ksy").read_text().partition("\ntypes:\n")[2]
    limits = {name: limit for one in (old, data) for name, limit in one["limits"].items()}
    told: dict[str, Any] = {f"most_{name}": limit.get("most") for name, limit in limits.items()}
    told |= _headers() | {
        "tags": ", ".join(f"'\"{tag}\"'" for tag in widths()),
        "width": _chosen([(f'tag == "{tag}"', str(width)) for tag, width in widths().items() if width != 1], "1"),
        "marker": old["names"]["chunked_array"],
        "ext_types": ", ".join(str(row["type"]) for row in old["leaves"] if "type" in row),
    }
    if version != "1.0":
        told |= _sealed(data)
    for name, value in told.items():
        text = text.replace(f"<{name}>", str(value))
    return text


def _headers() -> dict[str, str]:
    """Chapter 01 as the cases of a switch and as expressions of the first byte."""
    forms = [h for h in headers() if isinstance(h.number, str)]
    ints = [h for h in forms if h.kind != "float"]
    least = [(f"first == {h.first:#x}", str(_least(h))) for h in ints if _least(h) is not None]
    spans = _spans([(h.kind or "nil") for h in headers()])
    numbers = _spans([_number(h) for h in headers()])
    return {
        "forms": ", ".join(f"{h.first:#x}: {h.number}" for h in ints),
        "floats": ", ".join(f"{h.first:#x}: {h.number}" for h in forms if h.kind == "float"),
        "kinds": ", ".join(f"{i}: {kind}" for i, kind in enumerate(_KINDS)),
        "kind_of": _chosen(
            [(f"first <= {last:#x}", f"kinds::{kind}") for last, kind in spans[:-1]], f"kinds::{spans[-1][1]}"
        ),
        "number_of": _chosen([(f"first <= {last:#x}", number) for last, number in numbers[:-1]], numbers[-1][1]),
        "least_of": _chosen(least, "n"),
    }


def _number(header: Header) -> str:
    """The number of a value as an expression."""
    if isinstance(header.number, str):
        return "0" if header.kind == "float" else "given"
    if header.number is None:
        return "0"
    difference = header.first - header.number
    return f"first - {difference:#x}" if difference else "first"


def _least(header: Header) -> int | None:
    """WIRE-1: the least number for which a header is the shortest; of a negative one the greatest."""
    shorter = [h for h in headers() if h.kind == header.kind and h.first != header.first]
    form = str(header.number)
    signed = form[0] == "s"
    width = int(form[1:])
    fixed = [
        h.number for h in shorter if isinstance(h.number, int) and (h.number < 0) == signed and header.kind != "ext"
    ]
    forms = [h for h in shorter if isinstance(h.number, str) and h.number[0] == form[0] and int(h.number[1:]) < width]
    if signed:
        reach = [-(1 << 8 * int(str(h.number)[1:]) - 1) for h in forms] + [n for n in fixed if isinstance(n, int)]
        return min(reach) - 1
    reach = [(1 << 8 * int(str(h.number)[1:])) - 1 for h in forms] + [n for n in fixed if isinstance(n, int)]
    return max(reach) + 1 if reach else None


def _spans(values: list[str]) -> list[tuple[int, str]]:
    """Neighbours that are equal as one, each with the last of its indexes."""
    found: list[tuple[int, str]] = []
    for i, value in enumerate(values):
        if found and found[-1][1] == value:
            found.pop()
        found.append((i, value))
    return found


def _chosen(choices: list[tuple[str, str]], otherwise: str) -> str:
    """A conditional expression."""
    text = otherwise
    for condition, value in reversed(choices):
        text = f"({condition} ? {value} : {text})"
    return text


def _sealed(data: dict[str, Any]) -> dict[str, str]:
    """What the grammar of sealed streams has of its data."""
    names, fields = data["names"], []
    for row in data["footer"]:
        lines = [f"- id: {row['field']}", f"  type: {row['number']}"] if "number" in row else [f"- id: {row['field']}"]
        lines += [f"  valid: {row['value']}"] if "value" in row else []
        lines += [f"  contents: {_bytes(names['signature'])}"] if "number" not in row else []
        lines += [f'  doc: "{row["about"]}"'.replace("`", "")]
        fields += lines
    alignments, n = [], data["limits"]["alignment"]["least"]
    while n <= data["limits"]["alignment"]["most"]:
        alignments.append(n)
        n *= 2
    plain = dict.fromkeys(kind for row in data["metadata"] for kind in row["headers"])
    return {
        "mark": _bytes(names["mark"]),
        "power": _any("alignment.n == {}", alignments),
        "is_leaf_kind": _any("kind.value == '{}'", dict.fromkeys(row["kind"] for row in load("1.0")["leaves"])),
        "is_tag": _any("dtype.value == '{}'", widths()),
        "index_keys": ", ".join(f'"{row["key"]}"' for row in data["index"]),
        "metadata_kinds": _any("header.kind == kinds::{}", plain),
        "footer": "\n      ".join(fields),
    }


def _any(form: str, values: Iterable[Any]) -> str:
    return " or ".join(form.format(value) for value in values)


def _bytes(text: str) -> str:
    return f"[{', '.join(f'{byte:#04x}' for byte in hexadecimal(text))}]"
