"""The public names: save, load, scan, open, records."""

import json
import os
import warnings

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.core import freeze
from flax.training.train_state import TrainState
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from fuzz.peers.loop import read, written
from fuzz.strategies import arrays, scalars, trees
from reference.format.errors import FormatError
from reference.tests.memory import Meter
from reference.tests.versions import flax_values

exact = trees(arrays() | scalars | flax_values)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints") / "x"


@given(exact, st.booleans())
def test_a_saved_tree_is_the_bytes_of_the_published_loop(path, tree, keep):
    try:
        reference.save(path, tree, keep_empty_nodes=keep)
    except FormatError as error:
        assert error.clause in ("TREE-3", "STREAM-3")
        return
    assert path.read_bytes() == written(tree, keep_empty_nodes=keep)
    with open(path, "rb") as file:
        theirs = read(file)
    assert same(reference.load(path), theirs)
    assert same(reference.load(path, mmap=True), theirs)


@given(exact)
def test_all_ways_of_reading_agree(path, tree):
    reference.save(path, tree)
    scanned = reference.scan(path)
    with reference.open(path) as checkpoint, reference.open(path, mmap=True) as mapped:
        assert [record.path for record in scanned] == list(checkpoint) == [p for p, _ in reference.records(path)]
        for key, value in reference.records(path):
            assert same(checkpoint[key], value)
            assert same(mapped[reference.KeyPath(key)], value)
            assert same(checkpoint[str(reference.KeyPath(key))], value)
        assert len(checkpoint) == len(scanned)


TREE = {"a": {"b": np.arange(5), "c": np.float32(2)}, "a/b": {"x": 1}, "z": np.zeros((2, 2), np.int8)}


def test_one_leaf_is_read_by_its_path(path):
    reference.save(path, TREE)
    with reference.open(path) as checkpoint:
        assert same(checkpoint["a/b"], TREE["a"]["b"])
        assert checkpoint["a\\/b/x"] == 1
        assert "a/c" in checkpoint
        assert ("a", "d") not in checkpoint
        assert checkpoint.record("z").shape == (2, 2)
        with pytest.raises(KeyError, match="a/d"):
            checkpoint["a/d"]


def test_a_leaf_that_was_let_go_is_gone_when_the_next_one_is_read(path):
    reference.save(path, {str(i): np.ones(1 << 23) for i in range(4)})
    meter = Meter()
    for _, leaf in reference.records(path):
        assert leaf.nbytes == 1 << 26
        del leaf
    assert meter.peak() < 1.5 * (1 << 16)  # kB: one leaf and not two


def test_a_subtree_is_loaded_alone(path):
    reference.save(path, TREE)
    assert same(reference.load(path, "a"), TREE["a"])
    assert same(reference.load(path, ("a/b",)), TREE["a/b"])
    for prefix in ("b", "a/b", ("a", "b", "c")):
        with pytest.raises(FormatError, match="asked for"):
            reference.load(path, prefix)


def test_prefixes_are_taken_in_either_place(path):
    reference.save(path, {"step": 1, "params": {"params": {"w": np.arange(3)}}, "opt_state": {"0": 2}})
    wanted = {"w": np.arange(3)}
    assert same(reference.load(f"trainstate_params::{path}"), wanted)
    assert same(reference.load(path, "trainstate_params::"), wanted)
    with pytest.raises(FormatError, match="trainstate_params::"):
        reference.load(f"params::{path}")
    with pytest.raises(ValueError, match="is not a load prefix"):
        reference.load(f"param::{path}")


def test_loaded_arrays_are_the_callers_own(path):
    reference.save(path, {"a": np.arange(5), "b": np.zeros(1 << 20)})
    tree = reference.load(path)
    tree["a"][0] = 7
    tree["b"][0] = 7
    assert tree["a"].flags.owndata
    assert reference.load(path)["a"][0] == 0
    mapped = reference.load(path, mmap=True)
    assert not mapped["b"].flags.writeable
    os.unlink(path)
    assert mapped["b"].sum() == 0  # the map outlives the name


def test_a_scan_says_what_and_where(path):
    reference.save(path, TREE)
    first = reference.scan(path)[0]
    assert (first.path, first.kind, first.dtype, first.shape, first.nbytes) == (
        ("a", "b"),
        "ndarray",
        np.int64,
        (5,),
        40,
    )
    (at, n), *_ = first.extents()
    assert path.read_bytes()[at : at + n] == np.arange(5).tobytes()


def test_a_leaf_that_cannot_be_written_leaves_the_old_file(path):
    reference.save(path, TREE)
    before = path.read_bytes()
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (1 << 32,), (0,))
    for tree, clause in (
        ({"a": 1, "b": huge}, "REC-3"),
        ({"a": 1, "b": object()}, "LEAF-1"),
        ({"a": np.array(["x"])}, "DTYPE-7"),
        ({}, "STREAM-3"),
        ({"a": {}}, "STREAM-3"),
        ({"\ud800": 1}, "WIRE-5"),
        (np.zeros(3), "TREE-1"),
    ):
        with pytest.raises(FormatError) as caught:
            reference.save(path, tree)
        assert caught.value.clause == clause
        assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_cast_that_overflows_warns(path):
    with pytest.warns(UserWarning, match="2 finite values became infinite in float16, the most of them in a"):
        reference.save(path, {"a": np.array([1e6, -1e6, 1.0])}, float_dtype="fp16")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reference.save(path, {"a": np.array([1e6, -1e6, 1.0])}, float_dtype="bf16")
    with pytest.raises(ValueError, match="bf17"):
        reference.save(path, TREE, float_dtype="bf17")


