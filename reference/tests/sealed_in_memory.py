"""A sealed stream in memory, with every kind of leaf, metadata and digests."""

import numpy as np

from reference.checkpoints.leaf_items import item_of
from reference.containers.stream import planned
from reference.devices.states import flax_expansion
from reference.format.payloads import write_steps
from reference.format.sealing import SealOptions
from reference.format.trees import flatten
from reference.tests.handmade import BytesSink

TREE = {
    "params": {"w": np.arange(1100, dtype=np.float32).reshape(22, 50), "b": np.zeros(3, np.float16)},
    "step": 7,
    "name": "é" * 30,
    "raw": b"bytes",
    "none": None,
    "scalar": np.float64(2),
    "empty": np.zeros((0, 3), np.int8),
}


def in_memory(tree, **options):
    items = [item_of(*leaf) for leaf in flatten(tree, True, flax_expansion())]
    sink = BytesSink()
    write_steps(sink, planned(items, SealOptions(**options)))
    return bytes(sink.data)


DATA = in_memory(TREE, metadata={"step": 7, "names": ["a", "b"]}, digests=True)
