"""One process of a job that writes one object: `writer_objects.py RANK COUNT PORT FOLDER DEVICES WHAT URL ...`.

Prints one line for each thing it did, as JSON.
"""

import contextlib
import errno
import itertools
import os
import signal
import sys
import warnings

import numpy as np
from jax.experimental import multihost_utils

import reference
from reference.devices import job_store, meetings, shared_arrays
from reference.storage.places import place_of
from reference.storage.shared_objects import SharedObject
from reference.tests.one_writer import (
    COUNT,
    LAST,
    OLD,
    RANK,
    WAYS,
    WHAT,
    big,
    caught,
    fails,
    host_tree,
    leave,
    meshes,
    placed,
    small_parts,
    tell,
)

URL = sys.argv[7]


def same_objects():
    """Objects of every mesh, in all ways in which processes share one; without `all` a few of them."""
    tree = host_tree()
    small_parts(1 << 12)
    ways = ("sealed", "cast", "plain", "sealed cast")
    every = list(itertools.product(meshes(), ways, (True, False)))
    for (mesh_name, mesh), way, blocking in every if sys.argv[8] == "all" else every[::5]:
        name = f"{mesh_name} {way} {'now' if blocking else 'later'}"
        saving = reference.save(f"{URL}/{name}", placed(tree, mesh), blocking=blocking, **WAYS[way])
        if saving is not None:
            saving.wait()
        tell(name, way=way)
    tell("end")


@contextlib.contextmanager
def at_part(n, act):
    """Do something when this process sends its n-th part."""
    send, count = SharedObject._send, itertools.count(1)

    def counted(self, i, data):
        if next(count) == n:
            act(self)
        send(self, i, data)

    SharedObject._send = counted
    try:
        yield
    finally:
        SharedObject._send = send


def faults():
    """What goes wrong while parts are sent, in one process or the other, and what each is told."""
    url, shared_arrays.LOOK = f"{URL}/kept", 1 << 19
    small_parts(1 << 17)
    old = {key: np.asarray(value) for key, value in OLD.items()}
    if RANK == 0:
        reference.save(url, old)
    multihost_utils.sync_global_devices("begun")

    def refused(shared):
        """By the server, which has no such bucket."""
        other = place_of(f"{URL.partition('://')[0]}://none/x").shared_output()
        shared._asked(other._upload.send, "0" * 24, 1, bytearray(1))

    interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)
    acts = {"refused": refused, "broken": lambda _: fails(errno.EIO)(), "interrupt": lambda _: interrupt()}
    ways = (("now", {}), ("later", {"blocking": False}), ("sealed", {"format": "2.0"}))
    every = list(itertools.product(acts.items(), ways, (0, COUNT - 1)))
    for (name, act), (way, options), where in every if sys.argv[8] == "all" else every[::3]:
        if (name, way) == ("interrupt", "later"):
            continue

        def save(options=options):
            saving = reference.save(url, big(), **options)
            if saving is not None:
                saving.wait()

        with at_part(3, act) if where == RANK else contextlib.nullcontext():
            said = caught(save)
        multihost_utils.sync_global_devices("failed")
        whole = np.array_equal(reference.load(url)["w"], OLD["w"])
        multihost_utils.sync_global_devices("looked at")
        tell(f"{name} {where} {way}", error=said, whole=whole)
    reference.save(url, big(7.0))
    tell("end", good=all(float(leaf.min()) == 7 + int(key) for key, leaf in reference.load(url).items()))


def killed():
    """A process is killed as it sends a part."""
    url, meetings.SILENCE, job_store._PULSE = f"{URL}/kept", 4.0, 0.5
    small_parts(1 << 17)
    if RANK == 0:
        reference.save(url, OLD)
    multihost_utils.sync_global_devices("begun")
    with at_part(3, lambda _: os.kill(os.getpid(), signal.SIGKILL)) if LAST else contextlib.nullcontext():
        tell("killed", error=caught(lambda: reference.save(url, big())))
    leave()


def not_shared():
    """A store whose objects no two processes can write."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        reference.save(f"{URL}/first", big())
    tell("end", said=[str(each.message) for each in found])


if __name__ == "__main__":
    globals()[WHAT]()
