"""The loop by which existing code bases read and write streams, as a client: msgpack and flax, and nothing else.

`loop_client.py PART` is EasyLM's loop, which tux (LWM) carries unchanged; `loop_client.py PART --jaxseq` is
JAXSeq's, which writes empty nodes. What they raise is taken for a rejection. The failures that are known, with their
reasons, stand in loop.xfails and jaxseq.xfails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
from flax.errors import FlaxError
from flax.serialization import from_bytes, msgpack_restore, msgpack_serialize, to_bytes, to_state_dict
from flax.traverse_util import empty_node, flatten_dict, unflatten_dict
from protocol import as_dicts, record_of, serve, tree_of

# The version of msgpack-python decides a few of the cases; the results that are published are those of this one.
READ_SIZE = 83886080
PIECE = 1 << 30


def load(path: str | int) -> dict[Any, Any]:
    """EasyLM's `load_checkpoint` without a target."""
    flat = {}
    with open(path, "rb") as file:
        for key, value in msgpack.Unpacker(file, read_size=READ_SIZE, max_buffer_size=0):
            flat[tuple(key)] = from_bytes(None, value)
    return unflatten_dict(flat)


def save(tree: dict[str, Any], write: Callable[[bytes], Any], jaxseq: bool = False) -> None:
    """EasyLM's `save_train_state_to_file`; JAXSeq's with its way of empty nodes and scalars."""
    packer = msgpack.Packer()
    for key, value in flatten_dict(to_state_dict(tree), keep_empty_nodes=jaxseq).items():
        if jaxseq and isinstance(value, np.generic):
            value = np.asarray(value)  # what `jax.device_get` makes of it
        write(packer.pack((key, to_bytes({} if value is empty_node else value))))


def flax_load(path: str | int) -> Any:
    """flax's own reader."""
    with open(path, "rb") as file:
        return msgpack_restore(file.read())


def flax_save(tree: dict[str, Any], write: Callable[[bytes], Any]) -> None:
    """flax's own writer."""
    write(msgpack_serialize(to_state_dict(tree), in_place=True))


def _put(data: bytes) -> None:
    for at in range(0, len(data), PIECE):  # a pipe takes less than 2 GiB at a time
        sys.stdout.buffer.write(memoryview(data)[at : at + PIECE])


def decode(path: str | int = 0, *options: str) -> dict[str, Any]:
    """What EasyLM's reader gives. Without a path it reads standard input."""
    return _printed(load(path))


def encode(*options: str) -> None:
    """EasyLM's writer or, with `--jaxseq`, JAXSeq's, onto standard output."""
    save(_tree(), _put, "--jaxseq" in options)


def flax_decode(path: str | int = 0, *options: str) -> dict[str, Any]:
    return _printed(flax_load(path))


def flax_encode(*options: str) -> None:
    flax_save(_tree(), _put)


def _printed(tree: Any) -> dict[str, Any]:
    flat = flatten_dict(tree, keep_empty_nodes=True)
    return {"records": [record_of(key, {} if value is empty_node else value) for key, value in flat.items()]}


def _tree() -> dict[str, Any]:
    """What an encoder gets. The loop knows no display form: a path in it is one key."""
    return as_dicts(tree_of(json.load(sys.stdin.buffer)["records"], lambda text: (text,)))


PARTS = {"decode": decode, "encode": encode, "flax-decode": flax_decode, "flax-encode": flax_encode}
REJECTS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    OverflowError,
    SyntaxError,
    msgpack.UnpackException,
    msgpack.exceptions.ExtraData,
    FlaxError,
)

if __name__ == "__main__":
    sys.exit(serve(PARTS, REJECTS))
