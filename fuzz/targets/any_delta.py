"""Invariant: any bytes as a delta give a target that has every digest of the manifest, or a clear error and no file."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgpack
import numpy as np

from fuzz.files import leaves_of, records_of
from fuzz.findings import Broken
from fuzz.scratch import folder
from fuzz.seeds import cases
from fuzz.targets.any_bytes import check_error
from reference.containers.stream import STREAM
from reference.delta import recover
from reference.format.errors import FormatError
from reference.format.trees import depth_first

KIND = "delta"
MEMORY = 256 << 20
_FOLDER: Final = folder()


def check(data: bytes) -> None:
    delta, output = _FOLDER / "delta", _FOLDER / "recovered"
    delta.write_bytes(data)
    output.unlink(missing_ok=True)
    try:
        recover(f"params::{_base(data)}", delta, output, jobs=1, backend="numpy")
    except FormatError as error:
        check_error(error, max(len(data), _base(data).stat().st_size))
        if output.exists():
            raise Broken(f"there is an output, though it was refused: {error}") from error
        return
    made = output.read_bytes()
    records = records_of(made, STREAM)
    if records is None:
        raise Broken(f"what was recovered is refused: {made.hex()}")
    check_delta(data, leaves_of(made, records, as_they_stand=True))


@functools.cache
def _bases() -> dict[bytes, Path]:
    """The bases of the corpus, by the digest that a manifest names."""
    bases: dict[bytes, Path] = {}
    for case in cases():
        if case.part == "recover" and (base := case.stored("base.bin")).exists():
            records = records_of(base.read_bytes(), STREAM)
            if records:
                bases[_tree_digest(leaves_of(base.read_bytes(), records, as_they_stand=True)).encode()] = base
    return bases


def _base(delta: bytes) -> Path:
    bases = _bases()
    return next((path for digest, path in bases.items() if digest in delta), next(iter(bases.values())))


def check_delta(delta: bytes, leaves: Mapping[tuple[str, ...], Any]) -> None:
    """The manifest names the target's digest, computed here from chapter 10 and not by the reference."""
    manifest = _manifest(delta)
    if (wanted := _tree_digest(leaves)) != manifest["target"]:
        raise Broken(f"the target has the digest {wanted}, and the manifest says {manifest['target']}")
    listed = depth_first(_Listed(tuple(entry["path"])) for entry in manifest["leaves"])  # in any order (DELTA-3)
    if [leaf.path for leaf in listed] != list(leaves):
        raise Broken("the manifest lists other leaves than the target has, or in another order")


class _Listed(NamedTuple):
    path: tuple[str, ...]


def _manifest(delta: bytes) -> dict[str, Any]:
    *_, (path, blob) = msgpack.Unpacker(io.BytesIO(delta), max_buffer_size=len(delta) + 1)
    assert path == ["manifest"]
    # Python reads no int of more than some 4,000 digits; one that is ignored has any number of them (CONV-11).
    return json.loads(msgpack.unpackb(blob), parse_int=lambda digits: int(digits) if len(digits) < 100 else digits)


def _tree_digest(leaves: Mapping[tuple[str, ...], Any]) -> str:
    """DELTA-5, of DELTA-4."""
    digests = sorted(_leaf_digest(path, leaf) for path, leaf in leaves.items())
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _leaf_digest(path: tuple[str, ...], leaf: Any) -> bytes:
    if isinstance(leaf, np.ndarray | np.generic):
        kind = "ndarray" if isinstance(leaf, np.ndarray) else "scalar"
        told, content = (path, kind, leaf.dtype.name, leaf.shape), np.ascontiguousarray(leaf).tobytes()
    else:
        told, content = (path, _kind(leaf)), _packed(leaf)
    return hashlib.sha256(b"".join(map(_packed, told)) + content).digest()


def _kind(leaf: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", complex: "complex", str: "str", bytes: "bin", dict: "empty"}
    return "nil" if leaf is None else names[type(leaf)]


def _packed(value: Any) -> bytes:
    if isinstance(value, complex):
        value = msgpack.ExtType(2, _packed((value.real, value.imag)))
    packed = msgpack.packb(value)
    assert packed is not None
    return packed
