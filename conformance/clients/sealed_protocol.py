"""What the protocol of CLIENT.md has more for version 2.0: seals and metadata, as JSON and as Python's values."""

from __future__ import annotations

from typing import Any

from protocol import Rejected, bits, value_of


def printed(value: Any) -> dict[str, Any]:
    """A value of metadata as a decoder prints it."""
    if isinstance(value, dict):
        return {"kind": "map", "value": [[key, printed(child)] for key, child in value.items()]}
    if isinstance(value, list):
        return {"kind": "list", "value": [printed(child) for child in value]}
    if value is None:
        return {"kind": "nil"}
    if isinstance(value, bool):
        return {"kind": "bool", "value": value}
    if isinstance(value, int):
        return {"kind": "int", "value": str(value)}
    if isinstance(value, float):
        return {"kind": "float", "value": bits(value)}
    return {"kind": "bin", "value": value.hex()} if isinstance(value, bytes) else {"kind": "str", "value": value}


def given(value: Any, depth: int = 0) -> Any:
    """The value of metadata that an encoder gets. Raises Rejected."""
    kind = value.get("kind") if isinstance(value, dict) else None
    content = value.get("value") if isinstance(value, dict) else None
    if depth > 100:  # more than the format allows, and less than Python does
        raise Rejected("values are nested too deep", clause="META-3")
    if kind == "list" and isinstance(content, list):
        return [given(child, depth + 1) for child in content]
    if kind == "map" and isinstance(content, list):
        found: dict[str, Any] = {}
        for pair in content:
            if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
                raise Rejected("an entry of a map is a pair of a text and a value", clause="META-1")
            if pair[0] in found:
                raise Rejected(f"the key {pair[0][:40]!r} is given twice", clause="META-2")
            found[pair[0]] = given(pair[1], depth + 1)
        return found
    if kind in ("nil", "bool", "int", "float", "str", "bin"):
        return value_of(value)
    raise Rejected(f"{str(kind)[:40]!r} is not a kind of metadata", clause="META-1")
