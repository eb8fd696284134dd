"""One process of a job that loads from a web server: `one_reader.py RANK COUNT PORT FOLDER DEVICES WHAT URL WHICH`.

The server shows the files of the folder. Prints one line for each thing it did, as JSON.
"""

import errno
import itertools
import os
import random
import signal
import sys

import jax
import numpy as np
from jax.experimental.multihost_utils import sync_global_devices
from jax.sharding import NamedSharding

import reference
from reference.devices import job_store, meetings, replicas
from reference.tests.moments import Moments
from reference.tests.one_writer import COUNT, FOLDER, LAST, RANK, WHAT, P, caught, fails, host_tree, leave, meshes, tell

URL = sys.argv[7]
WAYS = {"plain": {}, "sealed": {"format": "2.0"}}
read_parts, program = replicas._parts, replicas._program


def address(name):
    return f"{URL}/{name}?process={RANK}"


def struct(array, mesh, spec, dtype=None):
    return jax.ShapeDtypeStruct(array.shape, dtype or array.dtype, sharding=NamedSharding(mesh, spec))


def placed_as(loaded, wanted):
    """Whether each part stands where it is wanted, with these bytes."""
    return all(
        loaded[key].sharding.is_equivalent_to(each.sharding, each.ndim)
        and all(
            np.asarray(shard.data).tobytes() == np.ascontiguousarray(array[shard.index]).tobytes()
            for shard in loaded[key].addressable_shards
        )
        for key, (each, array) in wanted.items()
    )


def same_arrays():
    """Arrays of any sharding and dtype, of which whatever processes hold alike is read once."""
    replicas.LEAST, replicas.LOOK = 1, 1 << 14
    specs = {"all": P(), "a": P("a"), "b": P(None, "b"), "both": P("a", "b"), "uneven": P(), "long": P()}
    cuts = {"uneven": lambda array: array[:5, :3, :7], "long": lambda array: array.reshape(-1, 3)[:-1]}
    tree = {f"{key} {i}": array for key, each in host_tree().items() if "P" in key for i, array in each.items()}
    by_dtype = {str(array.dtype): array for array in tree.values() if array.ndim > 1}
    whole = {
        f"{dtype} {name}": cuts.get(name, lambda array: array)(array)
        for (dtype, array), name in itertools.product(by_dtype.items(), specs)
    }
    if RANK == 0:
        for way, options in WAYS.items():
            reference.save(FOLDER / way, whole, **options)
    sync_global_devices("saved")
    chosen = itertools.product(meshes(), WAYS, (None, "bfloat16"))
    for (mesh_name, mesh), way, cast in itertools.islice(chosen, None if sys.argv[8] == "all" else 2):
        wanted = {}
        for key, array in whole.items():
            is_cast = cast is not None and array.dtype == np.float32
            new = reference.format.casts.convert(array.reshape(-1), jax.numpy.dtype(cast)) if is_cast else array
            like = struct(array, mesh, specs[key.split()[1]], jax.numpy.dtype(cast) if is_cast else None)
            wanted[key] = like, new.reshape(array.shape)
        once = []
        replicas._parts = lambda *given, once=once: (once.append(given), read_parts(*given))[1]
        # The second of each two as accelerators do it; which this processor can do too, while nobody is killed.
        replicas._program = lambda mesh, axis, n, _, host=cast is None: program(mesh, axis, n, host)
        loaded = reference.load(address(way), like={key: like for key, (like, _) in wanted.items()})
        tell(f"{mesh_name} {way} {cast}", right=placed_as(loaded, wanted), once=len(once), leaves=len(whole))
    replicas._parts, replicas._program = read_parts, program
    tell("dtypes", names=list(by_dtype))


def large(n=6, shape=(1024, 1280)):
    mesh = next(meshes())[1]
    whole = {str(i): np.full(shape, i, np.float32) for i in range(n)}
    return whole, {key: struct(array, mesh, P()) for key, array in whole.items()}


