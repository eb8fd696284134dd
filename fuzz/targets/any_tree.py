"""Invariant: any tree is written as the usual loop and the C client write it, and reads back equal."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from conformance.clients.in_process import protocol
from fuzz.equality import same
from fuzz.files import file_of, file_of_tree, items_of, leaves_of, records_of
from fuzz.findings import Broken
from fuzz.peers.loop import written
from fuzz.peers.programs import c_client
from fuzz.strategies import trees
from reference.containers.stream import STREAM
from reference.devices.states import flax_expansion
from reference.format.trees import flatten

VALUES = st.tuples(trees(), st.booleans())
WEIGHT = 1.5
_C: Final = c_client()


def check(value: tuple[Any, bool]) -> None:
    tree, keep_empty_nodes = value
    data = file_of_tree(tree, STREAM, keep_empty_nodes)
    _equal(data, written(tree, keep_empty_nodes), "the usual loop")
    leaves = dict(flatten(tree, keep_empty_nodes, flax_expansion()))
    if _C is not None:
        records = [_asked(path, leaf) for path, leaf in leaves.items()]
        asked = {"records": records, "empty_nodes": "keep" if keep_empty_nodes else "leave out"}
        _equal(data, _C.encode(json.dumps(asked).encode()), "the C client")
    records = records_of(data, STREAM)
    if records is None:
        raise Broken("what was written is refused")
    if not same(leaves_of(data, records), {path: _read(leaf) for path, leaf in leaves.items()}):
        raise Broken("what was written reads back as something else")
    _equal(data, file_of(items_of(data, records), STREAM), "what was read, written again,")


def _equal(data: bytes, other: bytes | None, who: str) -> None:
    if other != data:
        raise Broken(f"{who} gives {'a refusal' if other is None else other.hex()}, and the reference {data.hex()}")


def _read(leaf: Any) -> Any:
    """A leaf as it comes back: an array in C order, of the byte order of this machine."""
    return np.ascontiguousarray(leaf).reshape(leaf.shape) if isinstance(leaf, np.ndarray) else leaf


def _asked(path: tuple[str, ...], leaf: Any) -> dict[str, Any]:
    """A leaf as an encoder gets it."""
    record = protocol.record_of(path, leaf)
    if isinstance(leaf, np.ndarray | np.generic):
        record["payload"] = np.ascontiguousarray(leaf).tobytes().hex()
    elif isinstance(leaf, str | bytes):
        record["value"] = leaf if isinstance(leaf, str) else leaf.hex()
    return record
