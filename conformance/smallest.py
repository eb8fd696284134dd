"""The smallest file of each kind, of one leaf `"w": 7`: what a program takes for it, it takes for any."""

from __future__ import annotations

import hashlib
import json
from typing import Final

STREAM: Final = bytes.fromhex("9291a177 c40107")
FLAX_FILE: Final = bytes.fromhex("81a177 07")
ENCODED: Final = {"records": [{"path": ["w"], "kind": "int", "value": "7"}], "empty_nodes": "keep"}


def delta() -> bytes:
    """The delta of the stream and itself: its mark, and a manifest that says that nothing has changed (chapter 10)."""
    mark = bytes.fromhex("9292b0") + b"streamckpt-delta" + bytes.fromhex("a3312e30 a564656c7461")
    leaf = hashlib.sha256(bytes.fromhex("91a177 a3696e74 07"))
    tree = hashlib.sha256(leaf.digest()).hexdigest()
    said = {"path": ["w"], "kind": "int", "dtype": None, "shape": None, "bytes": 1, "like_base": False, "blocks": 0}
    leaves = [said | {"target": leaf.hexdigest(), "base": leaf.hexdigest()}]
    text = json.dumps({"base": tree, "target": tree, "order": tree, "leaves": leaves, "removed": []}).encode()
    manifest = b"\xda" + len(text).to_bytes(2, "big") + text
    return mark + bytes.fromhex("9291a86d616e6966657374 c5") + len(manifest).to_bytes(2, "big") + manifest
