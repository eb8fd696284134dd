"""The client in JavaScript as tests call it: what it makes of files, and what it is asked to write."""

import base64
import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from conformance.sealed_by_hand import (
    small,
)

HERE = Path(__file__).parent
CLIENT = HERE.parent / "clients/client.mjs"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="the client is not judged: node is not installed")


def read_many(*files):
    """What the client makes of each file, or (stream, detached seal): from a file, and from a pipe."""
    pairs = [file if isinstance(file, tuple) else (file, None) for file in files]
    given = json.dumps([[None if part is None else base64.b64encode(part).decode() for part in pair] for pair in pairs])
    done = subprocess.run([NODE, HERE / "read_many.mjs"], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def client(*words, given=b""):
    return subprocess.run([NODE, CLIENT, *map(str, words)], input=given, capture_output=True)


def tagged(value):
    """A value of metadata as the protocol has it."""
    if value is None:
        return {"kind": "nil"}
    if isinstance(value, bool):
        return {"kind": "bool", "value": value}
    if isinstance(value, int):
        return {"kind": "int", "value": str(value)}
    if isinstance(value, float):
        return {"kind": "float", "value": struct.pack(">d", value).hex()}
    if isinstance(value, str):
        return {"kind": "str", "value": value}
    if isinstance(value, bytes):
        return {"kind": "bin", "value": value.hex()}
    if isinstance(value, list):
        return {"kind": "list", "value": [tagged(item) for item in value]}
    return {"kind": "map", "value": [[key, tagged(value[key])] for key in sorted(value, key=str.encode)]}


ASKED = [
    {"kind": "int", "value": "1200"},
    {"kind": "float", "value": struct.pack(">d", 0.25).hex()},
    {"kind": "str", "value": "a \u00e9 text"},
    {"kind": "bin", "value": "00ff"},
    {"kind": "bool", "value": True},
    {"kind": "nil"},
    {"kind": "complex", "value": [struct.pack(">d", value).hex() for value in (1.0, -2.0)]},
    {"kind": "empty"},
]


def asked(**settings):
    """The leaves of `small` as an encoder is asked for them."""
    leaves = small()
    records = [
        {"path": leaf.path, "kind": leaf.kind, "dtype": leaf.dtype, "shape": [*map(str, leaf.shape)]}
        | {"payload": leaf.payload.hex()}
        for leaf in leaves[:4]
    ]
    records += [{"path": leaf.path} | one for leaf, one in zip(leaves[4:], ASKED, strict=True)]
    return json.dumps({"records": records, "empty_nodes": "keep", "format": "2.0"} | settings).encode()
