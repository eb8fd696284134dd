"""A sealed stream in pieces that may be changed, and sealed again: padding, index, checksums and footer made to fit.

A plain stream with its detached seal behind it is taken, too. Nothing here refuses anything: what is not a record is
told of in some way, and an index is put where there is none.
"""

# What has children is told by its kind, which the type does not say.
# pyright: reportOptionalSubscript=false, reportOptionalIterable=false, reportOptionalMemberAccess=false

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import msgpack
from crc32c import crc32c

from .nodes import Node, encode, of, parse
from .peers.sealer import FOOTER, MARK, SIGNATURE, footer, sums_of
from .scales import SMALL, TRUE, Scale

_HEAD: Final = 5  # bytes before the index of a seal that is not detached
_KEYS: Final = ("alignment", "checksum", "leaves", "metadata", "digests")
_PART: Final = "__part_"
_SCALARS: Final = {0xC0: "nil", 0xC2: "bool", 0xC3: "bool", 0xCA: "float", 0xCB: "float"}


@dataclass
class Taken:
    """The records, and the index with what stands beside it, each as a file of MessagePack values."""

    records: Node
    index: Node
    detached: bool
    scale: Scale

    def rows(self) -> list[Node]:
        """What the index says of the leaves."""
        leaves = self.entry("leaves")
        return [] if leaves is None else leaves.children or []

    def entry(self, key: str) -> Node | None:
        """The value of an entry of the index."""
        children = (self.index.children or [Node("raw")])[0].children or []
        return next((v for k, v in zip(children[::2], children[1::2], strict=False) if k.data == key.encode()), None)


def take_apart(data: bytes) -> Taken | None:
    """The pieces of a file that ends in a footer that fits, None of any other."""
    if not data.endswith(SIGNATURE) or len(data) < FOOTER:
        return None
    offset, length = struct.unpack_from(">QI", data, len(data) - FOOTER)
    detached = not data.startswith(MARK)
    start = offset + (0 if detached else _HEAD)
    if start + length + FOOTER != len(data):
        return None
    taken = Taken(parse(data[:offset]), parse(data[start : start + length]), detached, TRUE)
    if any(len(record.children[2].data) > 4 for record in records_told(taken)):
        taken.scale = SMALL
    return taken


def put_together(taken: Taken) -> bytes:
    """The file, with the index as it stands, and a footer that fits."""
    records, index = encode(taken.records), encode(taken.index)
    return records + head(taken, index) + index + footer(index, len(records))


def head(taken: Taken, index: bytes) -> bytes:
    """What stands before the index."""
    return b"" if taken.detached else b"\xc6" + (len(index) + FOOTER + 1).to_bytes(4, "big")


def sealed_from(stream: bytes, scale: Scale, detached: bool = False) -> bytes:
    """A seal for a stream, whatever its records are: with the mark and the seal in it, or the seal behind it."""
    taken = Taken(parse(stream), Node("file"), detached, scale)
    first = (taken.records.children or [Node("raw")])[0]
    if not detached and first.kind == "array":
        first.width = 4
    pad_again(taken)
    tell_again(taken)
    sum_again(taken)
    return put_together(taken)


def pad_again(taken: Taken) -> None:
    """Give every padded array as many zeros as put its first payload where the alignment wants it."""
    alignment, at = _number(taken.entry("alignment")) or 64, 0
    for record in taken.records.children or ():
        chunked: Any = _chunked(record)
        told: Any = _told(record)
        if chunked and told and "pad" in chunked and chunked["pad"].kind == "bin":
            place, pad = told[4], chunked["pad"]
            more = -(at + place - len(pad.data)) % max(1, alignment) if place is not None else len(pad.data)
            pad.children, pad.data = None, bytes(min(more, 1 << 13))
        at += len(encode(record))


def tell_again(taken: Taken) -> None:
    """Make the index say what the records are, and leave its metadata and digests as they stand."""
    described: list[Any] = []
    shapes = {bytes(encode(row.children[0])): row for row in taken.rows() if row.children}
    for record in taken.records.children or ():
        described.append((_told(record) or (["?"], "nil", None, None, None), len(encode(record))))
    rows = []
    for _, group in groupby(described, lambda one: _whole(one[0][0]) if one[0][0][-1:] else id(one)):
        several = list(group)
        (path, kind, dtype, shape, _), _ = several[0]
        row = of([list(path), kind, dtype, shape, [[size, told[4], b""] for told, size in several]])
        assert row.children is not None
        if path and str(path[-1]).startswith(_PART):
            row.children[0] = of(list(path[:-1]))
            if (before := shapes.get(encode(row.children[0]))) is not None and len(before.children or ()) == 5:
                row.children[3] = before.children[3].copy()
        rows.append(row)
    told: dict[str, Node | None] = {key: taken.entry(key) for key in _KEYS}
    told["leaves"] = Node("array", children=rows)
    made = {"alignment": 1 if taken.detached else 64, "checksum": bytes(4), "metadata": {}}
    entries = [(key, value or of(made[key])) for key, value in told.items() if value is not None or key in made]
    taken.index = Node("file", children=[Node("map", children=[part for k, v in entries for part in (of(k), v)])])


