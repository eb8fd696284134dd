"""What the tests of orbax folders save by orbax itself, and how they compare it."""

import jax
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from reference.format.keypaths import display

orbax = pytest.importorskip("orbax.checkpoint")
if tuple(map(int, orbax.__version__.split(".")[:2])) < (0, 11):
    pytest.skip(f"orbax {orbax.__version__} writes other folders; 0.11 and newer are tried", allow_module_level=True)

BF16 = ml_dtypes.bfloat16
rng = np.random.default_rng(3)


def tree():
    return {
        "params": {
            "dense": {"kernel": rng.normal(size=(6, 8)).astype(np.float32), "bias": np.arange(8, dtype=BF16)},
            "layers": [{"w": np.arange(4, dtype=np.int32)}, {"w": np.ones(3, np.float16)}],
            "pair": (np.zeros((2, 1), np.int8), np.array([True, False])),
        },
        "step": 7,
        "rate": 0.25,
        "scalar": np.float32(1.5),
        "nothing": None,
        "empty": {},
        "name": "a run",
        "zero-d": np.array(3, np.uint8),
    }


def flat(value, path=()):
    """Leaves by display forms; lists and tuples as maps, as streams have them."""
    if isinstance(value, list | tuple):
        value = {str(i): each for i, each in enumerate(value)}
    if isinstance(value, dict) and value:
        return {name: leaf for key, each in value.items() for name, leaf in flat(each, (*path, str(key))).items()}
    return {display(path): value}


def same(a, b):
    assert sorted(a) == sorted(b)
    for name in a:
        if isinstance(a[name], np.ndarray | jax.Array):
            one, other = np.asarray(a[name]), np.asarray(b[name])
            assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes()), name
        else:
            assert (type(a[name]), a[name]) == (type(b[name]), b[name]), name


def save_by_orbax(folder, value, ocdbt=True, **options):
    with orbax.Checkpointer(orbax.PyTreeCheckpointHandler(use_ocdbt=ocdbt, **options)) as checkpointer:
        checkpointer.save(folder, args=orbax.args.PyTreeSave(value))


def restored(folder, *target):
    with orbax.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(folder, *target)


def over_devices(*spec):
    mesh = Mesh(np.array(jax.devices()[:8]).reshape(4, 2), ("a", "b"))
    return NamedSharding(mesh, PartitionSpec(*spec))
