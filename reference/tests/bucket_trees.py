"""Trees that tests save to buckets, in some parts of those that the tests have."""

import jax
import ml_dtypes
import numpy as np

from fuzz.equality import same

RNG = np.random.default_rng(20)
TREE = {
    "params": {
        "big": RNG.standard_normal((300, 1000)).astype(np.float32),  # some parts of those that the tests have
        "half": RNG.standard_normal((64, 513)).astype(ml_dtypes.bfloat16),
        "layers": {str(i): np.full((40, 3), i, np.float32) for i in range(40)},
    },
    "step": 7,
}
CHANGED = {**TREE, "params": {**TREE["params"], "half": TREE["params"]["half"] + ml_dtypes.bfloat16(1)}}


def alike(a, b):
    """Whether two trees have the same leaves, in whatever order."""
    return same(jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))