def counted():
    """How many leaves of 5 MiB are read once, and how many bytes of each file."""
    whole, like = large()
    for way, options in WAYS.items():
        if RANK == 0:
            reference.save(FOLDER / f"large_{way}", whole, **options)
    sync_global_devices("large saved")
    for way in WAYS:
        loaded = reference.load(address(f"large_{way}"), like=like)
        nbytes = sum(array.nbytes for array in whole.values())
        tell(f"counted {way}", nbytes=nbytes, right=placed_as(loaded, {key: (like[key], whole[key]) for key in like}))


def at_part(n, act):
    """Do something in the last process when it reads its part of the n-th leaf."""
    numbers = itertools.count(1)

    def counted(*given):
        if LAST and next(numbers) == n:
            act()
        return read_parts(*given)

    replicas._parts = counted


def faults():
    whole, like = large()
    if RANK == 0:
        reference.save(FOLDER / "kept", whole, format="2.0")
    sync_global_devices("kept")
    path = address("kept")
    interrupt = lambda: signal.raise_signal(signal.SIGINT)
    for name, act in (("broken", fails(errno.EIO)), ("interrupt", interrupt)):
        for n in (1, 4):
            at_part(n, act)
            error = caught(lambda: reference.load(path, like=like))
            replicas._parts = read_parts
            tell(f"{name} {n}", error=error, after=caught(lambda: reference.load(path, like=like)))
    for name, data in {"cut": lambda data: data[:-8], "flipped": flipped}.items():
        if RANK == 0:
            (FOLDER / name).write_bytes(data((FOLDER / "kept").read_bytes()))
        sync_global_devices(name)
        tell(name, error=caught(lambda name=name: reference.load(address(name), like=like)))
    mine = {**like, "1": struct(whole["1"], next(meshes())[1], P("a"))} if LAST else like
    loaded = reference.load(path, like=mine)
    tell("different", right=placed_as(loaded, {key: (mine[key], whole[key]) for key in mine}))
    here = str(FOLDER / "kept") if LAST else path
    loaded = reference.load(here, like=like)
    tell("a copy on its disk", right=placed_as(loaded, {key: (like[key], whole[key]) for key in like}))
    if LAST:
        tell("no file", error=caught(lambda: reference.load(FOLDER / "none", like=like)))
    else:
        tell("no file", error=caught(lambda: reference.load(path, like=like)))


def flipped(data):
    """A wrong byte in what the last process reads of the last leaf."""
    damaged = bytearray(data)
    damaged[data.rindex(np.full(64, 5, np.float32).tobytes())] ^= 1
    return bytes(damaged)


def loads():
    same_arrays()
    counted()
    faults()
    tell("end")


def killed():
    """A process is killed in the midst of a load."""
    meetings.SILENCE, job_store._PULSE = 4.0, 0.5
    whole, like = large()
    if RANK == 0:
        reference.save(FOLDER / "large", whole)
    sync_global_devices("saved")
    at_part(int(sys.argv[8]), lambda: os.kill(os.getpid(), signal.SIGKILL))
    tell("killed", error=caught(lambda: reference.load(address("large"), like=like)))
    leave()


def at_random():
    """Interrupts at random moments in random processes, and then one is killed at one."""
    choose = random.Random(int(sys.argv[8]))
    whole, like = large()
    if RANK == 0:
        reference.save(FOLDER / "large", whole, format="2.0")
    sync_global_devices("saved")
    load = lambda: reference.load(address("large"), like=like)
    load()
    for kind in [signal.SIGINT] * 9 + [signal.SIGKILL]:
        victim, when = choose.randrange(1 if kind == signal.SIGKILL else 0, COUNT), choose.random()
        with Moments(kind) as practised:
            load()
        sync_global_devices("begin")
        if kind == signal.SIGKILL:
            meetings.SILENCE, job_store._PULSE = 6.0, 0.5
        with Moments(kind, 1 + int(when * practised.seen) if victim == RANK else None) as chosen:
            said = caught(load)
        facts = {"said": said, "victim": victim, "struck": chosen.struck}
        if kind == signal.SIGKILL:
            tell(f"{kind!r} in {victim} at {when:.3f}", **facts)
            leave()
        tell(f"{kind!r} in {victim} at {when:.3f}", **facts, after=caught(load))


if __name__ == "__main__":
    globals()[WHAT]()
