"""One process of a job that writes one file: `one_writer.py RANK COUNT PORT FOLDER DEVICES WHAT`.

Prints one line for each thing it did, as JSON.
"""

import contextlib
import errno
import itertools
import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

RANK, COUNT, PORT = map(int, sys.argv[1:4])
FOLDER, DEVICES, WHAT = Path(sys.argv[4]), int(sys.argv[5]), sys.argv[6]
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import ml_dtypes
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.devices import exchange_plans, job_store, meetings, shared_arrays, shares
from reference.storage import sinks

P = PartitionSpec
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"localhost:{PORT}", COUNT, RANK, initialization_timeout=1800)

SPECS = [
    P(*axes)
    for axes in [
        (),
        ("a",),
        ("b",),
        (None, "a"),
        (None, "b"),
        ("a", "b"),
        ("b", "a"),
        (("a", "b"),),
        (None, ("b", "a")),
    ]
]
DTYPES = ["float32", "bfloat16", "int8", "bool", "float16", "complex64", "float8_e4m3fn", "int4"]
WAYS = {
    "plain": {},
    "cast": {"float_dtype": "bf16"},
    "sealed": {"format": "2.0", "metadata": {"step": 3}, "alignment": 4096},
    "sealed cast": {"format": "2.0", "float_dtype": "fp16"},
    "digests": {"format": "2.0", "digests": True},
    "first": {"writers": "first"},
}


def tell(name, **facts):
    print(json.dumps({"name": name, **facts}), flush=True)


def host_tree(specs=SPECS, shape=(16, 16, 24)):
    random, tree = np.random.default_rng(0), {"step": 3, "table": np.arange(5), "none": None}
    for number, spec in enumerate(specs):
        dtype = np.dtype(getattr(ml_dtypes, DTYPES[number % 8], DTYPES[number % 8]))
        values = (random.standard_normal(shape) * 4).astype(np.float32)
        tree[str(spec)] = {"w": values, "v": np.abs(values).astype(dtype), "b": values[:, 0, 0].copy()}
    tree["empty"] = np.zeros((0, 4), np.float32)
    return tree


def meshes():
    devices = np.array(jax.devices())
    yield "rows", Mesh(devices.reshape(COUNT, DEVICES), ("a", "b"))
    yield "columns", Mesh(devices.reshape(COUNT, DEVICES).T, ("a", "b"))
    yield "mixed", Mesh(devices.reshape(2, -1)[:, ::-1], ("a", "b"))


def placed(tree, mesh, specs=SPECS):
    def put(array, spec):
        sharding = NamedSharding(mesh, P(*spec[: array.ndim]))
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    found = dict(tree)
    for spec in specs:
        found[str(spec)] = {key: put(array, spec) for key, array in tree[str(spec)].items()}
    found["empty"] = put(tree["empty"], P("a"))
    return found


def caught(function):
    try:
        function()
    except (Exception, KeyboardInterrupt) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def same_bytes():
    """Files of every mesh and way, with what is a long run as it is, and so short that no leaf is small."""
    tree = host_tree()
    for least in (1 << 20, 256):
        shares.LEAST, exchange_plans.PIECE = least, 4 * least
        for (mesh_name, mesh), (way, options), blocking in itertools.product(meshes(), WAYS.items(), (True, False)):
            name = f"{least} {mesh_name} {way} {'now' if blocking else 'later'}"
            if way in ("digests", "first") and (least == 256 or mesh_name == "mixed"):
                continue
            arrays = placed(tree, mesh)
            saving = reference.save(FOLDER / name, arrays, blocking=blocking, **options)
            if saving is not None:
                for leaf in jax.tree.leaves(arrays):
                    if isinstance(leaf, jax.Array):
                        leaf.delete()
                saving.wait()
            tell(name, there=(FOLDER / name).exists())
        left = [path.name for path in FOLDER.iterdir() if path.name.startswith(".streamckpt")]
        tell(f"left {least}", names=left)
        checkpointer = StreamingCheckpointer({"float_dtype": "", "format": "2.0"}, FOLDER / f"run {least}")
        checkpointer.save_checkpoint(placed(tree, next(meshes())[1]), "state", blocking=False).wait()
    tell("end")


def alone():
    """What one process saves of the same tree in host memory."""
    for way, options in WAYS.items():
        reference.save(FOLDER / way, host_tree(), **{key: each for key, each in options.items() if key != "writers"})
    reference.save(FOLDER / "state", host_tree(), format="2.0")
    tell("end")


