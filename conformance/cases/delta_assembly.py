"""Deltas put together by hand for the cases of chapter 10: leaves, digests, blocks, manifests. No case stands here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import digests
from ..assembly import Bytes, arr_, bin_, hexed, int_, ndarray_, path_, raw, record_, scalar_, str_, together

BLOCK = 1 << 22
MARK = raw("""
    92 92 b0 73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61    # ["streamckpt-delta",
    a3 31 2e 30                                                 #  "1.0"]
    a5 64 65 6c 74 61                                           # "delta"
""")


def sha256(*pieces: Bytes) -> bytes:
    return bytes.fromhex(digests.sha256(together(pieces).pieces()))


class Leaf(NamedTuple):
    """A leaf of a base or target: what its record holds, and what a delta says of it."""

    path: tuple[str, ...]
    kind: str
    encoded: Bytes
    content: Bytes  # DELTA-6
    dtype: str | None = None
    shape: tuple[int, ...] | None = None

    def form(self) -> tuple[str, str | None, tuple[int, ...] | None]:
        return self.kind, self.dtype, self.shape

    def digest(self) -> bytes:
        """DELTA-4."""
        head = path_(*self.path) + str_(self.kind)
        if self.dtype is not None and self.shape is not None:
            head += str_(self.dtype) + arr_(len(self.shape)) + together([int_(n) for n in self.shape])
        return sha256(head, self.content)


def _path(path: str | Sequence[str]) -> tuple[str, ...]:
    return (path,) if isinstance(path, str) else tuple(path)


def tensor(path: str | Sequence[str], dtype: str, shape: tuple[int, ...], payload: str | Bytes) -> Leaf:
    """An ndarray."""
    return Leaf(_path(path), "ndarray", ndarray_(dtype, shape, payload), hexed(payload), dtype, shape)


def number(path: str | Sequence[str], dtype: str, payload: str) -> Leaf:
    """A numpy scalar."""
    return Leaf(_path(path), "scalar", scalar_(dtype, payload), hexed(payload), dtype, ())


def small(path: str | Sequence[str], kind: str, encoded: str | Bytes) -> Leaf:
    """A leaf of another kind, whose content is its encoding."""
    return Leaf(_path(path), kind, hexed(encoded), hexed(encoded))


def stream(leaves: Sequence[Leaf]) -> Bytes:
    return together([record_(leaf.path, leaf.encoded) for leaf in leaves])


def tree_digest(digests: Sequence[bytes]) -> str:
    """DELTA-5."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def entry(leaf: Leaf, before: Leaf | None) -> dict[str, Any]:
    """What the manifest says of a leaf of the target."""
    alike = before is not None and leaf.dtype is not None and before.form() == leaf.form()
    same = before is not None and before.digest() == leaf.digest()
    return {
        "path": list(leaf.path),
        "kind": leaf.kind,
        "dtype": leaf.dtype,
        "shape": None if leaf.shape is None else list(leaf.shape),
        "bytes": leaf.content.size,
        "target": leaf.digest().hex(),
        "base": None if before is None else before.digest().hex(),
        "like_base": alike,
        "blocks": 0 if same else -(-leaf.content.size // BLOCK),
    }


def manifest(base: Sequence[Leaf], target: Sequence[Leaf]) -> dict[str, Any]:
    """DELTA-3."""
    known = {leaf.path: leaf for leaf in base}
    kept = {leaf.path for leaf in target}
    digests = [leaf.digest() for leaf in target]
    return {
        "base": tree_digest([leaf.digest() for leaf in base]),
        "target": tree_digest(digests),
        "order": hashlib.sha256(b"".join(digests)).hexdigest(),
        "leaves": [entry(leaf, known.get(leaf.path)) for leaf in target],
        "removed": [{"path": list(leaf.path), "base": leaf.digest().hex()} for leaf in base if leaf.path not in kept],
    }


def block_(leaf: int, block: int, content: str | Bytes) -> Bytes:
    """The record of a block."""
    return record_(("blocks", str(leaf), str(block)), bin_(hexed(content)))


def text_(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def manifest_(value: Any) -> Bytes:
    """The record of a manifest, which is given as an object or as its text."""
    return record_("manifest", str_(value if isinstance(value, str) else text_(value)))


def blocks_(says: dict[str, Any], blocks: Sequence[str | Bytes]) -> Bytes:
    """The records of blocks, in the places that a manifest has for them."""
    places = [(i, k) for i, leaf in enumerate(says["leaves"]) for k in range(leaf["blocks"])]
    return together([block_(i, k, block) for (i, k), block in zip(places, blocks, strict=True)])


def recovery(base: Sequence[Leaf], target: Sequence[Leaf], *blocks: str | Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """A base, the delta with these blocks, and the target."""
    says = manifest(base, target)
    return stream(base), MARK + blocks_(says, blocks) + manifest_(says), stream(target)


# --- zstd (RFC 8878) -----------------------------------------------------------------------------------------

MAGIC = "28 b5 2f fd"


def zstd_block(kind: int, size: int, body: str | Bytes, last: bool = True) -> Bytes:
    """A block of a frame, of kind 0 (raw), 1 (one byte, repeated) or another."""
    return raw(f"{(size << 3 | kind << 1 | last).to_bytes(3, 'little').hex()} # block of {size} bytes") + hexed(body)


def frame(size: int, *blocks: Bytes) -> Bytes:
    """A frame of one segment that states its content size, of less than 256 bytes, in one byte."""
    return raw(f"{MAGIC} 20 {size:02x} # zstd frame, content size {size}") + together(blocks)


def raw_frame(body: str | Bytes) -> Bytes:
    """A frame of one raw block."""
    size = hexed(body).size
    return frame(size, zstd_block(0, size, body))


# --- a base and a target that most refusals begin with -----------------------------------------------------------

BASE = [tensor("w", "uint16", (2,), "34 12 78 56"), small("old", "int", "07")]
TARGET = [tensor("w", "uint16", (2,), "35 12 78 57"), small("new", "str", "a1 78")]
CHANGED = "01 00 01 00 00 01"  # `w`, by exclusive or: words 0001 and 0100
ADDED = "00 00 a1 78"  # `new`, as it is


def blocks() -> Bytes:
    """The blocks from BASE to TARGET."""
    return block_(0, 0, CHANGED) + block_(1, 0, ADDED)


def refused(says: Any) -> tuple[Bytes, Bytes]:
    """BASE, and a delta with its blocks and this manifest."""
    return stream(BASE), MARK + blocks() + manifest_(says)
