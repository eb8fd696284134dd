"""A tree on a web server of the tests' own, and what is compared with it."""

import jax
import ml_dtypes
import numpy as np

import reference
from fuzz.equality import same

RNG = np.random.default_rng(7)
TREE = {
    "params": {
        "big": RNG.standard_normal((2300, 1000)).astype(np.float32),  # 9.2 MB: more than a request
        "bf16": RNG.standard_normal((64, 513)).astype(ml_dtypes.bfloat16),
        "layers": {
            str(i): {"w": np.full((40, 30), i, np.float32), "b": np.arange(i + 1, dtype=np.float32)} for i in range(60)
        },
    },
    "step": np.int64(7),
}
CHANGED = {**TREE, "params": {**TREE["params"], "bf16": TREE["params"]["bf16"] + ml_dtypes.bfloat16(1)}}
TOKEN = "hf_abcdefghijklmnop"
SECRET = "X-Amz-Signature=0123456789abcdef"


def put(web, name, tree=TREE, **options):
    """Save a tree locally and put the file on the server; gives its URL."""
    reference.save(name, tree, **options)
    text = name.rpartition("::")[2]
    with open(text, "rb") as file:
        web.objects[f"/{text}"] = file.read()
    return f"{web.address}/{text}"


def alike(a, b):
    return same(jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))


def leaf_of(url, path):
    with reference.open(url) as checkpoint:
        return checkpoint[path]


def content(name):
    with open(name, "rb") as file:
        return file.read()
