"""A delta that a program has written, recovered and compared with the target that it was given (chapter 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ..strict_json import parsed
from .fault import Fault, require
from .msgpack import Value, ensure_canonical, value_at, values
from .words import content_of_planes, width
from .zstd import content_of

_BLOCK: Final = 1 << 22
_LONGEST_TEXT: Final = 4096  # bytes of the text of the mark
_MARK: Final = ["streamckpt-delta", "1.0"]
_AS_IT_IS, _EQUAL = 0, 3
_DEEPEST: Final = 127  # CONV-11
_OF_A_LEAF: Final = ("path", "kind", "dtype", "shape", "bytes", "target", "base", "like_base", "blocks")

Contents = Mapping[tuple[str, ...], bytes]  # of leaves, by key path


def ensure_recovers(delta: bytes, model: bytes, base: Contents, target: Contents) -> None:
    """Raises Fault where what a delta gives with its base is not the target. `model` is a delta that does: what their
    manifests say is the same, and how their blocks are made is not."""
    try:
        records = [*values(delta)]
    except Fault as fault:
        raise Fault("DELTA-2", f"the delta cannot be read: {fault}") from None
    says = _in_depth_first_order(manifest(model))
    _ensure_mark(records)
    for record in records:
        ensure_canonical(record)
    _ensure_manifest(manifest(delta), says)
    ensure_canonical(_leaf(records[-1], "str"))
    places = [(i, leaf, k) for i, leaf in enumerate(says["leaves"]) for k in range(leaf["blocks"])]
    blocks = records[1:-1]
    require(len(blocks) == len(places), "DELTA-6", f"{len(blocks)} blocks; expected {len(places)}")
    for record, (i, leaf, k) in zip(blocks, places, strict=True):
        place = f"blocks/{i}/{k}"
        require(_path(record) == ["blocks", str(i), str(k)], "DELTA-6", f"found {_path(record)}; expected {place}")
        path, block = tuple(leaf["path"]), slice(k * _BLOCK, (k + 1) * _BLOCK)
        expected = target[path][block]
        made = _leaf(record, "bin")
        ensure_canonical(made)
        found = _content(made.bytes, leaf, base.get(path, b"")[block], len(expected), place)
        if found != expected:
            at = next(i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
            raise Fault("DELTA-12", f"{place} gives another content, from its byte {at} on")


def manifest(delta: bytes) -> dict[str, Any]:
    """The manifest at the end of a delta. Raises Fault."""
    records = [*values(delta)]
    require(bool(records) and _path(records[-1]) == ["manifest"], "DELTA-2", "the last record is not a manifest")
    text = _leaf(records[-1], "str")
    text.text()
    try:
        says = parsed(text.bytes, fractions=False)
    except (ValueError, RecursionError) as error:
        raise Fault("DELTA-2", f"the manifest is not JSON: {error}") from None
    require(isinstance(says, dict), "DELTA-2", "the manifest is not an object")
    require(_depth(says) <= _DEEPEST, "CONV-11", f"objects and lists are nested more than {_DEEPEST} deep")
    return says


def _in_depth_first_order(says: dict[str, Any]) -> dict[str, Any]:
    """A manifest as a program makes it that writes deltas (DELTA-3, TREE-5), of one in any order."""
    root: dict[str, Any] = {}
    for leaf in says["leaves"]:
        node = root
        for part in leaf["path"][:-1]:
            node = node.setdefault(part, {})
        node[leaf["path"][-1]] = (leaf,)
    leaves, stack = [], [iter(root.values())]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
        elif isinstance(node, tuple):
            leaves.append(node[0])
        else:
            stack.append(iter(node.values()))
    order = hashlib.sha256(b"".join(bytes.fromhex(leaf["target"]) for leaf in leaves)).hexdigest()
    return {**says, "leaves": leaves, "order": order}


def _depth(value: Any) -> int:
    """How deep objects and lists stand in one another."""
    level, depth = [value], 0
    while level := [node for node in level if isinstance(node, dict | list)]:
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        depth += 1
    return depth


def _ensure_mark(records: list[Value]) -> None:
    """DELTA-1."""
    require(bool(records), "DELTA-1", "the delta is empty")
    mark = records[0]
    is_one = mark.kind == "array" and len(mark.items) == 2 and _path(mark) == _MARK
    require(is_one, "DELTA-1", "the delta does not begin with its mark")
    text = mark.items[1]
    text.text()
    size = text.end - text.body
    require(size <= _LONGEST_TEXT, "DELTA-1", f"the text of the mark has {size} bytes")


def _path(record: Value) -> list[str]:
    require(record.kind == "array" and len(record.items) == 2, "REC-1", f"byte {record.start} does not begin a record")
    path = record.items[0]
    require(path.kind == "array", "KEY-1", f"byte {path.start} does not begin a key path")
    return [part.text() for part in path.items]


def _leaf(record: Value, kind: str) -> Value:
    """The leaf in the blob of a record, which is of this kind."""
    blob = record.items[1]
    require(blob.kind == "bin", "REC-2", f"expected a leaf blob at byte {blob.start}; found {blob.kind}")
    leaf = value_at(blob.data, blob.body, blob.end)
    require(leaf.end == blob.end, "WIRE-6", f"bytes are left over at byte {leaf.end}")
    require(leaf.kind == kind, "DELTA-2", f"expected a {kind} at byte {leaf.start}; found {leaf.kind}")
    return leaf


def _ensure_manifest(found: dict[str, Any], says: dict[str, Any]) -> None:
    """DELTA-3: all fields follow from base and target, but for the order of what was removed."""
    for field in ("base", "target", "order"):
        _ensure_same(found.get(field), says[field], field)
    leaves = _objects(found.get("leaves"), "leaves")
    require(len(leaves) == len(says["leaves"]), "DELTA-3", f"{len(leaves)} leaves; expected {len(says['leaves'])}")
    for i, (leaf, expected) in enumerate(zip(leaves, says["leaves"], strict=True)):
        for field in _OF_A_LEAF:
            require(field in leaf, "DELTA-3", f"leaves[{i}].{field} is missing")
            _ensure_same(leaf[field], expected[field], f"leaves[{i}].{field}")
    removed, expected = (
        sorted((repr(leaf.get("path")), repr(leaf.get("base"))) for leaf in _objects(side.get("removed"), "removed"))
        for side in (found, says)
    )
    require(removed == expected, "DELTA-3", "`removed` is not what the base alone has")


def _objects(value: Any, field: str) -> list[dict[str, Any]]:
    is_one = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    require(is_one, "DELTA-3", f"`{field}` is not a list of objects")
    return value


def _ensure_same(found: Any, expected: Any, field: str) -> None:
    same = found == expected and repr(found) == repr(expected)  # 1, 1.0 and true are equal, and not the same
    require(same, "DELTA-3", f"{field} is {found!r:.100}; expected {expected!r:.100}")


def _content(block: bytes, leaf: dict[str, Any], base: bytes, size: int, place: str) -> bytes:
    """The content of a block (DELTA-7)."""
    require(bool(block) and block[0] <= _EQUAL, "DELTA-7", f"{place} has no method that is known")
    method = block[0]
    may_refer = method == _AS_IT_IS or leaf["like_base"]
    require(may_refer, "DELTA-7", f"{place} refers to the base's leaf, which is not like this one")
    if method == _EQUAL:
        require(len(block) == 1, "DELTA-7", f"{place} has bytes behind its method")
        return base
    require(len(block) > 1 and block[1] <= 1, "DELTA-7", f"{place} has no packing that is known")
    planes = content_of(block[2:], size) if block[1] else block[2:]
    require(len(planes) == size, "DELTA-7", f"the planes of {place} have {len(planes)} bytes; expected {size}")
    return content_of_planes(planes, method, leaf["dtype"], base, width(leaf["dtype"]))
