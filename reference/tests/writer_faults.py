"""One process of a job in which something goes wrong: `writer_faults.py RANK COUNT PORT FOLDER DEVICES WHAT ...`.

Prints one line for each thing that it was told, as JSON.
"""

import contextlib
import errno
import itertools
import json
import os
import signal
import sys

import numpy as np
from jax.experimental import multihost_utils

import reference
from reference.devices import job_store, meetings, shared_arrays
from reference.storage import shared_files, sinks
from reference.tests.one_writer import COUNT, FOLDER, LAST, OLD, RANK, WHAT, big, caught, fails, leave, tell


@contextlib.contextmanager
def at_write(n, act, where=COUNT - 1):
    """Do something in one process, the last if nothing is said, when it writes for the n-th time."""
    write, count = sinks.PlacedSink.write, itertools.count(1)

    def counted(self, data):
        if next(count) == n:
            act()
        write(self, data)

    if where == RANK:
        sinks.PlacedSink.write = counted
    try:
        yield
    finally:
        sinks.PlacedSink.write = write


def check_after(name, path, options):
    """Whether the old file is whole, nothing else is left, and the next save goes well."""
    multihost_utils.sync_global_devices(name)
    whole = np.array_equal(reference.load(path)["w"], OLD["w"]) if RANK == 0 else True
    left = [each.name for each in path.parent.iterdir() if each.name.startswith(".streamckpt")]
    multihost_utils.sync_global_devices(f"{name} looked at")
    reference.save(path, big(7.0), **options)
    good = all(float(leaf.min()) == 7 + int(key) for key, leaf in reference.load(path).items())
    multihost_utils.sync_global_devices(f"{name} loaded")
    if RANK == 0:
        reference.save(path, OLD)
    multihost_utils.sync_global_devices(f"{name} put back")
    tell(name + " after", whole=whole, left=left, good=good)


def faults():
    """What goes wrong in the last process, and what each is told."""
    shared_arrays.LOOK = 1 << 19
    path = FOLDER / "kept"
    if RANK == 0:
        reference.save(path, OLD)
    multihost_utils.sync_global_devices("begun")
    sealed = {"format": "2.0"}
    interrupt = lambda: signal.raise_signal(signal.SIGINT)
    for name, act in (("full", fails(errno.ENOSPC)), ("broken", fails(errno.EIO)), ("interrupt", interrupt)):
        for way, options in (("now", {}), ("sealed", sealed), ("later", {"blocking": False})):
            for n in (1, 6):
                if name == "interrupt" and way == "later":
                    continue

                def save(options=options):
                    saving = reference.save(path, big(), **options)
                    if saving is not None:
                        saving.wait()

                with at_write(n, act):
                    tell(f"{name} {way} {n}", error=caught(save))
                check_after(f"{name} {way} {n}", path, {} if way == "later" else options)
    tree = big()
    different = {
        "path": {"path": FOLDER / "other"},
        "float_dtype": {"float_dtype": "bf16"},
        "format": {"format": "2.0"},
        "format unknown": {"format": "9.9"},
        "metadata": {"format": "2.0", "metadata": {"rank": RANK}},
        "writers": {"writers": "first"},
        "blocking": {"blocking": False},
        "tree": {"tree": {**tree, "more": 1}},
        "sharding": {"tree": {**tree, "1": big()["0"]}},
        "value": {"tree": {**tree, "more": object()}},
    }
    for name, options in different.items():
        base = {"path": path, "tree": tree, **({"format": "2.0", "metadata": {}} if name == "metadata" else {})}
        chosen = {**base, **(options if LAST else {})}
        tell(f"different {name}", error=caught(lambda chosen=chosen: reference.save(**chosen)))
        check_after(f"different {name}", path, {})
    own = FOLDER / f"of {RANK}"
    own.mkdir()
    os.chdir(own)
    tell("apart", error=caught(lambda: reference.save("x", tree)), left=os.listdir(own))
    reference.save("x", tree, writers="first")
    tell("apart, first", there=os.listdir(own))
    os.chdir(FOLDER)
    if LAST:
        multihost_utils.sync_global_devices("the others have given up")
        tell("late", error=caught(lambda: reference.save(path, tree)))
    else:
        tell("late", error=caught(lambda: reference.save(path, tree, patience=1)))
        multihost_utils.sync_global_devices("the others have given up")
    check_after("late", path, {})
    tell("end")


def killed():
    """A process is killed in the midst of a save."""
    path, meetings.SILENCE, job_store._PULSE = FOLDER / "kept", 4.0, 0.5
    if RANK == 0:
        reference.save(path, OLD)
    multihost_utils.sync_global_devices("begun")
    where, kill = int(sys.argv[9]), lambda: os.kill(os.getpid(), signal.SIGKILL)
    with at_write(int(sys.argv[7]), kill, where):
        tell("killed", error=caught(lambda: reference.save(path, big(), **json.loads(sys.argv[8]))))
    leave()


def stopped():
    """Process 0 stops when the others wait for it alone, and is killed when they have told of it."""
    path, meetings.SILENCE = FOLDER / "kept", 4.0
    take_place, pid = shared_files.SharedFile.take_place, FOLDER / "pid"
    if RANK == 0:
        reference.save(path, OLD)
        pid.write_text(str(os.getpid()))
        shared_files.SharedFile.take_place = lambda *given: (os.kill(os.getpid(), signal.SIGSTOP), take_place(*given))
    multihost_utils.sync_global_devices("begun")
    tell("stopped", error=caught(lambda: reference.save(path, big())))
    os.kill(int(pid.read_text()), signal.SIGKILL)
    os._exit(0)


def forked():
    """A fork after a save in the background, and during one."""
    saving = reference.save(FOLDER / "x", big(), blocking=False)
    for when in ("during", "after"):
        if when == "after":
            saving.wait()
        for end in (os._exit, sys.exit):  # as multiprocessing has it, and as any program has
            child = os.fork()
            if child == 0:
                said = caught(lambda: reference.save(FOLDER / "y", big()))
                tell(f"child {when} {end.__name__}", error=said)
                end(3)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            tell(f"parent {when} {end.__name__}", status=status)
    reference.save(FOLDER / "x", big(3.0))
    tell("end", good=float(reference.load(FOLDER / "x")["0"].min()) == 3.0)


def at_exit():
    """A save in the background that fails while the program ends."""
    write = sinks.PlacedSink.write
    if LAST:
        sinks.PlacedSink.write = lambda self, data: fails(errno.ENOSPC)()
    reference.save(FOLDER / "x", big(), blocking=False)
    tell("end", same=write is not sinks.PlacedSink.write)


if __name__ == "__main__":
    globals()[WHAT]()
