"""The loop of msgpack and flax by which existing code bases write and read streams, in this process."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import flax.serialization
import msgpack
import numpy as np
from flax.traverse_util import empty_node, flatten_dict, unflatten_dict

from conformance.clients import in_process

from .answers import Answer, by_path


def written(tree: Any, keep_empty_nodes: bool = False, jaxseq: bool = False) -> bytes:
    """The bytes that the loop writes for a tree, or with `jaxseq` that of JAXSeq, which keeps empty nodes as well."""
    keep_empty_nodes = keep_empty_nodes or jaxseq
    flat = flatten_dict(flax.serialization.to_state_dict(tree), keep_empty_nodes=keep_empty_nodes)
    packer = msgpack.Packer()
    leaves = [(key, {} if leaf is empty_node else leaf) for key, leaf in flat.items()]
    if jaxseq:  # it takes each leaf off its device first, which makes an array of a scalar
        leaves = [(key, np.asarray(leaf) if isinstance(leaf, np.generic) else leaf) for key, leaf in leaves]
    return b"".join(packer.pack((key, flax.serialization.to_bytes(leaf))) for key, leaf in leaves)


def flat(file: BinaryIO) -> dict[tuple[str, ...], Any]:
    """Key paths and leaves, as the loop reads them from an open file."""
    unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
    return {tuple(key): flax.serialization.from_bytes(None, value) for key, value in unpacker}


def read(file: BinaryIO) -> dict[str, Any]:
    """What the loop reads from an open file."""
    return unflatten_dict(flat(file))


class Loop:
    """What the loop raises is its refusal, whatever it is: it knows no error of its own.

    It takes a seal for the end of its input, and so reads streams of every version.
    """

    name = "loop"
    version = "2.0"

    def decode(self, data: bytes, flax: bool = False) -> Answer:
        fd = os.memfd_create("input")
        try:
            os.write(fd, data)
            decode = in_process.loop_client.flax_decode if flax else in_process.loop_client.decode
            printed: dict[str, Any] = decode(f"/proc/self/fd/{fd}")
        except Exception as error:
            return Answer(None, f"{type(error).__name__}: {error}")
        finally:
            os.close(fd)
        return Answer(by_path(printed["records"]))
