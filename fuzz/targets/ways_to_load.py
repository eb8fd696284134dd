"""Invariant: every way to read an accepted file gives the same leaves: load, records, open, a memory map, a choice.

Sealed streams have a target of their own (`sealed_ways`): of what is in them not all need be noticed by all ways.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

import reference
from fuzz.equality import same
from fuzz.files import leaves_of, records_of
from fuzz.findings import Broken
from fuzz.peers.sealer import MARK
from fuzz.scratch import folder
from reference.checkpoints.scanning import records as records_at
from reference.containers.flax_file import FLAX
from reference.containers.safetensors_file import SAFETENSORS
from reference.containers.stream import STREAM
from reference.format.keypaths import display
from reference.format.trees import flatten, is_train_state
from reference.verify import Finding, verify

KIND = "any"
Leaves = dict[tuple[str, ...], Any]
_FILE: Final = folder() / "file"


def check(data: bytes) -> None:
    if data.startswith(MARK):
        return
    for kind, prefix in ((STREAM, "params"), (FLAX, "flax"), (SAFETENSORS, "safetensors")):
        if (records := records_of(data, kind)) is not None:
            leaves = leaves_of(data, records)
            if kind == STREAM and is_train_state(leaves):
                prefix = "trainstate"
            _FILE.write_bytes(data)
            _check_file(f"{prefix}::{_FILE}", leaves, leaves_of(data, records, as_they_stand=True))


def _check_file(name: str, leaves: Leaves, as_they_stand: Leaves) -> None:
    loaded = reference.load(name)
    _equal("load", dict(flatten(loaded, keep_empty_nodes=True)), leaves, in_order=False)
    _equal("records", dict(records_at(name)), leaves)
    with reference.open(name) as checkpoint, reference.open(name, mmap=True) as mapped:
        _equal("open", {path: checkpoint[path] for path in checkpoint}, leaves)
        _check_notes(verify(checkpoint), leaves, checkpoint)
        views = [record.path for record in mapped.records if record.kind == "ndarray" and len(record.extents()) == 1]
        _equal("a memory map", {path: mapped[path] for path in views}, {path: as_they_stand[path] for path in views})
        _equal("display forms", {path: checkpoint[display(path)] for path in checkpoint}, leaves)
    path, leaf = next(iter(leaves.items()))
    chosen = reference.load(name, include=[display(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")])
    if path not in (found := dict(flatten(chosen, keep_empty_nodes=True))) or not same(found[path], leaf):
        raise Broken(f"a choice of {display(path)} gives {list(found)}")
    if all(isinstance(leaf, np.ndarray) and leaf.dtype.itemsize > 1 for leaf in leaves.values()):
        like = {path: np.empty_like(leaf) for path, leaf in leaves.items()}
        _equal("like", _flat(_like(name, like)), leaves, in_order=False)


def _check_notes(notes: list[Finding], leaves: Leaves, checkpoint: reference.Checkpoint) -> None:
    """Bits without a meaning are noted of as many leaves as have them (DTYPE-4, DTYPE-5)."""
    noted = sum(note.leaves for note in notes if "(DTYPE-" in note.note)
    held = 0
    for record in checkpoint.records:
        raw = b"".join(checkpoint.source.read_at(at, n) for at, n in record.extents())
        held += record.dtype is not None and raw != np.asarray(leaves[record.path]).tobytes()
    if noted != held:
        raise Broken(f"bits without a meaning are noted of {noted} leaves, and {held} have them")


def _like(name: str, like: Leaves) -> Any:
    tree: dict[str, Any] = {}
    for path, leaf in like.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = leaf
    return reference.load(name, like=tree)


def _flat(tree: Any) -> Leaves:
    return dict(flatten(tree))


def _equal(how: str, found: Leaves, leaves: Leaves, in_order: bool = True) -> None:
    if not in_order:
        found = {path: found[path] for path in leaves if path in found} | found
    if not same(found, leaves):
        raise Broken(f"{how} gives {found!r:.1000}, and the file holds {leaves!r:.1000}")
