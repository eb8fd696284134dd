"""The index of a sealed stream (chapter 15) as values whose headers can be chosen. No case stands here."""

from __future__ import annotations

from typing import Any

from ..assembly import Bytes, data
from ..products.values import Value, number, plain, text


def said(slot: str, content: Any, clause: str) -> Value:
    """A value of the index, of whatever kind a case wants to have there."""
    if isinstance(content, Value):
        return content
    if isinstance(content, Bytes):
        return Value("other", slot, content=content, clause=clause)
    if content is None or isinstance(content, bool):
        return plain(slot, {None: "c0", False: "c2", True: "c3"}[content], clause, "nil" if content is None else "bool")
    if isinstance(content, int):
        return number(slot, content, clause)
    if isinstance(content, str):
        return text(slot, content, clause)
    if isinstance(content, bytes):
        return Value("bin", slot, content=data(content), clause=clause)
    inner = tuple(said(f"{slot}-{i}", one, clause) for i, one in enumerate(content))
    return Value("array", slot, len(inner), inner, clause=clause)


def _named(slot: str, content: Any, names: tuple[tuple[str, str], ...], clause: str, each: Any = said) -> Value:
    """An array whose elements have slots of their own names."""
    if not isinstance(content, list):
        return said(slot, content, clause)
    known = [*names, *((f"more-{i}", clause) for i in range(len(content)))]
    inner = tuple(each(f"{slot}-{name}", one, of) for (name, of), one in zip(known, content, strict=False))
    return Value("array", slot, len(inner), inner, clause=clause)


_LEAF = (("path", "KEY-1"), ("kind", "INDEX-2"), ("dtype", "INDEX-2"), ("shape", "INDEX-2"), ("records", "INDEX-2"))
_RECORD = (("size", "INDEX-3"), ("payload", "INDEX-3"), ("checksums", "INDEX-3"))


def _part(slot: str, content: Any, clause: str) -> Value:
    """What stands in the entry of a leaf."""
    if slot.endswith("-path") and isinstance(content, list):
        return _named(slot, content, tuple((f"part-{i}", "KEY-1") for i in range(len(content))), clause)
    if slot.endswith("-shape") and isinstance(content, list):
        return _named(slot, content, tuple((f"dimension-{i}", "LEAF-3") for i in range(len(content))), clause)
    if slot.endswith("-records") and isinstance(content, list):
        base = slot.removesuffix("s")
        records = tuple(_named(f"{base}-{i}", one, _RECORD, "INDEX-3") for i, one in enumerate(content))
        return Value("array", slot, len(records), records, clause=clause)
    return said(slot, content, clause)


def index_value(says: dict[str, Any]) -> Value:
    """INDEX-1: the entries as they are given, under the keys that they are given."""
    inner = []
    for key, content in says.items():
        inner.append(text(f"key-of-{key}", key, "INDEX-5"))
        if key == "leaves" and isinstance(content, list):
            leaves = tuple(_named(f"leaf-{i}", leaf, _LEAF, "INDEX-2", _part) for i, leaf in enumerate(content))
            inner.append(Value("array", "leaves", len(leaves), leaves, clause="INDEX-1"))
        else:
            inner.append(said(key, content, "INDEX-1"))
    return Value("map", "index", len(says), tuple(inner), clause="INDEX-1")
