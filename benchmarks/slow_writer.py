"""One process of `slow_writers`: `slow_writer.py RANK COUNT PORT FOLDER DEVICES work MEGABYTES RATE FORMAT`.

Prints the seconds of each of some saves, as JSON.
"""

import os
import sys
import time

import jax
import numpy as np
from jax.experimental.multihost_utils import sync_global_devices
from jax.sharding import Mesh, NamedSharding

import reference
from reference.tests.one_writer import FOLDER, WHAT, P, tell

SAVES = 3  # and one before them, which compiles the exchange
LEAVES = 16


def slow(rate):
    """Have each write take as long as it would at a rate, in bytes per second."""
    write, free = os.writev, 0.0  # when what was written before would have arrived

    def writev(fd, views):
        nonlocal free
        n = write(fd, views)
        free = max(free, time.monotonic()) + n / rate
        time.sleep(max(0.0, free - time.monotonic()))
        return n

    os.writev = writev


def work():
    """Save a tree several times, a third of it in whole rows, a third in columns and a third in replicas."""
    megabytes, rate, format = int(sys.argv[7]), float(sys.argv[8]), sys.argv[9]
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    shape = (1024, megabytes * 1_000_000 // LEAVES // 4096 // mesh.size * mesh.size)
    zeros, specs, tree = np.zeros(shape, np.float32), [P("devices"), P(None, "devices"), P()], {}
    for i in range(LEAVES):
        sharding = NamedSharding(mesh, specs[i % 3])
        tree[str(i)] = jax.make_array_from_callback(shape, sharding, zeros.__getitem__)
    reference.save(FOLDER / "weights", tree, format=format)
    slow(rate * 1e6)
    for i in range(SAVES):
        sync_global_devices(f"begin {i}")
        begun = time.perf_counter()
        reference.save(FOLDER / "weights", tree, format=format)
        tell(f"save {i}", seconds=time.perf_counter() - begun)


if __name__ == "__main__":
    globals()[WHAT]()
