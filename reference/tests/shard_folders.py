"""A tree that makes a folder of four shards, and what the tests look at in it."""

import os
import subprocess
import sys

import numpy as np

import streamckpt as sc

INDEX = "model.safetensors.index.json"


def tree(seed=0):
    rng = np.random.default_rng(seed)
    layers = {str(i): {"w": rng.standard_normal((8, 16)).astype(np.float32)} for i in range(4)}
    return {"z": {"kernel": rng.standard_normal(300).astype(np.float32)}, "h": layers, "a": {"bias": np.arange(20)}}


def write_shards(place):
    """Write the tree to `stream`, and that to the folder `shards`, in the current folder `place`; gives the latter."""
    sc.save("stream", tree())
    sc.convert("stream", "safetensors::shards/", max_shard_size=1100)
    return place / "shards"


def names(folder):
    return sorted(os.listdir(folder))


def command(*arguments):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