def test_flax_states_are_saved_as_the_loop_saves_them(path):
    model = nn.Dense(4)
    params = model.init(jax.random.key(0), jnp.ones((1, 3)))
    for tx in (optax.adamw(1e-3), optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 2)):
        state = TrainState.create(apply_fn=model.apply, params=params, tx=tx)
        reference.save(path, state)
        assert path.read_bytes() == written(state)
    reference.save(path, freeze({"params": params}))
    assert path.read_bytes() == written(freeze({"params": params}))


def test_sharded_arrays_are_saved_as_the_whole_ones(path):
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    whole = np.arange(64 * 6, dtype=np.float32).reshape(64, 6)
    for spec in (PartitionSpec("x", "y"), PartitionSpec(None, "y"), PartitionSpec(("x", "y")), PartitionSpec()):
        tree = {"w": jax.device_put(whole, NamedSharding(mesh, spec)), "h": jnp.ones(3, jnp.bfloat16)}
        reference.save(path, tree)
        assert path.read_bytes() == written({"w": whole, "h": np.asarray(tree["h"])})


def test_typed_prng_keys_are_refused_by_name(path):
    with pytest.raises(FormatError, match="key"):
        reference.save(path, {"key": jax.random.key(0)})


@pytest.mark.parametrize("expand", [True, False])
def test_refusals_are_the_same_whether_flax_is_there_or_not(path, monkeypatch, expand):
    if not expand:
        monkeypatch.setattr("reference.checkpoints.saving.flax_expansion", lambda: None)
    deep = 1
    for _ in range(512):
        deep = {"a": deep}
    reference.save(path, deep)
    assert len(reference.scan(path)[0].path) == 512
    cyclic = {}
    cyclic["a"] = cyclic
    for tree, clause in (({"a": deep}, "KEY-3"), (cyclic, "KEY-3"), ({1: 1, "1": 2}, "TREE-3")):
        with pytest.raises(FormatError) as caught:
            reference.save(path, tree)
        assert caught.value.clause == clause


def test_an_array_that_contradicts_itself_is_refused(path):
    class Liar:
        dtype, shape, size = np.dtype(np.float32), (4,), 4

        def __init__(self, array):
            self.array = array

        def __array__(self, *_, **__):
            return self.array

    reference.save(path, {"a": 1})
    for array in (np.zeros(2, np.float32), np.zeros(4)):
        with pytest.raises(FormatError, match="contradicts") as caught:
            reference.save(path, {"a": Liar(array)})
        assert caught.value.path == ("a",)
    assert reference.load(path) == {"a": 1}


def test_a_cast_to_a_shape_that_no_leaf_can_have_is_refused(path):
    with pytest.raises(FormatError) as caught:
        reference.save(path, {"a": np.empty((0, 2**60), np.float32)}, float_dtype="fp64")
    assert (caught.value.clause, caught.value.path) == ("LEAF-4", ("a",))


def test_bits_that_carry_no_meaning_are_cleared(path):
    from reference.format.dtypes import BITS, INSTALLED, dtype_of
    from reference.tests.handmade import array, record

    raw = bytes(range(128, 228))
    for tag in sorted({"bool", *BITS} & set(INSTALLED)):
        scalar = array(b"\x90", tag, b"\xff", code=3)
        path.write_bytes(record(("a",), array(b"\x91\x64", tag, raw)) + record(("s",), scalar))
        bits = 1 if tag == "bool" else BITS[tag]
        wanted = bytes([min(byte, 1) if tag == "bool" else byte & ((1 << bits) - 1) for byte in raw])
        found = reference.load(path)
        assert found["a"].tobytes() == wanted
        assert np.asarray(found["s"], dtype_of(tag)).tobytes() == bytes([(1 << bits) - 1])
        with reference.open(path) as checkpoint:
            assert checkpoint["a"].tobytes() == wanted


@pytest.mark.slow
def test_leaves_out_of_file_order_are_read(tmp_path):
    n = 20_000
    header = json.dumps(
        {f"k{i}": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in reversed(range(n))}
    )
    data = bytes(i % 256 for i in range(n))
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header.encode() + data)
    tree = reference.load(f"safetensors::{tmp_path}/x")
    assert all(tree[f"k{i}"][0] == i % 256 for i in range(n))


def test_a_mapping_answers_as_mappings_do(path):
    reference.save(path, TREE)
    with reference.open(path) as checkpoint:
        assert "a\\x" not in checkpoint
        assert checkpoint.get("a\\x", 7) == 7
        assert 7 not in checkpoint
