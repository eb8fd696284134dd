"""A tree with metadata, saved as a sealed stream, on which the verbs are tried."""

import numpy as np

from reference.format.seals import read_seal
from reference.storage.local_files import FileSource
from reference.tests.sealed import sealed

TREE = {
    "model": {
        "w": np.arange(3000, dtype=np.float32).reshape(30, 100),
        "b": np.arange(6, dtype=np.float16),
        "ids": np.arange(5000, dtype=np.int32),
    },
    "step": 7,
    "name": "word",
}
METADATA = {"step": 7, "config": {"layers": 2}, "raw": b"\0\1", "note": "é"}


def run(command, *arguments, code=0):
    assert command.main([str(argument) for argument in arguments]) == code


def saved(folder):
    """The path of the tree as a sealed stream, with metadata and digests."""
    sealed(folder, TREE, name="x", metadata=METADATA, digests=True, alignment=256)
    return folder / "x"


def said(path):
    """Alignment, metadata, and whether there are digests."""
    source = FileSource(path)
    index = read_seal(source).index
    source.close()
    return index.alignment, index.metadata, index.digests is not None


def spoiled(path, at, name="spoiled", by=1):
    data = bytearray(path.read_bytes())
    data[at] ^= by
    path.with_name(name).write_bytes(data)
    return path.with_name(name)


def leaf_at(path):
    """A leaf of the tree."""
    node = TREE
    for key in path:
        node = node[key]
    return node