def big(value=1.0, n=8):
    """Half a MiB for each process in each of some leaves, of which every second one has to be exchanged."""
    mesh = next(meshes())[1]
    shape = (COUNT * DEVICES * 16, -(-2048 // (COUNT * DEVICES)) * COUNT * DEVICES)

    def leaf(i):
        sharding = NamedSharding(mesh, P(("a", "b")) if i % 2 else P(None, ("a", "b")))
        return jax.make_array_from_callback(shape, sharding, lambda index: np.full(shape, value + i, np.float32)[index])

    return {str(i): leaf(i) for i in range(n)}


LAST = RANK == COUNT - 1
OLD = {"w": np.arange(5)}


@contextlib.contextmanager
def at_write(n, act):
    """Do something in the last process when it writes for the n-th time."""
    write, count = sinks.PlacedSink.write, itertools.count(1)

    def counted(self, data):
        if next(count) == n:
            act()
        write(self, data)

    if LAST:
        sinks.PlacedSink.write = counted
    try:
        yield
    finally:
        sinks.PlacedSink.write = write


def fails(number):
    def act():
        raise OSError(number, os.strerror(number))

    return act


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


def counted():
    """What each process writes of a small LLaMA, as `benchmarks.many_writers` lays it out, and in how many rounds."""
    from benchmarks.many_writers import RULES, Model, mesh_of
    from reference.devices.exchanges import Exchanger

    shares.LEAST = int(sys.argv[7])
    model = Model(*json.loads(sys.argv[8]))
    sizes = mesh_of(COUNT, model.width, int(sys.argv[9]), DEVICES)
    mesh = Mesh(np.array(jax.devices()).reshape(*sizes.values()), tuple(sizes))
    tree = {}
    for path, (shape, dtype) in model.shapes().items():
        axes = next((RULES[key] for key in reversed(path) if key in RULES), ())
        sharding, zeros = NamedSharding(mesh, P(*axes)), np.zeros(shape, dtype)
        leaf = jax.make_array_from_callback(shape, sharding, lambda index, zeros=zeros: zeros[index])
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = leaf
    ranges, rounds = [], [0]
    at, write, run = sinks.PlacedSink.at, sinks.PlacedSink.write, Exchanger.run

    def noted_at(self, offset):
        at(self, offset)
        ranges.append([offset, 0])

    def noted_write(self, data):
        write(self, data)
        ranges[-1][1] += len(data)

    def noted_run(self, i):
        rounds[0] += 1
        return run(self, i)

    sinks.PlacedSink.at, sinks.PlacedSink.write, Exchanger.run = noted_at, noted_write, noted_run
    reference.save(FOLDER / "llama", tree)
    tell("end", ranges=ranges, rounds=rounds[0])


def small_parts(n):
    """Parts of an upload of `n` bytes, and pieces that are given to another device of a fourth of that."""
    from reference.storage import object_outputs, object_parts  # the lowest versions have no obstore

    object_outputs.PART, object_parts.LEAST, exchange_plans.PIECE = n, n // 2, n // 4


def same_objects():
    """Objects of every mesh, in all ways in which processes share one; without `all` a few of them."""
    url, tree = sys.argv[7], host_tree()
    small_parts(1 << 12)
    ways = ("sealed", "cast", "plain", "sealed cast")
    every = list(itertools.product(meshes(), ways, (True, False)))
    for (mesh_name, mesh), way, blocking in every if sys.argv[8] == "all" else every[::5]:
        name = f"{mesh_name} {way} {'now' if blocking else 'later'}"
        saving = reference.save(f"{url}/{name}", placed(tree, mesh), blocking=blocking, **WAYS[way])
        if saving is not None:
            saving.wait()
        tell(name, way=way)
    tell("end")


@contextlib.contextmanager
def at_part(n, act):
    """Do something when this process sends its n-th part."""
    from reference.storage.shared_objects import SharedObject

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


def object_faults():
    """What goes wrong while parts are sent, in one process or the other, and what each is told."""
    url, shared_arrays.LOOK = f"{sys.argv[7]}/kept", 1 << 19
    small_parts(1 << 17)
    old = {key: np.asarray(value) for key, value in OLD.items()}
    if RANK == 0:
        reference.save(url, old)
    multihost_utils.sync_global_devices("begun")

    def refused(shared):
        """By the server, which has no such bucket."""
        shared._asked(shared._client.upload_part, Body=b"", UploadId="none", PartNumber=1, Bucket="none")

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


def object_killed():
    """A process is killed as it sends a part."""
    url, meetings.SILENCE, job_store._PULSE = f"{sys.argv[7]}/kept", 4.0, 0.5
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
        reference.save(f"{sys.argv[7]}/first", big())
    tell("end", said=[str(each.message) for each in found])


def memory():
    """How much a save holds above the arrays, of which no process has a contiguous part: kB, after one to practise."""
    from reference.tests.memory import Meter

    mesh, shape = next(meshes())[1], (1 << 13, 1 << 12)
    sharding, zeros = NamedSharding(mesh, P(None, ("a", "b"))), np.zeros((1, 1), np.float32)
    part = sharding.shard_shape(shape)
    tree = {str(i): jax.make_array_from_callback(shape, sharding, lambda _: np.broadcast_to(zeros, part)) for i in "ab"}
    reference.save(FOLDER / "x", {"a": tree["a"]})
    meter = Meter()
    reference.save(FOLDER / "x", tree)
    tell("end", peak=meter.peak(), leaf=shape[0] * shape[1] * 4 >> 10)


def leave():
    """End while one process is gone, for which jax would wait; process 0 last of those that live.

    It takes the store of the job with it, and jax then aborts the others.
    """
    (FOLDER / f"told {RANK}").touch()
    for _ in range(1200):
        if RANK or len(list(FOLDER.glob("told *"))) >= COUNT - 1:
            break
        time.sleep(0.05)
    os._exit(0)


def killed():
    """The last process is killed in the midst of a save."""
    path, meetings.SILENCE, job_store._PULSE = FOLDER / "kept", 4.0, 0.5
    if RANK == 0:
        reference.save(path, OLD)
    multihost_utils.sync_global_devices("begun")
    with at_write(int(sys.argv[7]), lambda: os.kill(os.getpid(), signal.SIGKILL)):
        tell("killed", error=caught(lambda: reference.save(path, big(), **json.loads(sys.argv[8]))))
    leave()


def forked():
    """A fork after a save in the background, and during one."""
    saving = reference.save(FOLDER / "x", big(), blocking=False)
    for when in ("during", "after"):
        if when == "after":
            saving.wait()
        child = os.fork()
        if child == 0:
            said = caught(lambda: reference.save(FOLDER / "y", big()))
            tell(f"child {when}", error=said)
            os._exit(0)  # as multiprocessing does: what jax has registered for the end waits for threads of the parent
        tell(f"parent {when}", status=os.waitpid(child, 0)[1])
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
