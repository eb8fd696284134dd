"""The loop by which existing code bases write and read streams, as an oracle."""

import flax.serialization
import msgpack
from flax.traverse_util import flatten_dict, unflatten_dict


def written(tree, keep_empty_nodes=False):
    """The bytes that the loop writes for a tree. With `keep_empty_nodes` as JAXSeq does, else as EasyLM does."""
    state = flax.serialization.to_state_dict(tree)
    packer = msgpack.Packer()
    return b"".join(
        packer.pack((key, flax.serialization.to_bytes({} if keep_empty_nodes and _is_empty(leaf) else leaf)))
        for key, leaf in flatten_dict(state, keep_empty_nodes=keep_empty_nodes).items()
    )


def _is_empty(leaf):
    return type(leaf).__name__ == "_EmptyNode"


def read(file):
    """What the loop reads from an open file."""
    unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
    return unflatten_dict({tuple(key): flax.serialization.from_bytes(None, value) for key, value in unpacker})
