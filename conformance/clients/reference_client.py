"""The reference as a client: `reference_client.py PART ...` plays all parts of CLIENT.md.

    python -m conformance run --decoder 'python conformance/clients/reference_client.py decode' ...
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

import reference
from reference.convert import convert
from reference.dtypes import dtype_of
from reference.errors import FormatError
from reference.flax_msgpack import flax_steps
from reference.keypaths import KeyPath, display, parse
from reference.payloads import write_steps
from reference.recovery import recover
from reference.saving import item_of
from reference.streams import stream_steps
from reference.trees import flatten

SMALL = 1 << 20  # bytes of a leaf that is read whole
REJECTED, USAGE = 1, 2


# --- decoders -------------------------------------------------------------------------------------------------


def decode(name: str) -> dict[str, Any]:
    """What CLIENT.md wants printed of `[PREFIX::]PATH`. Raises FormatError."""
    with reference.open(name) as checkpoint:
        return {"records": [_printed(checkpoint, record) for record in checkpoint.records]}


def _printed(checkpoint: reference.Checkpoint, record: reference.Record) -> dict[str, Any]:
    leaf = record.leaf
    printed: dict[str, Any] = {"path": list(record.path), "display": display(record.path), "kind": leaf.kind}
    if leaf.dtype is not None:
        if leaf.nbytes <= SMALL:
            payload = np.asarray(checkpoint[record.path]).tobytes()
            printed |= {"sha256": hashlib.sha256(payload).hexdigest(), "payload": payload.hex()}
        else:
            printed["sha256"] = _digest(checkpoint, record)
        return printed | {"dtype": leaf.dtype.name, "shape": [str(n) for n in leaf.shape]}
    value = checkpoint[record.path] if leaf.nbytes <= SMALL else None
    match leaf.kind:
        case "str" | "bin":
            printed |= {"bytes": str(leaf.nbytes), "sha256": _digest(checkpoint, record)}
            if value is not None:
                printed["value"] = value if leaf.kind == "str" else value.hex()
        case "int":
            printed["value"] = str(value)
        case "bool":
            printed["value"] = value
        case "float":
            printed["value"] = _bits(value)
        case "complex":
            printed["value"] = [_bits(value.real), _bits(value.imag)]
    return printed


def _digest(checkpoint: reference.Checkpoint, record: reference.Record) -> str:
    digest = hashlib.sha256()
    for at, n in record.extents():
        for done in range(0, n, SMALL):
            digest.update(checkpoint.source.read_at(at + done, min(SMALL, n - done)))
    return digest.hexdigest()


def _bits(value: float) -> str:
    return struct.pack(">d", value).hex()


# --- encoders -------------------------------------------------------------------------------------------------


def encode(asked: dict[str, Any], sink: Any, flax: bool = False) -> None:
    """Write the canonical bytes of what an encoder gets. Raises FormatError before anything is written."""
    tree: dict[Any, Any] = {}
    for record in asked["records"]:
        _insert(tree, record)
    leaves = flatten(tree, asked["empty_nodes"] == "keep")
    items = [item_of(path, value) for path, value in leaves]
    write_steps(sink, (flax_steps if flax else stream_steps)(items))


def _insert(tree: dict[Any, Any], record: dict[str, Any]) -> None:
    """Put a record into a tree of nested maps; leaves stand in it wrapped, so that an empty node is told from a map."""
    path = record["path"]
    if isinstance(path, str):
        try:
            path = list(parse(path))
        except ValueError as error:
            raise FormatError("KEY-6", None, None, str(error)) from None
    if not path:
        raise FormatError("KEY-1", None, None, "a key path without parts")
    shown = KeyPath(str(part) for part in path)
    node = tree
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, _Node):
            raise FormatError("STREAM-5", None, shown, "a leaf stands above it")
    if path[-1] in node:
        clause = "STREAM-5" if isinstance(node[path[-1]], _Node) else "STREAM-4"
        raise FormatError(clause, None, shown, "this place in the tree is taken")
    node[path[-1]] = _value(record)


_Node = dict


def _value(record: dict[str, Any]) -> Any:
    """The Python or numpy value that a record stands for."""
    value = record.get("value")
    match record["kind"]:
        case "ndarray" | "scalar":
            return _array(record)
        case "nil":
            return None
        case "bool":
            return value
        case "int":
            return int(value)
        case "float":
            return _float(value)
        case "complex":
            return complex(*map(_float, value))
        case "str":
            return value if "fill" not in record else bytes.fromhex(record["fill"]).decode() * int(record["bytes"])
        case "bin":
            return bytes.fromhex(value if "fill" not in record else record["fill"] * int(record["bytes"]))
        case "empty":
            return {}
    return object()  # what cannot be stored


def _array(record: dict[str, Any]) -> Any:
    dtype, shape = _dtype(record["dtype"]), [int(n) for n in record.get("shape", [])]
    if record.get("byte_order") == "big":
        dtype = dtype.newbyteorder(">")
    if "fill" in record:
        return np.broadcast_to(np.frombuffer(bytes.fromhex(record["fill"]) * dtype.itemsize, dtype)[0], shape)
    if dtype.hasobject:
        return np.empty(shape, dtype)
    array = np.frombuffer(bytes.fromhex(record["payload"]), dtype).reshape(shape)
    return array if record["kind"] == "ndarray" else array[()]


def _dtype(name: str) -> np.dtype:
    try:
        return dtype_of(name)
    except FormatError:
        try:
            return np.dtype(name)  # a type that numpy has and the format has not
        except TypeError:
            raise FormatError("DTYPE-7", None, None, f"no array has the type {name}") from None


def _float(bits: str) -> float:
    return struct.unpack(">d", bytes.fromhex(bits))[0]


class Output:
    """A sink that writes to an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write

    def copy_from(self, source: Any, offset: int, n: int) -> None:
        self.write(source.read_at(offset, n))


# --- converter and recoverer ------------------------------------------------------------------------------------


def _flags(arguments: list[str], *names: str) -> Iterator[Any]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}")
    found = parser.parse_args(arguments)
    yield from (getattr(found, name) for name in names)


def _convert(arguments: list[str]) -> None:
    source, output, streaming, dtype = _flags(arguments, "load_checkpoint", "output_file", "streaming", "float_dtype")
    convert(source, output, streaming=streaming == "True", float_type=dtype)


def _recover(arguments: list[str]) -> None:
    names = ("recover_diff", "load_base_checkpoint", "load_target_checkpoint", "output_file", "streaming")
    _, base, delta, output, streaming = _flags(arguments, *names)
    recover(base, delta, output, streaming=streaming == "True")


# --- the command --------------------------------------------------------------------------------------------------


def main(part: str, *rest: str) -> int:
    """Play a part; 0 accepted, 1 rejected, 2 wrong usage. Whatever else is raised ends the program as it will."""
    try:
        if part in ("decode", "flax-decode"):
            printed = decode(f"flax::{rest[0]}" if part == "flax-decode" else rest[0])
            print(json.dumps(printed))
        elif part in ("encode", "flax-encode"):
            encode(json.load(sys.stdin), Output(sys.stdout.buffer), flax=part == "flax-encode")
        elif part in ("convert", "recover"):
            (_convert if part == "convert" else _recover)(list(rest))
        else:
            print(__doc__, file=sys.stderr)
            return USAGE
    except FormatError as error:
        told = {"rejected": error.detail, "clause": error.clause}
        if error.offset is not None:
            told["offset"] = str(error.offset)
        if error.path is not None:
            told["path"] = list(error.path)
        print(json.dumps(told), file=sys.stderr)
        return REJECTED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
