"""One process of a job in which things go wrong: `random_faults.py RANK COUNT PORT FOLDER DEVICES WHAT SEED TARGET`.

Some saves fail by an error of the disk or the bucket, or by an interrupt, in one process at a moment that the seed
chooses, and in the last of them that process is killed. Prints a line for each, as JSON.
"""

import errno
import os
import random
import signal
import sys

import numpy as np
from jax.experimental import multihost_utils

import reference
from reference.devices import job_store, meetings, shared_arrays
from reference.tests.moments import Moments
from reference.tests.one_writer import COUNT, OLD, RANK, big, caught, leave, small_parts, tell

SEED, TARGET = int(sys.argv[7]), sys.argv[8]
WAYS = [{}, {"format": "2.0"}, {"float_dtype": "bf16"}, {"blocking": False}]
CALLS = ["open", "ftruncate", "writev", "fsync", "link", "rename", "replace"]


def save(options, value=1.0):
    saving = reference.save(TARGET, big(value), **options)
    if saving is not None:
        saving.wait()


def moments(kind, n=None):
    if "://" not in TARGET:
        return Moments(kind, n, [(os, name) for name in CALLS])
    from reference.storage.shared_objects import SharedObject

    return Moments(kind, n, [(SharedObject, "_asked")])


def what_stands():
    found = reference.load(TARGET)
    if list(found) == list(OLD):
        return "old" if np.array_equal(found["w"], OLD["w"]) else "neither"
    return (
        "new"
        if all(float(leaf.min()) == float(leaf.max()) == 1 + int(key) for key, leaf in found.items())
        else "neither"
    )


def main():
    choose, shared_arrays.LOOK = random.Random(SEED), 1 << 19
    small_parts(1 << 17)
    kinds = [errno.EIO, errno.ENOSPC, signal.SIGINT] * 3
    choose.shuffle(kinds)
    for number, kind in enumerate([*kinds, signal.SIGKILL]):
        victim, options, when = choose.randrange(COUNT), choose.choice(WAYS), choose.random()
        if victim == 0 and kind == signal.SIGKILL:
            victim = COUNT - 1  # process 0 takes the store of the job with it, and jax then ends all others
        with moments(kind) as practised:  # to know how many moments there are
            save(options)
        if RANK == 0:
            reference.save(TARGET, OLD)
        multihost_utils.sync_global_devices(f"begin {number}")
        name = f"{number} {kind!r} in {victim} at {when:.3f} with {options}"
        facts = {"kind": int(kind), "victim": victim, "is_kill": kind == signal.SIGKILL}
        if kind == signal.SIGKILL:
            meetings.SILENCE, job_store._PULSE = 6.0, 0.5
        with moments(kind, 1 + int(when * practised.seen) if victim == RANK else None) as chosen:
            said = caught(lambda options=options: save(options))
        if kind == signal.SIGKILL:
            tell(name, said=said, **facts)
            leave()
        multihost_utils.sync_global_devices(f"end {number}")
        stands = what_stands()
        multihost_utils.sync_global_devices(f"seen {number}")
        again = caught(lambda options=options: save(options))
        multihost_utils.sync_global_devices(f"again {number}")
        tell(name, said=said, struck=chosen.struck, stands=stands, again=again, after=what_stands(), **facts)
        multihost_utils.sync_global_devices(f"told {number}")


if __name__ == "__main__":
    main()
