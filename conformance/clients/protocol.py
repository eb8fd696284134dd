"""The protocol of CLIENT.md for readers and writers in Python: values to records, records to trees, rejections.

Needs numpy and ml_dtypes. Copy it beside a client of your own.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes  # noqa: F401  (makes its dtypes known to numpy by their names)
import numpy as np

SHOWN = 64  # bytes of a value that is printed in full
Path = tuple[str, ...]


class Rejected(Exception):
    """An input or a tree is refused; what is known of the clause, the offset and the key path goes along."""

    def __init__(self, why: str, **known: Any) -> None:
        super().__init__(why)
        self.told = {"rejected": why or "refused", **known}


def serve(parts: Mapping[str, Callable[..., Any]], rejects: tuple[type[Exception], ...] = ()) -> int:
    """Run the part that the command line names, with the words after it. Print what it returns as JSON.

    Gives the exit status: 0 accepted; 1 rejected, for `Rejected` and the exceptions of `rejects`. Any other
    exception ends the program with status 3, since a traceback alone would end it with 1.
    """
    if len(sys.argv) < 2 or sys.argv[1] not in parts:
        print(f"usage: {sys.argv[0]} {'|'.join(parts)} ...", file=sys.stderr)
        return 2
    sys.excepthook = _crashed
    try:
        printed = parts[sys.argv[1]](*sys.argv[2:])
    except Rejected as error:
        told = error.told
    except rejects as error:
        told = {"rejected": f"{type(error).__name__}: {error}"[:500]}
    else:
        if printed is not None:
            json.dump(printed, sys.stdout)
        return 0
    print(json.dumps(told), file=sys.stderr)
    return 1


def _crashed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    import os

    sys.__excepthook__(kind, error, trace)
    sys.stderr.flush()
    os._exit(3)


# --- values to records ----------------------------------------------------------------------------------------------


def record_of(path: Path, value: Any) -> dict[str, Any]:
    """What a decoder prints of a leaf. Raises TypeError for a value that is no leaf."""
    record: dict[str, Any] = {"path": list(path)}
    if isinstance(value, np.ndarray | np.generic):
        payload = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        kind = "scalar" if isinstance(value, np.generic) else "ndarray"
        record |= {"kind": kind, "dtype": value.dtype.name, "shape": [str(n) for n in value.shape]}
        record |= {"sha256": hashlib.sha256(payload).hexdigest()}
        return record | ({"payload": payload.hex()} if payload.nbytes <= SHOWN else {})
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        record |= {"kind": "str" if isinstance(value, str) else "bin", "bytes": str(len(raw))}
        record |= {"sha256": hashlib.sha256(raw).hexdigest()}
        return record | ({"value": value if isinstance(value, str) else raw.hex()} if len(raw) <= SHOWN else {})
    if isinstance(value, bool):
        return record | {"kind": "bool", "value": value}
    if isinstance(value, int):
        return record | {"kind": "int", "value": str(value)}
    if isinstance(value, float):
        return record | {"kind": "float", "value": bits(value)}
    if isinstance(value, complex):
        return record | {"kind": "complex", "value": [bits(value.real), bits(value.imag)]}
    if value is None or value == {}:
        return record | {"kind": "nil" if value is None else "empty"}
    raise TypeError(f"{path} holds a {type(value).__name__}, which is no leaf")


def bits(value: float) -> str:
    """The 16 hexadecimal digits of a float."""
    return struct.pack(">d", value).hex()


# --- records to trees -----------------------------------------------------------------------------------------------


class Node(dict[Any, Any]):
    """An inner node of a tree, which is told by its class from an empty node, {}."""


def tree_of(records: list[dict[str, Any]], parse: Callable[[str], Path]) -> Node:
    """The tree that an encoder gets, as nested maps. `parse` reads a key path in display form (KEY-6). Raises
    Rejected."""
    root = Node()
    for record in records:
        path = record["path"]
        path = list(parse(path)) if isinstance(path, str) else path
        if not path:
            raise Rejected("a key path has no part", clause="KEY-1")
        shown = [str(part) for part in path]
        node = root
        for part in path[:-1]:
            node = node.setdefault(part, Node())
            if not isinstance(node, Node):
                raise Rejected("a leaf stands above this one", clause="STREAM-5", path=shown)
        if path[-1] in node:
            clause = "STREAM-5" if isinstance(node[path[-1]], Node) else "STREAM-4"
            raise Rejected("this place in the tree is taken", clause=clause, path=shown)
        node[path[-1]] = value_of(record)
    return root


def as_dicts(node: Any) -> Any:
    """A tree in plain dicts, for libraries that look at the class of a map."""
    return {key: as_dicts(child) for key, child in node.items()} if isinstance(node, Node) else node


def value_of(record: dict[str, Any]) -> Any:
    """The Python or numpy value that a record stands for; an object of no known class for a kind that is none."""
    value: Any = record.get("value")
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
            return value if "fill" not in record else _filled(record["fill"], int(record["bytes"])).decode()
        case "bin":
            return _filled(record["fill"], int(record["bytes"])) if "fill" in record else bytes.fromhex(value)
        case "empty":
            return {}
    return object()


def _filled(digits: str, n: int) -> bytes:
    pattern = bytes.fromhex(digits)
    return (pattern * -(-n // len(pattern)))[:n]


def _array(record: dict[str, Any]) -> Any:
    shape = [int(n) for n in record.get("shape", [])]
    try:
        dtype = np.dtype(record["dtype"])
    except TypeError:
        raise Rejected(f"no array has the type {record['dtype']}", clause="DTYPE-7") from None
    if record.get("byte_order") == "big":
        dtype = dtype.newbyteorder(">")
    if dtype.hasobject:
        return np.empty(shape, dtype)
    if len(record.get("fill", "")) > 2:
        payload = np.frombuffer(bytes.fromhex(record["fill"]), np.uint8)
        return np.resize(payload, math.prod(shape) * dtype.itemsize).view(dtype).reshape(shape)
    if "fill" in record:  # one element in memory, seen many times
        element = np.frombuffer(bytes.fromhex(record["fill"]) * dtype.itemsize, dtype)[0]
        return np.broadcast_to(element, shape) if record["kind"] == "ndarray" else element
    try:
        array = np.frombuffer(bytes.fromhex(record["payload"]), dtype).reshape(shape)
    except ValueError as error:
        raise Rejected(str(error), clause="LEAF-3" if len(shape) > 64 else "LEAF-4") from None
    return array if record["kind"] == "ndarray" else array[()]


def _float(digits: str) -> float:
    return struct.unpack(">d", bytes.fromhex(digits))[0]
