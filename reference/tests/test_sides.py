"""Trees are sides of a difference as files are: numpy or jax arrays, on one device or many, a piece at a time."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from reference import delta
from reference.differences.comparison import CHANGED, EQUAL
from reference.format.errors import FormatError
from reference.tests.states import train_state

MESH = Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b"))
SPECS = [PartitionSpec(), PartitionSpec("a"), PartitionSpec(None, "b"), PartitionSpec("b", "a")]


def trees():
    """A base and a target as numpy arrays, of many dtypes."""
    rng = np.random.default_rng(0)
    base = {"layers": {}, "name": "llama", "step": 7, "flag": np.array([True, False])}
    dtypes = [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.int32, np.uint8, np.complex64]
    base["layers"] = {np.dtype(d).name: (50 * rng.standard_normal((16, 32))).astype(d) for d in dtypes}
    kept = ("float8_e4m3fn",)  # no numbers that can be subtracted
    tuned = {key: leaf if key in kept else (leaf * leaf.dtype.type(2)) for key, leaf in base["layers"].items()}
    return base, {**base, "layers": tuned}


def placed(tree, spec):
    """The tree with its matrices on devices."""
    place = lambda x: jax.device_put(x, NamedSharding(MESH, spec)) if np.ndim(x) == 2 else x
    return {**tree, "layers": {key: place(leaf) for key, leaf in tree["layers"].items()}}  # jax's map would sort them


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sides")
    for name, tree in zip(("base", "target"), trees(), strict=True):
        reference.save(made / name, tree)
    delta.subtract(f"{made}/base", f"{made}/target", made / "difference")
    delta.add(f"{made}/base", f"{made}/difference", made / "sum")
    delta.diff(f"{made}/base", f"{made}/target", made / "delta")
    return made


def sides(folder, name):
    """A side as a file, as numpy arrays, and as jax arrays of every sharding."""
    tree = reference.load(folder / name)
    return [str(folder / name), folder / name, tree, *(placed(tree, spec) for spec in SPECS)]


@pytest.mark.parametrize("kind", range(7))
@pytest.mark.parametrize("turned", [False, True])
def test_every_kind_of_side_gives_the_same_bytes(kind, turned, folder, tmp_path):
    """Beside a file, and beside its own kind."""
    base, target, difference = (sides(folder, name)[kind] for name in ("base", "target", "difference"))
    if turned:
        base = folder / "base"
    out = tmp_path / "out"
    delta.subtract(base, target, out)
    assert out.read_bytes() == (folder / "difference").read_bytes()
    delta.add(base, difference, out)
    assert out.read_bytes() == (folder / "sum").read_bytes()
    delta.diff(base, target, out)
    assert out.read_bytes() == (folder / "delta").read_bytes()
    delta.recover(base, folder / "delta", out)
    assert out.read_bytes() == (folder / "target").read_bytes()


def test_a_comparison_is_the_same_for_every_kind_of_side(folder):
    wanted = delta.compare(f"{folder}/base", f"{folder}/target")
    assert (wanted.count(EQUAL), wanted.count(CHANGED)) == (4, 6)
    for base, target in zip(sides(folder, "base"), sides(folder, "target"), strict=True):
        found = delta.compare(base, target)
        assert [pair[:2] + pair[4:] for pair in found.pairs] == [pair[:2] + pair[4:] for pair in wanted.pairs]
        assert delta.compare(base, folder / "base").count(EQUAL) == 10
    assert delta.compare(folder / "base", trees()[0]).kinds == ("stream", "tree")
    assert delta.compare(placed(trees()[0], SPECS[1]), folder / "base", include="layers/f*").count(EQUAL) == 3


def test_values_of_trees_are_shown_as_those_of_files():
    a = {"x": np.float32(1.5), "s": "a" * 100 + "b", "t": b"\0", "n": None, "j": jnp.asarray(2)}
    b = {"x": np.float32(2.5), "s": "a" * 100 + "c", "t": b"\1", "n": {}, "j": jnp.asarray(3)}
    found = {pair.path[0]: pair.values for pair in delta.compare(a, b).pairs}
    assert found["x"] == ("1.5", "2.5")
    assert found["s"] == (f"...{'a' * 16 + 'b'!r}", f"...{'a' * 16 + 'c'!r}")
    assert found["t"] == ("b'\\x00'", "b'\\x01'")
    assert found["j"] == ("2", "3")


def test_a_state_is_equal_to_what_is_saved_of_it(tmp_path):
    """Its empty nodes are left out on both sides."""
    state = train_state("chain")
    reference.save(tmp_path / "state", state)
    found = delta.compare(tmp_path / "state", state)
    assert found.count(EQUAL) == len(found.pairs) == len(reference.scan(tmp_path / "state"))
    delta.diff(state, train_state("chain", 1), tmp_path / "delta")
    delta.recover(tmp_path / "state", tmp_path / "delta", tmp_path / "out")
    reference.save(tmp_path / "wanted", train_state("chain", 1))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "wanted").read_bytes()


def test_what_is_no_tree_and_what_is_no_leaf_are_refused_by_name(tmp_path):
    tree = {"a": jnp.ones(3)}
    for work in (lambda x: delta.compare(x, tree), lambda x: delta.subtract(tree, x, tmp_path / "out")):
        with pytest.raises(FormatError, match="a tree is a map, list or tuple, not a float"):
            work(1.5)
        with pytest.raises(FormatError, match="leaf a/k"):
            work({"a": {"k": jax.random.key(0)}})
    with pytest.raises(FormatError, match=r"a value inside jax.jit or grad has no elements .*leaf a"):
        jax.jit(lambda x: delta.compare({"a": x}, tree))(jnp.ones(3))
    gone = {"a": jnp.ones(3)}
    gone["a"].delete()
    with pytest.raises(ValueError, match="a: this array has been deleted"):
        delta.subtract(tree, gone, tmp_path / "out")
    assert not (tmp_path / "out").exists()


MEASURE = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
import reference
from reference import delta
from reference.devices import shards
from reference.tests.memory import Meter

folder, platform = sys.argv[1:]
shards._HOST = platform
sharding = NamedSharding(Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b")), P("a", "b"))
make = jax.jit(lambda i: jnp.full((2048, 4096), i, jnp.float32), out_shardings=sharding)
work = [
    lambda tree: delta.compare(tree, folder + "/base").count("changed"),
    lambda tree: delta.subtract(folder + "/base", tree, folder + "/difference", backend="numpy").values,
    lambda tree: delta.add(tree, folder + "/difference", folder + "/sum", backend="numpy").nbytes,
    lambda tree: len(delta.diff(folder + "/base", tree, folder + "/delta", jobs=2).changed),
    lambda tree: len(delta.recover(tree, folder + "/back", folder + "/out", jobs=2).items),
]
small = {"0": make(0)}  # compile, and load what is loaded late
reference.save(folder + "/base", {"0": make(1)})
delta.diff(small, folder + "/base", folder + "/back")
for each in work:
    each(small)
tree = {str(i): make(i) for i in range(8)}
jax.block_until_ready(tree)
reference.save(folder + "/base", {str(i): make(i + 1) for i in range(8)})
delta.diff(tree, folder + "/base", folder + "/back")
for each in work:
    meter = Meter()
    assert each(tree)
    print(meter.peak() // 1024)
"""


@pytest.mark.parametrize("platform", ["cpu", "none"])
@pytest.mark.slow
def test_pieces_of_arrays_leave_the_devices(platform, tmp_path):
    arguments = [sys.executable, "-c", MEASURE, str(tmp_path), platform]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    # MiB, of 8 leaves of 32 each. On "devices", which are the host too, there are copies of the three leaves that two
    # threads have under way, and as much of the host's own.
    assert max(map(int, run.stdout.split())) < (110 if platform == "cpu" else 280), run.stdout
