"""Metadata as a case declares it: as a value of Python, from which come its encoding, value by value, and what
CLIENT.md says of it. No case stands here."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from ..assembly import Bytes, Part, data, fill, hexed, str_
from ..products.values import Value, assembled, number, plain, text
from ..repetition import Counted


class Float(NamedTuple):
    """A float by its bits, as 16 hexadecimal digits."""

    bits: str


class Long(NamedTuple):
    """A text or bytes of one byte that is repeated, which would be too long to be held."""

    kind: str  # str or bin
    byte: int
    times: int


class Many(NamedTuple):
    """A list of one value so many times, or with `keys` a map whose keys are the numbers from 000000 on."""

    each: Any
    times: int
    keys: bool = False


class Pairs(NamedTuple):
    """A map whose entries stand as they are given, whatever their order and their keys are."""

    entries: tuple[tuple[Any, Any], ...]


_META: Final = "META-1"
_PLAIN: Final = {None: "c0", False: "c2", True: "c3"}


def encoded(content: Any, slot: str = "metadata") -> Value:
    """A value of metadata in the one form in which it can be written (META-2), with a slot for each value in it."""
    if content is None or isinstance(content, bool):
        return plain(slot, _PLAIN[content], _META, "nil" if content is None else "bool")
    if isinstance(content, int):
        return number(slot, content, _META)
    if isinstance(content, float | Float):
        return plain(slot, f"cb{_bits(content)}", _META, "float")
    if isinstance(content, str):
        return text(slot, content, _META)
    if isinstance(content, bytes):
        return Value("bin", slot, content=data(content), clause=_META)
    if isinstance(content, Long):
        return Value(content.kind, slot, content=fill(content.byte, content.times), clause=_META)
    if isinstance(content, Many):
        each = assembled(encoded(content.each)).data()
        key = str_("000000").data() if content.keys else b""
        counted = Counted(len(key) - 6, 6, 10) if content.keys else None
        body = Bytes(Part(key + each, "", content.times, counted=counted)) if content.times else Bytes()
        return Value("map" if content.keys else "array", slot, content.times, content=body, clause=_META)
    if isinstance(content, list | tuple) and not isinstance(content, Pairs):
        inner = tuple(encoded(one, f"{slot}-{i}") for i, one in enumerate(content))
        return Value("array", slot, len(inner), inner, clause=_META)
    if isinstance(content, Bytes):  # what is not metadata
        return Value("other", slot, content=content, clause=_META)
    entries = content.entries if isinstance(content, Pairs) else _sorted(content)
    inner = []
    for i, (key, value) in enumerate(entries):
        inner += [encoded(key, f"{slot}-key-{i}"), encoded(value, f"{slot}-value-{i}")]
    return Value("map", slot, len(entries), tuple(inner), clause=_META)


def described(content: Any) -> dict[str, Any]:
    """A value of metadata as a decoder prints it and an encoder gets it; `fill` and `bytes` stand for what is repeated,
    and are replaced by what they mean before either is compared or given."""
    if content is None:
        return {"kind": "nil"}
    if isinstance(content, bool):
        return {"kind": "bool", "value": content}
    if isinstance(content, int):
        return {"kind": "int", "value": str(content)}
    if isinstance(content, float | Float):
        return {"kind": "float", "value": _bits(content)}
    if isinstance(content, str):
        return {"kind": "str", "value": content}
    if isinstance(content, bytes):
        return {"kind": "bin", "value": content.hex()}
    if isinstance(content, Long):
        return {"kind": content.kind, "fill": f"{content.byte:02x}", "bytes": str(content.times)}
    if isinstance(content, Many):
        kind = "map" if content.keys else "list"
        return {"kind": kind, "each": described(content.each), "times": content.times}
    if isinstance(content, list | tuple) and not isinstance(content, Pairs):
        return {"kind": "list", "value": [described(one) for one in content]}
    entries = content.entries if isinstance(content, Pairs) else _sorted(content)
    return {"kind": "map", "value": [[key, described(value)] for key, value in entries]}


def shuffled(described: dict[str, Any]) -> dict[str, Any]:
    """What an encoder gets, the entries of each map in the reverse of their order."""
    value = described.get("value")
    if described["kind"] == "list":
        return described | {"value": [shuffled(one) for one in value or []]}
    if described["kind"] == "map":
        return described | {"value": [[key, shuffled(one)] for key, one in reversed(value or [])]}
    return described


def nested(depth: int, innermost: Any = None) -> Any:
    """A map at depth 1, and below it a list or map at each depth down to this one, the last holding what is given."""
    content: Any = [innermost] if depth > 1 else {"k": innermost}
    for level in range(depth - 1, 0, -1):
        content = [content] if level > 1 and level % 2 else {"k": content}
    return content


def _sorted(content: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(content.items(), key=lambda entry: entry[0].encode())


def _bits(content: float | Float) -> str:
    return content.bits if isinstance(content, Float) else struct.pack(">d", content).hex()


def long_entry(kind: str, size: int) -> dict[str, Any]:
    """Metadata of one entry whose encoding has so many bytes, of 65,536 and more."""
    head = len(hexed("81 a1 6b c6 00 00 00 00").data())
    return {"k": Long(kind, 0x78, size - head)}
