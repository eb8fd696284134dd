"""What a save or load of device arrays takes beside the arrays themselves, and what a kill at any moment leaves."""

import os
import random
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import reference
from reference.tests.waiting import busy

MIB = 1 << 20
MEASURE = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
import reference
from reference.devices import shards
from reference.tests.memory import Meter

path, platform, leaves, rows, columns, spec, float_dtype = sys.argv[1:]
shards._HOST = platform
sharding = NamedSharding(Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b")), eval(spec))  # a literal of the test
make = jax.jit(lambda i: jnp.full((int(rows), int(columns)), i, jnp.float32), out_shardings=sharding)


reference.save(path, {"0": make(0)}, float_dtype or None)  # compile, and load what is loaded late
reference.load(path, like={"0": make(0)})
tree = {str(i): make(i) for i in range(int(leaves))}
jax.block_until_ready(tree)
meter = Meter()
reference.save(path, tree, float_dtype or None)
print("save", meter.peak() // 1024)
like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree)
del tree
meter = Meter()
loaded = jax.block_until_ready(reference.load(path, like=like))
print("load", (meter.peak() - meter.held()) // 1024)
assert all((np.asarray(loaded[key].addressable_shards[3].data) == float(key)).all() for key in loaded)
"""


def measured(path, platform, leaves, shape, spec, float_dtype=""):
    """MiB of memory that a save took above the start, and a load above what it loaded."""
    arguments = [str(path), platform, str(leaves), *map(str, shape), spec, float_dtype]
    run = subprocess.run([sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {name: int(n) for name, n in re.findall(r"(save|load) (-?\d+)", run.stdout)}


@pytest.mark.parametrize("spec", ["P(('a', 'b'))", "P(None, ('a', 'b'))"])
@pytest.mark.parametrize("platform", ["cpu", "none"])
@pytest.mark.slow
def test_many_sharded_leaves_take_less_than_two_of_them(spec, platform, tmp_path):
    found = measured(tmp_path / "x", platform, 12, (2048, 4096), spec)
    assert found["save"] < (
        64 if platform == "cpu" else 256
    )  # there two leaves on the host, and as many copies on "devices"
    assert found["load"] < 64


@pytest.mark.large
@pytest.mark.parametrize("float_dtype", ["", pytest.param("bf16", marks=pytest.mark.thorough)])
@pytest.mark.slow
def test_one_large_leaf_takes_some_pieces(float_dtype, tmp_path):
    found = measured(tmp_path / "x", "cpu", 1, (1 << 10, 3 << 17), "P('a', 'b')", float_dtype)  # 1.5 GiB
    assert found["save"] < 64
    assert found["load"] < 64


@pytest.mark.large
@pytest.mark.slow
def test_one_large_leaf_leaves_an_accelerator_in_pieces(tmp_path):
    found = measured(tmp_path / "x", "none", 1, (1 << 10, 1 << 18), "P('a')")  # 1 GiB
    assert found["save"] < 400  # two pieces of 64 MiB on the host, and as many on devices, which are the host here


LOOP = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax, numpy as np, reference
from jax.sharding import Mesh, NamedSharding, PartitionSpec
sharding = NamedSharding(Mesh(np.array(jax.devices()), ("x",)), PartitionSpec("x"))
number = int(sys.argv[2])
print("go", flush=True)
while True:
    number += 1
    tree = {str(i): jax.device_put(np.full((8, 1 << 14), number, np.float32), sharding) for i in range(20)}
    reference.save(sys.argv[1], tree, blocking=number % 2 == 0)
    print("saved", flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "x"
    reference.save(path, {str(i): np.zeros((8, 1 << 14), np.float32) for i in range(20)})
    chance = random.Random(20)
    number = 0
    for i in range(4):
        arguments = [sys.executable, "-c", LOOP, path, str(number)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "go\n"
            for _ in range(i % 4):
                assert process.stdout.readline() == "saved\n"
            busy(chance.randrange(20))
            process.send_signal(signal.SIGKILL)
        tree = reference.load(path)
        numbers = {float(leaf[0, 0]) for leaf in tree.values()}
        assert len(tree) == 20
        assert len(numbers) == 1
        assert all((leaf == leaf[0, 0]).all() for leaf in tree.values())
        number = int(numbers.pop())
    assert number > 0
    # A killed save may leave the name that its file had just before it took its place.
    assert all(name == "x" or name.startswith(".streamckpt-") for name in os.listdir(tmp_path))
