"""Spec chapter 10, DELTA-1 to DELTA-3: the mark of a delta, and the manifest that lists what it holds."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from .arrays import MAX_DIMS, size_of
from .blocks import blocks_of
from .collector import no_collection
from .digests import tree_digest
from .dtypes import dtype_of
from .errors import FormatError
from .json_texts import read_json
from .keypaths import KeyPath, encode_keypath
from .leaves import read_value
from .records import Record
from .streams import check_paths, read_stream
from .wire import Cursor, Source, encode_str

VERSION: Final = "1.0"
# DELTA-1: "A delta begins with its mark: an array of a key path of the two parts `streamckpt-delta` and `1.0`, and a
#           str."
DELTA_NAME: Final = b"\x92\x92\xb0streamckpt-delta"
MANIFEST: Final = ("manifest",)
_MARK_TEXT: Final = (
    "a delta, no checkpoint: python -m reference.diff --recover_diff=True makes the target of it and its base"
)
MARK: Final = b"\x92" + encode_keypath(("streamckpt-delta", VERSION)) + encode_str(_MARK_TEXT)
_CUT: Final = "the delta has been cut off; get it again"
_DAMAGED: Final = "the delta is damaged; get it again"
_LONGEST_TEXT: Final = 4096
_LONGEST_VALUE: Final = 22  # bytes of the encoding of a complex
_DIGEST: Final = re.compile("[0-9a-f]{64}").fullmatch
_ARRAY_KINDS: Final = ("ndarray", "scalar")
_KINDS: Final = (*_ARRAY_KINDS, "nil", "bool", "int", "float", "complex", "str", "bin", "empty")


class Entry(NamedTuple):
    """What the manifest says of a leaf of the target; `digest` and `base` are leaf digests."""

    path: tuple[str, ...]
    kind: str
    dtype: np.dtype | None
    shape: tuple[int, ...]
    nbytes: int  # of its content
    digest: bytes
    base: bytes | None
    like_base: bool
    blocks: int


class Manifest(NamedTuple):
    """What a delta says of itself; `base` and `target` are tree digests."""

    base: bytes
    target: bytes
    leaves: list[Entry]
    removed: list[tuple[tuple[str, ...], bytes]]


def block_path(leaf: int, block: int) -> tuple[str, ...]:
    return ("blocks", str(leaf), str(block))


def encode_manifest(manifest: Manifest) -> str:
    leaves = [
        {
            "path": entry.path,
            "kind": entry.kind,
            "dtype": entry.dtype.name if entry.dtype is not None else None,
            "shape": entry.shape if entry.dtype is not None else None,
            "bytes": entry.nbytes,
            "target": entry.digest.hex(),
            "base": entry.base.hex() if entry.base else None,
            "like_base": entry.like_base,
            "blocks": entry.blocks,
        }
        for entry in manifest.leaves
    ]
    removed = [{"path": path, "base": digest.hex()} for path, digest in manifest.removed]
    digests = {"base": manifest.base.hex(), "target": manifest.target.hex(), "order": _order(manifest.leaves).hex()}
    value = {**digests, "leaves": leaves, "removed": removed}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _order(leaves: list[Entry]) -> bytes:
    return hashlib.sha256(b"".join(entry.digest for entry in leaves)).digest()


class TailSource:
    """A source without its first bytes; offsets in it count from there."""

    def __init__(self, source: Source, start: int) -> None:
        self._source, self.start = source, start
        self.size = source.size - start

    def read_at(self, offset: int, n: int) -> bytes:
        return self._source.read_at(self.start + offset, n)

    def read_into(self, offset: int, view: memoryview) -> None:
        self._source.read_into(self.start + offset, view)


class Delta(NamedTuple):
    """A delta that has been read: its blocks by key path, and the source in which they stand."""

    manifest: Manifest
    blocks: dict[tuple[str, ...], Record]
    tail: TailSource


def read_delta(source: Source) -> Delta:
    """Raises DELTA-1, DELTA-2, DELTA-3 and what a stream raises."""
    blocks, last, tail = read_last(source)
    manifest = read_manifest(blocks, last, tail)
    return Delta(manifest, {block.path: block for block in blocks}, tail)


def read_last(source: Source) -> tuple[list[Record], Record, TailSource]:
    """The blocks of a delta, the record of its manifest, and the source in which both stand."""
    start = 0
    try:
        start = _read_mark(source)
        tail = TailSource(source, start)
        *blocks, last = read_stream(tail)
    except FormatError as error:
        if error.clause in ("STREAM-2", "STREAM-3"):
            error.clause, error.advice = "DELTA-2", _CUT
        elif error.clause != "DELTA-1":
            error.advice = _DAMAGED  # and no stream that could be salvaged
        if error.offset is not None:
            error.offset += start
        error.path = None  # what a delta holds are not the leaves of a checkpoint
        raise
    # DELTA-2: "After the mark stands a stream (chapters 05 and 06) that ends with the manifest: a record with the key
    #           path `manifest`, whose leaf is a str that holds one JSON object."
    if last.path != MANIFEST or last.kind != "str":
        raise FormatError("DELTA-2", last.offset + start, None, "there is no manifest at the end", _CUT)
    return blocks, last, tail


def read_manifest(blocks: list[Record], last: Record, tail: TailSource) -> Manifest:
    manifest = decode_manifest(read_value(tail, last.leaf_offset, last.leaf))
    for block in blocks:
        if block.kind != "bin":
            detail = f"the block {KeyPath(block.path)} is of kind {block.kind}, not bin"
            raise FormatError("DELTA-6", block.leaf_offset + tail.start, None, detail, _DAMAGED)
    # The blocks are counted first: what a manifest says of itself may be any number.
    listed = (block_path(i, k) for i, entry in enumerate(manifest.leaves) for k in range(entry.blocks))
    right = len(blocks) == sum(entry.blocks for entry in manifest.leaves)
    if not right or any(block.path != next(listed) for block in blocks):
        raise FormatError("DELTA-6", None, None, "the blocks are not those that the manifest lists", _DAMAGED)
    return manifest


def _read_mark(source: Source) -> int:
    cursor = Cursor(source)
    if source.read_at(0, min(source.size, len(DELTA_NAME))) != DELTA_NAME:
        cursor.fail("DELTA-1", "this does not begin with the mark of a delta")
    cursor.skip(len(DELTA_NAME))
    length = cursor.header()[1] if cursor.kind() == "str" else 32
    version = cursor.text(length, cursor.tell()) if length < 32 else ""
    if version != VERSION:
        cursor.fail("DELTA-1", f"a delta of version {version!r}; this reader knows {VERSION}", at=0)
    at = cursor.tell()
    if cursor.kind() != "str":
        cursor.fail("DELTA-1", "the text of the mark is not a str")
    _, length = cursor.header()
    if length > _LONGEST_TEXT:
        cursor.fail("DELTA-1", f"the text of the mark has {length} bytes; at most 4,096 are allowed", at=at)
    cursor.text(length, at)
    return cursor.tell()


# --- the manifest's JSON ----------------------------------------------------------------------------------


def _refuse(detail: str, clause: str = "DELTA-3") -> NoReturn:
    raise FormatError(clause, None, None, detail, _DAMAGED)


@no_collection()
def decode_manifest(text: str) -> Manifest:
    """Raises DELTA-2, DELTA-3, DTYPE-1, LEAF-4 and STREAM clauses."""
    try:
        value = read_json(text)
    except ValueError as error:
        _refuse(f"the manifest is not valid JSON: {error}", "DELTA-2")
    if type(value) is not dict:
        _refuse("the JSON of the manifest is not one object", "DELTA-2")
    try:
        leaves = [_entry(leaf) for leaf in _list(value["leaves"])]
        removed = [(_path(leaf["path"]), _digest(leaf["base"])) for leaf in _list(value["removed"])]
        manifest = Manifest(_digest(value["base"]), _digest(value["target"]), leaves, removed)
        order = _digest(value["order"])
    except KeyError as error:
        _refuse(f"the manifest has no {error}")
    except TypeError:
        _refuse("a value in the manifest has the wrong type")
    check_paths([entry.path for entry in leaves])
    if tree_digest(entry.digest for entry in leaves) != manifest.target or _order(leaves) != order:
        _refuse("the digests of its leaves do not give the digests of the target and its order")
    base = [entry.base for entry in leaves if entry.base is not None] + [digest for _, digest in removed]
    alone = {path for path, _ in removed}
    if tree_digest(base) != manifest.base or len(alone) != len(removed):
        _refuse("the digests of the base's leaves do not give the digest of the base")
    if any(entry.path in alone for entry in leaves):
        _refuse("a leaf of the target is among those that only the base has")
    return manifest


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        _refuse(f"expected a list, found {str(value)[:40]}")
    return value


def _entry(leaf: dict[str, Any]) -> Entry:
    path, kind = _path(leaf["path"]), leaf["kind"]
    if type(kind) is not str or kind not in _KINDS:
        _refuse(f"{str(kind)[:40]!r} is not a kind of leaf (LEAF-1)")
    dtype, shape = None, ()
    if kind in _ARRAY_KINDS:
        dtype, shape = dtype_of(leaf["dtype"]), tuple(map(_count, _list(leaf["shape"])))
    elif leaf["dtype"] is not None or leaf["shape"] is not None:
        _refuse(f"{KeyPath(path)} is of kind {kind}, which has neither dtype nor shape")
    nbytes, blocks = _count(leaf["bytes"]), _count(leaf["blocks"])
    if dtype is not None and size_of(shape, dtype) != nbytes:
        _refuse(f"{KeyPath(path)} has {nbytes} bytes, which is not what its shape and dtype say")
    digest = _digest(leaf["target"])
    base = None if leaf["base"] is None else _digest(leaf["base"])
    like_base = leaf["like_base"]
    if dtype is not None and (len(shape) > MAX_DIMS or (kind == "scalar" and shape)):
        _refuse(f"{KeyPath(path)} is of kind {kind} and has the shape {shape}")
    if type(like_base) is not bool or (like_base and (base is None or dtype is None)):
        _refuse(f"like_base of {KeyPath(path)} is {like_base!r}")
    if dtype is None and kind not in ("str", "bin") and nbytes > _LONGEST_VALUE:
        _refuse(f"{KeyPath(path)} is of kind {kind}, which takes no {nbytes} bytes")
    if base == digest and dtype is not None and not like_base:
        _refuse(f"{KeyPath(path)} is the base's leaf, and like_base is false")
    if blocks != (0 if base == digest else blocks_of(nbytes)):
        _refuse(f"{KeyPath(path)} has {blocks} blocks for {nbytes} bytes")
    return Entry(path, kind, dtype, shape, nbytes, digest, base, like_base, blocks)


def _path(parts: Any) -> tuple[str, ...]:
    if type(parts) is not list or not all(type(part) is str for part in parts):
        _refuse("a key path is a list of texts")
    encode_keypath(tuple(parts))  # refuses what is none
    return tuple(parts)


def _digest(text: Any) -> bytes:
    if type(text) is not str or not _DIGEST(text):
        _refuse(f"{str(text)[:80]!r} is not a digest of 64 hexadecimal digits in lower case")
    return bytes.fromhex(text)


def _count(n: Any) -> int:
    if type(n) is not int or not 0 <= n < 1 << 63:
        _refuse(f"{str(n)[:40]} is not a count")
    return n
