"""A base, a target and their delta, as the tests of deltas make them."""

import numpy as np

import reference
from reference.delta import diff
from reference.differences.exact_recovery import recover
from reference.format.manifests import read_delta
from reference.format.wire import BytesSource


class Files:
    """A base, a target, their delta and what is recovered, in one folder."""

    def __init__(self, folder):
        self.base, self.target, self.delta, self.recovered = (
            str(folder / name) for name in ("base", "target", "delta", "recovered")
        )

    def diff(self, base, target, **options):
        reference.save(self.base, base, keep_empty_nodes=True)
        reference.save(self.target, target, keep_empty_nodes=True)
        return diff(self.base, self.target, self.delta, **options)

    def recover(self, **options):
        return recover(self.base, self.delta, self.recovered, **options)

    def is_recovered(self):
        with open(self.target, "rb") as wanted, open(self.recovered, "rb") as found:
            return wanted.read() == found.read()

    def manifest(self):
        with open(self.delta, "rb") as file:
            return read_delta(BytesSource(file.read()))


def pair(dtype=np.float32, shape=(3000, 1000)):
    random = np.random.default_rng(0)
    weights = random.standard_normal(shape).astype(np.float32).astype(dtype)
    tuned = (weights.astype(np.float32) * np.float32(1.001)).astype(dtype)
    return {"w": weights, "b": np.arange(7)}, {"w": tuned, "b": np.arange(7)}
