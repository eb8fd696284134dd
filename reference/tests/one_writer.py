"""One process of a job that writes one file: `one_writer.py RANK COUNT PORT FOLDER DEVICES WHAT`.

Prints one line for each thing it did, as JSON. What else such processes do stands in `writer_objects`, `writer_faults`
and `random_faults`, which take from here what they begin with.
"""

import itertools
import json
import os
import sys
import time
from pathlib import Path

RANK, COUNT, PORT = map(int, sys.argv[1:4])
FOLDER, DEVICES, WHAT = Path(sys.argv[4]), int(sys.argv[5]), sys.argv[6]
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import ml_dtypes
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.devices import exchange_plans, shares
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


def fails(number):
    def act():
        raise OSError(number, os.strerror(number))

    return act


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


def small_parts(n):
    """Parts of an upload of `n` bytes, and pieces that are given to another device of a fourth of that."""
    from reference.storage import object_outputs, object_parts  # the lowest versions have no obstore

    object_outputs.PART, object_parts.LEAST, exchange_plans.PIECE = n, n // 2, n // 4


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


if __name__ == "__main__":
    globals()[WHAT]()
