"""The content of each leaf of a checkpoint of the corpus, as DELTA-6 has it: of plain and sealed streams, of flax files
and of safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from ..assembly import bin_, data, int_, str_
from .fault import require
from .msgpack import Value, value_at, values

Path = tuple[str, ...]
_MARKER: Final = "__msgpack_chunked_array__"
_NDARRAY, _SCALAR = 1, 3  # types of an ext
_STATE: Final = ("params", "params")  # where the weights of a train state stand (TREE-6)


def contents(file: bytes, prefix: str | None) -> dict[Path, bytes]:
    """Content by key path, in the order of the file. Raises Fault."""
    is_flax = prefix in ("flax", "flax_params") or (prefix is None and (file[:1] in _MAPS))
    if prefix == "safetensors":
        return dict(_safetensors(file))
    found = dict(_flax((), value_at(file, 0, len(file))) if is_flax else _stream(file))
    if prefix == "trainstate_params":
        return {path[2:]: content for path, content in found.items() if path[:2] == _STATE}
    return found


_MAPS: Final = {bytes((first,)) for first in (*range(0x80, 0x90), 0xDE, 0xDF)}


_MARK: Final = bytes.fromhex("dd 00 00 00 02")  # SEAL-1
_FOOTER: Final = 40  # SEAL-4


def _stream(data: bytes) -> Iterator[tuple[Path, bytes]]:
    """The seal of a sealed stream, which the judge has made itself, is not looked at, but for where it begins."""
    end = int.from_bytes(data[-_FOOTER : 8 - _FOOTER], "big") if data.startswith(_MARK) else len(data)
    for record in values(data[:end]):
        require(record.kind == "array" and len(record.items) == 2, "REC-1", f"expected a record at byte {record.start}")
        path, blob = record.items
        require(blob.kind == "bin", "REC-2", f"expected a leaf blob at byte {blob.start}")
        yield tuple(part.text() for part in path.items), _content(value_at(data, blob.body, blob.end))


def _flax(path: Path, node: Value) -> Iterator[tuple[Path, bytes]]:
    keys = node.items[::2]
    if node.kind != "map" or not keys or keys[0].bytes.decode() == _MARKER:
        yield path, _content(node)
        return
    for key, child in zip(keys, node.items[1::2], strict=True):
        yield from _flax((*path, key.text()), child)


def _content(leaf: Value) -> bytes:
    if leaf.kind == "ext" and leaf.number in (_NDARRAY, _SCALAR):
        body = value_at(leaf.data, leaf.body, leaf.end)
        return body.items[2].bytes
    if leaf.kind == "map" and leaf.items:  # chunked (LEAF-10)
        members = {key.text(): value for key, value in zip(leaf.items[::2], leaf.items[1::2], strict=True)}
        return b"".join(_content(chunk) for chunk in members["chunks"].items[1::2])
    return _canonical(leaf)


def _canonical(leaf: Value) -> bytes:
    """The canonical encoding of a leaf that is not an array (WIRE-1)."""
    if leaf.kind == "int":
        return int_(leaf.number).data()
    if leaf.kind == "str":
        return str_(leaf.bytes).data()
    if leaf.kind == "bin":
        return bin_(data(leaf.bytes)).data()
    return b"\x80" if leaf.kind == "map" else leaf.data[leaf.start : leaf.end]


def _safetensors(data: bytes) -> Iterator[tuple[Path, bytes]]:
    size = 8 + int.from_bytes(data[:8], "little")
    for name, tensor in json.loads(data[8:size]).items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            yield tuple(name.split(".")), data[size + start : size + end]
