"""One process of a jax.distributed job, started by test_processes.py: `one_process.py RANK COUNT PORT FOLDER`.

Prints one line for each thing it did, as JSON.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

RANK, COUNT, PORT = map(int, sys.argv[1:4])
FOLDER = Path(sys.argv[4])
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.experimental.multihost_utils
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference.checkpointer import StreamingCheckpointer
from reference.devices import device_to_host
from reference.differences.comparison import compare
from reference.storage.local_files import FileSource

P = PartitionSpec
jax.config.update("jax_cpu_collectives_implementation", "gloo")  # the default of newer versions
jax.distributed.initialize(f"localhost:{PORT}", COUNT, RANK, initialization_timeout=1800)
MESH = Mesh(np.array(jax.devices()).reshape(COUNT, 2), ("process", "local"))
SPECS = [P(), P("process"), P("local"), P(None, "process"), P("process", "local"), P(("local", "process"))]


def name_of(spec):
    return str(spec).replace("PartitionSpec", "P")  # as newer versions write it


def spread(array, spec):
    sharding = NamedSharding(MESH, spec)
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


def tree():
    """The same in all processes, as host arrays."""
    random = np.random.default_rng(0)
    leaves = {name_of(spec): random.standard_normal((16, 64)).astype(np.float32) for spec in SPECS}
    return {"layers": leaves, "step": 3, "table": np.arange(5), "empty": np.zeros((0, 4), np.float32)}


def placed():
    leaves = {name_of(spec): spread(tree()["layers"][name_of(spec)], spec) for spec in SPECS}
    return {**tree(), "layers": leaves, "empty": spread(tree()["empty"], P("process"))}


def tell(name, **facts):
    print(json.dumps({"name": name, **facts}), flush=True)


def caught(function):
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def saves():
    for name, float_dtype in (("plain", None), ("cast", "bf16")):
        path = FOLDER / name
        reference.save(path, placed(), float_dtype)
        tell(f"save {name}", there=path.exists())
    reference.save(FOLDER / "first", placed(), writers="first")
    tell("save first", there=(FOLDER / "first").exists())
    job = reference.save(FOLDER / "background", placed(), "bf16", blocking=False)
    job.wait()
    tell("save background", there=(FOLDER / "background").exists())
    sealed = {"format": "2.0", "metadata": {"step": 3}, "digests": True}
    reference.save(FOLDER / "sealed", placed(), **sealed)
    reference.save(FOLDER / "sealed behind", placed(), blocking=False, **sealed).wait()
    like = placed()["layers"]
    found = reference.load(FOLDER / "sealed", "layers", like=like)
    parts = [(here.data, there.data) for name in like for here, there in _shards(found[name], like[name])]
    tell("load sealed", right=all(np.array_equal(a, b) for a, b in parts), parts=len(parts))


def _shards(found, wanted):
    return zip(found.addressable_shards, wanted.addressable_shards, strict=True)


def errors():
    path = FOLDER / "kept"
    reference.save(path, placed())
    big = {str(i): spread(np.full((COUNT, 1 << 16), i, np.float32), P("process")) for i in range(8)}
    device_to_host.LOOK = 1 << 19
    if RANK == 0:  # a disk that is full half-way
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    tell("error of the writer", error=caught(lambda: reference.save(path, big)))
    tell("error of the only writer", error=caught(lambda: reference.save(path, big, writers="first")))
    tell("error in the background", error=caught(lambda: reference.save(path, big, blocking=False).wait()))
    if RANK == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    gone = placed()
    if RANK == COUNT - 1:
        gone["table"] = {"x": object()}
    tell("error of another", error=caught(lambda: reference.save(path, gone)))
    other = {**placed(), **({"more": 1} if RANK == 1 else {})}
    tell("different trees", error=caught(lambda: reference.save(path, other)))
    tell("no folder", error=caught(lambda: reference.save(FOLDER / "none" / "x", placed())))
    like = placed()["layers"]
    name = "none" if RANK == 1 else "plain"
    tell("no file", error=caught(lambda: reference.load(FOLDER / name, "layers", like=like)))
    tell("mismatch", error=caught(lambda: reference.load(FOLDER / "plain", like={"w": like["P()"]}, include="s*")))


def errors_of_others():
    """Each in one process that does not write, and after each a save that all have to come to again."""
    path = FOLDER / "after"
    last = RANK == COUNT - 1
    tree = {"a": spread(np.ones((COUNT, 8), np.float32), P("process")), "b": np.ones(3)}

    def fails(leaf):
        raise RuntimeError("out of luck")

    whole = jax.jit(lambda x: x, out_shardings=NamedSharding(MESH, P()))
    gather = {"a": lambda x: np.asarray(whole(x)), "b": fails if last else np.asarray}
    save = StreamingCheckpointer.save_train_state_to_file
    tell("a gather function", error=caught(lambda: save(tree, path, gather)))
    tell("after a gather function", error=caught(lambda: save(tree, path, {**gather, "b": np.asarray})))
    checkpointer = StreamingCheckpointer({}, FOLDER / "trainer", enable=RANK == 0)
    state = SimpleNamespace(step=3, params={"params": tree})
    bad = {"loss": object()} if RANK == 0 else None
    tell("a sidecar", error=caught(lambda: checkpointer.save_all(state, None, bad)))
    tell("after a sidecar", error=caught(lambda: checkpointer.save_all(state, None, {"loss": 1.0})))
    gone = dict(tree, a=spread(np.ones((COUNT, 8), np.float32), P("process")))
    if last:
        gone["a"].delete()
    tell("a deleted array", error=caught(lambda: reference.save(path, gone)))
    big = {str(i): spread(np.ones((COUNT, 1 << 16), np.float32), P("process")) for i in range(8)}
    gathered = device_to_host.LeafArray.gather

    def gather_until(leaf):
        gathered(leaf)
        if last and leaf.nbytes == big["0"].nbytes:
            raise RuntimeError("no memory")

    device_to_host.LeafArray.gather = gather_until
    first = {"writers": "first"}
    tell("a gather", error=caught(lambda: reference.save(path, big, **first)))
    tell("a gather in the background", error=caught(lambda: reference.save(path, big, blocking=False, **first).wait()))
    device_to_host.LeafArray.gather = gathered
    tell("after a gather", error=caught(lambda: reference.save(path, tree)))


def trainers():
    """The trainers' class, enabled in every process: with folders of their own, and with one for all."""
    whole = jax.jit(lambda x: x, out_shardings=NamedSharding(MESH, P()))
    state = SimpleNamespace(step=3, params={"params": placed()["layers"]})
    gather = SimpleNamespace(params={"params": {name: lambda x: jax.device_get(whole(x)) for name in tree()["layers"]}})
    for functions in (None, gather):
        for blocking in (True, False):
            way = f"{'plain' if functions is None else 'functions'} {'now' if blocking else 'later'}"
            for folder in (f"{way} of {RANK}", f"{way} of all"):
                checkpointer = StreamingCheckpointer({"float_dtype": ""}, FOLDER / folder / "run")
                saving = checkpointer.save_all(state, functions, {"rank": RANK}, blocking=blocking)
                if saving is not None:
                    saving.wait()
            there = (FOLDER / f"{way} of all" / "run" / "metadata.json").exists()
            tell(f"trainer {way}", there=there)
    bad = {"rank": object()} if RANK == 0 else {}
    checkpointer = StreamingCheckpointer({"float_dtype": ""}, FOLDER / "bad")
    late = lambda: checkpointer.save_all(state, gather, bad, blocking=False).wait()
    tell("a sidecar in the background", error=caught(late))
    checkpointer.save_json({"rank": RANK}, f"said by {RANK}.json")


