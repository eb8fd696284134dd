"""The protocol of CLIENT.md for readers and writers in Python: values to records, records to trees, rejections.

Needs numpy and ml_dtypes. Copy it beside a client of your own.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
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
    """What a decoder prints of a leaf. Raises TypeError for a value that is not a leaf."""
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
    raise TypeError(f"{path} holds a {type(value).__name__}, which is not a leaf")


def bits(value: float) -> str:
    """The 16 hexadecimal digits of a float."""
    return struct.pack(">d", value).hex()


# --- records to trees -----------------------------------------------------------------------------------------------

_DECIMAL, _INTEGER, _HEX, _FLOAT = "0|[1-9][0-9]*", "0|-?[1-9][0-9]*", "([0-9a-f]{2})*", "[0-9a-f]{16}"
_FILL = "([0-9a-f]{2})+"
_MOST_DIGITS = 40  # of an int that is looked at: all that can be stored have fewer


def read_asked(file: Any) -> dict[str, Any]:
    """What an encoder gets, read from a file. Raises Rejected where it is not the JSON of the protocol."""
    try:
        given = getattr(file, "buffer", file).read()  # UTF-8, whatever the locale would make of standard input
        asked = json.loads(given.decode() if isinstance(given, bytes) else given)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"this is not JSON: {error}") from None
    records = asked.get("records") if isinstance(asked, dict) else None
    if not isinstance(records, list) or asked.get("empty_nodes") not in ("keep", "leave out"):
        raise Rejected("an object with the members records and empty_nodes is expected")
    if not all(isinstance(record, dict) and {"path", "kind"} <= set(record) for record in records):
        raise Rejected("each record is an object with the members path and kind")
    return asked


def _text_of(record: dict[str, Any], member: str, pattern: str) -> str:
    """A member that has to be a text of this form."""
    return _checked(record.get(member), member, pattern)


def _checked(value: Any, what: str, pattern: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
        raise Rejected(f"{str(value)[:40]!r} is not a {what}", clause="LEAF-1")
    return value


class Node(dict[Any, Any]):
    """An inner node of a tree, which is told by its class from an empty node, {}."""


def tree_of(records: list[dict[str, Any]], parse: Callable[[str], Path]) -> Node:
    """The tree that an encoder gets, as nested maps. `parse` reads a key path in display form (KEY-6). Raises
    Rejected."""
    root = Node()
    for record in records:
        path = _path(record["path"], parse)
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


def _path(path: Any, parse: Callable[[str], Path]) -> list[Any]:
    """The parts of a key path, each a text or, for a key of a map or a place in a list, an integer."""
    if isinstance(path, str):
        return list(parse(path))
    if not isinstance(path, list) or not path:
        raise Rejected("a key path is a list of one or more parts", clause="KEY-1")
    if not all(type(part) in (str, int) for part in path):  # True is an int to isinstance
        raise Rejected("a part of a key path is a text or an integer", clause="KEY-1")
    return path


def as_dicts(node: Any) -> Any:
    """A tree in plain dicts, for libraries that look at the class of a map."""
    return {key: as_dicts(child) for key, child in node.items()} if isinstance(node, Node) else node


def value_of(record: dict[str, Any]) -> Any:
    """The Python or numpy value that a record stands for; an object of no known class for a kind that is none."""
    value: Any = record.get("value")
    filled = "fill" in record
    match record["kind"]:
        case "ndarray" | "scalar":
            return _array(record)
        case "nil":
            return None
        case "bool" if isinstance(value, bool):
            return value
        case "int":
            digits = _text_of(record, "value", _INTEGER)
            return int(digits) if len(digits) <= _MOST_DIGITS else object()  # Python stops at 4,300 digits
        case "float":
            return _float(value)
        case "complex" if isinstance(value, list) and len(value) == 2:
            return complex(*map(_float, value))
        case "str":
            return _filled_text(*_fill(record)) if filled else _text_of(record, "value", ".*")
        case "bin" if filled:
            return _repeated(*_fill(record))
        case "bin":
            return bytes.fromhex(_text_of(record, "value", _HEX))
        case "empty":
            return {}
    return object()


def _fill(record: dict[str, Any]) -> tuple[bytes, int]:
    """The bytes that are repeated, and how many bytes there are."""
    return bytes.fromhex(_text_of(record, "fill", _FILL)), int(_text_of(record, "bytes", _DECIMAL))


def _repeated(cycle: bytes, n: int) -> bytes:
    return (cycle * -(-n // len(cycle)))[:n]


def _filled_text(cycle: bytes, n: int) -> str:
    """A text of `n` bytes that are repeated."""
    try:
        return _repeated(cycle, n).decode()
    except UnicodeDecodeError as error:
        raise Rejected(f"a text of {n} bytes is not UTF-8: {error.reason}", clause="WIRE-5") from None


def _dtype(name: Any) -> np.dtype[Any]:
    """The dtype that has this name; numpy knows others by other names too, which are not tags."""
    try:
        if not isinstance(name, str):
            raise TypeError
        dtype = np.dtype(name)
    except TypeError:
        raise Rejected(f"no array has the type {name}", clause="DTYPE-7") from None
    if dtype.name != name:
        raise Rejected(f"{name} is not a dtype tag; that of its elements is {dtype.name}", clause="DTYPE-1")
    return dtype


def _array(record: dict[str, Any]) -> Any:
    shape = record.get("shape", [] if record["kind"] == "scalar" else None)
    if not isinstance(shape, list):
        raise Rejected("an ndarray has a shape, which is a list", clause="LEAF-3")
    shape = [int(_checked(n, "dimension", _DECIMAL)) for n in shape]
    if record["kind"] == "scalar" and shape:
        raise Rejected(f"a scalar has the shape {shape}, and not []", clause="LEAF-6")
    dtype = _dtype(record.get("dtype"))
    if record.get("byte_order") == "big":
        dtype = dtype.newbyteorder(">")
    if dtype.hasobject:
        return np.empty(shape, dtype)
    if "fill" in record:
        cycle = bytes.fromhex(_text_of(record, "fill", _FILL))
        if len(cycle) > 1:
            whole = np.resize(np.frombuffer(cycle, np.uint8), math.prod(shape) * dtype.itemsize)
            return whole.view(dtype).reshape(shape)
        element = np.frombuffer(cycle * dtype.itemsize, dtype)[0]  # one in memory, seen many times
        return np.broadcast_to(element, shape) if record["kind"] == "ndarray" else element
    try:
        array = np.frombuffer(bytes.fromhex(_text_of(record, "payload", _HEX)), dtype).reshape(shape)
    except ValueError as error:
        takes = dtype.itemsize * math.prod(n or 1 for n in shape)
        clause = "LEAF-3" if len(shape) > 64 else "LEAF-5" if takes < 1 << 63 else "LEAF-4"
        raise Rejected(str(error), clause=clause) from None
    return array if record["kind"] == "ndarray" else array[()]


def _float(digits: Any) -> float:
    return struct.unpack(">d", bytes.fromhex(_checked(digits, "float", _FLOAT)))[0]
