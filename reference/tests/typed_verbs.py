"""A verb as somebody types it, and what comes of it."""

import numpy as np

import reference
from reference.commands import verbs

TREE = {"params": {"w": np.arange(600, dtype=np.float32), "b": np.array([1.0, 1e30, 1e-30], np.float32)}, "n": 3}


def said(capsys, *words):
    """The exit status of a verb, what it prints, and what it says."""
    status = verbs.main([str(word) for word in words])
    return status, *capsys.readouterr()


def save_files(folder):
    """Two streams, `x` and `y`, of which a number differs, and `cut`, which is `x` without its last byte."""
    reference.save(folder / "x", TREE)
    reference.save(folder / "y", {**TREE, "n": 4})
    (folder / "cut").write_bytes((folder / "x").read_bytes()[:-1])