def loads():
    for spec in SPECS:
        target = jax.ShapeDtypeStruct((16, 64), np.float32, sharding=NamedSharding(MESH, spec))
        like = {"layers": {name_of(other): target for other in SPECS}}
        loaded = reference.load(FOLDER / "plain", like=like, include="layers/*")
        right = all(
            np.array_equal(np.asarray(shard.data), tree()["layers"][key][shard.index])
            for key, array in loaded["layers"].items()
            for shard in array.addressable_shards
        )
        tell(f"load {name_of(spec)}", right=right)


def typed_keys():
    """Saved and resumed: replicated, and spread over the processes; as arrays, and as structs."""

    def make():
        key = jax.random.key(1)
        rbg = jax.random.key(2, impl="rbg")
        return {"one": key, "rows": jax.random.split(rbg, COUNT * 4), "both": jax.random.split(key, (COUNT, 2, 3))}

    specs = {"one": P(), "rows": P(("process", "local")), "both": P("process", "local")}
    keys = jax.jit(make, out_shardings={name: NamedSharding(MESH, spec) for name, spec in specs.items()})()
    reference.save(FOLDER / "keys", keys, format="2.0")
    structs = jax.tree.map(lambda key: jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=key.sharding), keys)
    for kind, like in (("arrays", keys), ("structs", structs)):
        found = reference.load(FOLDER / "keys", like=like)
        same = [
            a.dtype == b.dtype and np.array_equal(jax.random.key_data(a), jax.random.key_data(b))
            for name in keys
            for a, b in ((here.data, there.data) for here, there in _shards(found[name], keys[name]))
        ]
        places = all(found[name].sharding == keys[name].sharding for name in keys)
        tell(f"keys as {kind}", right=all(same) and places, parts=len(same))


def kept():
    """The last two of four, of which one is written in the background; and one that comes before them."""
    checkpoints = reference.Checkpoints(FOLDER / "run", keep=2)
    for step in range(4):
        saving = checkpoints.save(step, placed(), format="2.0", blocking=step != 2)
        if saving is not None:
            saving.wait()
        tell(f"kept {step}", steps=checkpoints.steps())
    tell("kept before", error=caught(lambda: checkpoints.save(1, placed())))


def counted():
    array = np.arange(1024 * 4096, dtype=np.float32).reshape(1024, 4096)
    if RANK == 0:
        reference.save(FOLDER / "large", {str(i): array for i in range(2)})
    jax.experimental.multihost_utils.sync_global_devices("written")
    read = []
    read_into = FileSource.read_into
    FileSource.read_into = lambda self, at, view: (read.append(len(view)), read_into(self, at, view))[1]
    for spec in (P("process"), P(None, "process"), P()):
        read.clear()
        target = jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=NamedSharding(MESH, spec))
        reference.load(FOLDER / "large", like={"0": target, "1": target})
        tell(f"counted {name_of(spec)}", share=sum(read) / (2 * array.nbytes))


def differences():
    """What a process can do alone with the arrays of all."""
    layers = {key: value for key, value in placed()["layers"].items() if key == "P()"}
    found = compare(f"{FOLDER}/plain", {"layers": layers}, include="layers/P()")
    tell("compare replicated", equal=found.count("equal"), pairs=len(found.pairs))
    tell("compare spread", error=caught(lambda: compare(f"{FOLDER}/plain", placed())))


saves()
differences()
errors()
errors_of_others()
trainers()
loads()
typed_keys()
kept()
counted()
tell("end", right=True)