def sum_again(taken: Taken, whole: bool = True) -> None:
    """Make the checksums those of the stretches of which the index speaks, and that of all records, too."""
    data, at = encode(taken.records), 0
    for record in records_told(taken):
        size = _number(record.children[0])
        if size is None or not 0 <= size <= 1 << 20:
            continue
        if record.children[2].kind == "bin":
            record.children[2].children, record.children[2].data = None, sums_of(data[at : at + size], taken.scale)
        at += size
    if whole and (entry := taken.entry("checksum")) is not None and entry.kind == "bin":
        entry.children, entry.data = None, crc32c(data).to_bytes(4, "big")


def records_told(taken: Taken) -> Iterator[Node]:
    """What the index says of the records: arrays of three."""
    for row in taken.rows():
        if len(row.children or ()) == 5:
            for record in row.children[4].children or ():
                if record.kind == "array" and len(record.children or ()) == 3:
                    yield record


def _number(node: Node | None) -> int | None:
    value = _value(node) if node is not None and node.kind == "scalar" else None
    return value if type(value) is int else None


number = _number


def _value(node: Node) -> Any:
    with contextlib.suppress(ValueError, TypeError, msgpack.UnpackException, RecursionError):  # a key that is a list
        return msgpack.unpackb(encode(node), strict_map_key=False)
    return None


def _whole(path: list[Any]) -> tuple[Any, ...]:
    return tuple(path[:-1] if str(path[-1]).startswith(_PART) else path)


def _leaf(record: Node) -> Node | None:
    if record.kind != "array" or len(record.children or ()) != 2 or record.children[1].kind != "bin":
        return None
    inside = record.children[1].children
    return inside[0] if inside else None


def _chunked(record: Node) -> dict[str, Node]:
    """The entries of a chunked array; of anything else none."""
    leaf = _leaf(record)
    if leaf is None or leaf.kind != "map" or not leaf.children:
        return {}
    return {k.data.decode(errors="replace"): v for k, v in zip(leaf.children[::2], leaf.children[1::2], strict=False)}


def _told(record: Node) -> tuple[list[Any], str, str | None, list[Any] | None, int | None] | None:
    """The key path, kind, dtype, shape and place of the payload of a record; None of what is not a record."""
    leaf = _leaf(record)
    path = _value(record.children[0]) if record.children else None
    if not isinstance(path, list) or not path:
        return None
    if leaf is None:  # a body of one value that was not taken apart, or of none
        leaf = (parse(record.children[-1].data).children or [Node("raw")])[0]
    if entries := _chunked(record):
        chunks = entries.get("chunks", of(None)).children or []
        arrays = [_array(chunk) for chunk in chunks[1::2]]
        shape = _value(entries.get("shape", of(None)))
        if not arrays or arrays[0] is None or not isinstance(shape, dict):
            return path, "ndarray", None, None, None
        place = len(encode(record)) - arrays[0][2] if len(arrays) == 1 else None
        return path, "ndarray", arrays[0][1], list(shape.values()), place
    if leaf.kind == "ext" and leaf.code in (1, 3) and (array := _array(leaf)) is not None:
        kind = "ndarray" if leaf.code == 1 else "scalar"
        return path, kind, array[1], array[0], len(encode(record)) - array[2]
    kinds = {"str": "str", "bin": "bin", "ext": "complex", "map": "empty"}
    kind = kinds.get(leaf.kind) or _SCALARS.get(leaf.data[:1][0] if leaf.data else 0xC0, "int")
    return path, kind, None, None, None


def _array(ext: Node) -> tuple[list[Any], str, int] | None:
    """The shape, the tag and the bytes of the payload of an ext of three."""
    body = (ext.children or [Node("raw")])[0]
    if ext.kind != "ext" or body.kind != "array" or len(body.children or ()) != 3:
        return None
    shape, tag, payload = body.children  # pyright: ignore[reportGeneralTypeIssues]
    found = _value(shape)
    if not isinstance(found, list) or payload.kind != "bin":
        return None
    size = len(payload.data) if payload.children is None else sum(len(encode(child)) for child in payload.children)
    return found, tag.data.decode(errors="replace"), size
