"""Folders of orbax that are written here, which orbax restores."""

import os

import jax
import jax.numpy as jnp
import ml_dtypes
import msgpack
import numpy as np
import pytest

import streamckpt as sc
from reference.commands import convert
from reference.format.dtypes import INSTALLED
from reference.format.errors import FormatError, UsageError
from reference.tests.memory import Meter
from reference.tests.orbax_folders import (
    BF16,
    flat,
    orbax,
    over_devices,
    restored,
    rng,
    same,
    save_by_orbax,
    tree,
)


def test_what_is_written_orbax_restores(tmp_path):
    given = tree()
    sc.save(f"orbax::{tmp_path / 'o'}", given, keep_empty_nodes=True)
    same(flat(restored(tmp_path / "o")), {**flat(given), "scalar": 1.5})
    same(flat(sc.load(f"orbax::{tmp_path / 'o'}")), flat(given))
    with orbax.Checkpointer(orbax.PyTreeCheckpointHandler()) as checkpointer:
        same(flat(checkpointer.restore(tmp_path / "o")), {**flat(given), "scalar": 1.5})
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_releases_before_0_6_find_their_tree(tmp_path):
    """They read MessagePack with the names of arrays, in which a list is a list."""
    sc.save(f"orbax::{tmp_path / 'o'}", {"a": {"b": np.ones(1), "l": [np.ones(2), {}]}, "n": None, "x": []})
    found = msgpack.unpackb((tmp_path / "o" / "checkpoint").read_bytes())
    assert found == {"a": {"b": "PLACEHOLDER://a.b", "l": ["PLACEHOLDER://a.l.0", {}]}, "n": None, "x": []}


def test_every_dtype_is_written_or_refused(tmp_path):
    """Those that tensorstore has come back, here and in orbax; the others are refused by name."""
    held = []
    for tag, dtype in INSTALLED.items():
        array = np.arange(4).astype(np.uint8).view(np.int8).astype(dtype)
        try:
            sc.save(f"orbax::{tmp_path / tag}", {"a": array})
        except FormatError as error:
            assert error.clause == "CONV-8"
            continue
        held.append(tag)
        same(sc.load(f"orbax::{tmp_path / tag}"), {"a": array})
        same(restored(tmp_path / tag), {"a": array})
    assert {"bool", "int64", "uint8", "float16", "bfloat16", "float32", "float64", "complex64"} <= set(held)


def test_device_arrays_are_written_and_restored_onto_others(tmp_path):
    if len(jax.devices()) < 8:
        pytest.skip("needs 8 devices")
    values = {"w": rng.normal(size=(16, 24)).astype(np.float32), "b": np.arange(48, dtype=BF16)}
    arrays = {"w": jax.device_put(values["w"], over_devices("a", "b")), "b": jax.device_put(values["b"])}
    saving = sc.save(f"orbax::{tmp_path / 'o'}", arrays, blocking=False)
    saving.wait()
    target = {
        "w": jax.ShapeDtypeStruct((16, 24), jnp.float32, sharding=over_devices("b")),
        "b": jax.ShapeDtypeStruct((48,), jnp.bfloat16, sharding=over_devices()),
    }
    found = restored(tmp_path / "o", target)
    same(flat(found), flat(values))
    assert found["w"].sharding == target["w"].sharding


def test_arrays_of_many_chunks_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("reference.containers.orbax_boxes._CHUNK", 1 << 10)
    monkeypatch.setattr("reference.containers.orbax_arrays._GROUP", 1 << 12)
    monkeypatch.setattr("reference.containers.orbax_arrays._FEW", 3)
    shapes = [(100, 33), (3, 700, 5), (2, 2, 2, 500), (5000,), (), (7,), (0, 3), (1, 1)]
    given = {str(i): rng.integers(0, 1 << 15, shape, np.int16) for i, shape in enumerate(shapes)}
    sc.save(f"orbax::{tmp_path / 'o'}", given)
    same(flat(restored(tmp_path / "o")), flat(given))
    same(flat(sc.load(f"orbax::{tmp_path / 'o'}")), flat(given))


def test_a_stream_comes_back_from_orbax_bit_for_bit(tmp_path, capsys):
    given = {**tree(), "int": np.int64(3), "truth": True, "z": 1 + 2j, "unsigned": 2**63}
    sc.save(tmp_path / "s", given, keep_empty_nodes=True, format="2.0", metadata={"run": {"seed": 1}})
    assert convert.main([f"--load_checkpoint={tmp_path / 's'}", f"--output_file=orbax::{tmp_path / 'o'}"]) == 0
    assert "an orbax folder of" in capsys.readouterr().out
    arguments = [f"--load_checkpoint=orbax::{tmp_path / 'o'}", f"--output_file={tmp_path / 't'}"]
    assert convert.main([*arguments, "--streaming=True", "--format=2.0"]) == 0
    assert (tmp_path / "t").read_bytes() == (tmp_path / "s").read_bytes()


def test_metadata_goes_there_and_comes_back(tmp_path, capsys):
    sc.save(f"orbax::{tmp_path / 'o'}", {"a": np.ones(2)}, metadata={"step": 3, "names": ["x"]})
    with sc.open(f"orbax::{tmp_path / 'o'}") as checkpoint:
        assert checkpoint.metadata == {"step": 3, "names": ["x"]}
    with pytest.raises(UsageError, match="as JSON"):
        sc.save(f"orbax::{tmp_path / 'p'}", {"a": np.ones(2)}, metadata={"raw": b"\0"})
    sc.save(tmp_path / "s", {"a": np.ones(2)}, format="2.0", metadata={"raw": b"\0", "step": 4})
    report = sc.convert(tmp_path / "s", f"orbax::{tmp_path / 'q'}")
    assert report.metadata_left_out == ("raw",)
    with sc.open(f"orbax::{tmp_path / 'q'}") as checkpoint:
        assert checkpoint.metadata == {"step": 4}


def test_typed_keys_come_back_typed_both_ways(tmp_path):
    keys = {"dropout": jax.random.key(3), "many": jax.random.split(jax.random.key(4, impl="rbg"), 3)}
    data = {name: np.asarray(jax.random.key_data(key)) for name, key in keys.items()}
    try:
        save_by_orbax(tmp_path / "theirs", keys)
    except (ValueError, TypeError) as error:
        pytest.skip(f"this version of orbax saves no typed keys: {error}")
    sc.save(f"orbax::{tmp_path / 'ours'}", keys)
    for name in ("theirs", "ours"):
        found = sc.load(f"orbax::{tmp_path / name}", like=keys)
        assert {key: str(found[key].dtype) for key in keys} == {key: str(keys[key].dtype) for key in keys}
        same({key: np.asarray(jax.random.key_data(found[key])) for key in keys}, data)
        same(sc.load(f"orbax::{tmp_path / name}"), data)
        theirs = restored(tmp_path / name, keys)
        same({key: np.asarray(jax.random.key_data(theirs[key])) for key in keys}, data)
    sc.convert(f"orbax::{tmp_path / 'theirs'}", tmp_path / "s", format="2.0")
    with sc.open(tmp_path / "s") as checkpoint:
        assert checkpoint.prng_keys == {("dropout",): "threefry2x32", ("many",): "rbg"}


def test_a_train_state_goes_there_and_back(tmp_path):
    """Tuples, named tuples and nodes without leaves: orbax compares all of them with its target."""
    optax = pytest.importorskip("optax")
    train_state = pytest.importorskip("flax.training.train_state")
    params = {"w": jnp.arange(12, dtype=jnp.float32).reshape(3, 4), "l": [jnp.ones(2), jnp.zeros(1, jnp.bfloat16)]}
    tx = optax.chain(optax.clip(1.0), optax.adamw(1e-3))
    state = train_state.TrainState.create(apply_fn=None, params=params, tx=tx)
    state = state.apply_gradients(grads=jax.tree.map(jnp.ones_like, params))
    save_by_orbax(tmp_path / "theirs", state)
    sc.save(f"orbax::{tmp_path / 'ours'}", state)
    sc.convert(f"orbax::{tmp_path / 'theirs'}", tmp_path / "sealed", format="2.0")
    sc.convert(tmp_path / "sealed", f"orbax::{tmp_path / 'again'}")
    for name in ("theirs", "ours", "again"):
        for found in (sc.load(f"orbax::{tmp_path / name}", like=state), restored(tmp_path / name, state)):
            assert jax.tree.structure(found) == jax.tree.structure(state), name
            for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(state), strict=True):
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other), strict=True)


@pytest.mark.parametrize(
    ("leaves", "text", "clause"),
    [
        ({"raw": b"\0"}, "kind bin", "CONV-9"),
        ({"a": {"b": np.ones(1)}, "a.b": np.ones(1)}, "the name 'a.b' is taken", "CONV-7"),
        ({"deep": np.zeros((1,) * 33)}, "33 dimensions", "CONV-9"),
        ({"t": np.zeros(2, getattr(ml_dtypes, "float6_e2m3fn", "complex32"))}, "no dtype for", "CONV-8"),
        ({"a/b": "text"}, "JSON pointer", "CONV-7"),
    ],
)
def test_what_orbax_cannot_hold_is_refused_before_anything_is_written(tmp_path, leaves, text, clause):
    with pytest.raises(FormatError, match=text) as caught:
        sc.save(f"orbax::{tmp_path / 'o'}", leaves)
    assert caught.value.clause == clause
    assert not os.listdir(tmp_path)


def test_a_folder_that_holds_something_is_not_written_into(tmp_path):
    sc.save(f"orbax::{tmp_path / 'o'}", {"a": np.ones(2)})
    before = sorted(os.listdir(tmp_path / "o"))
    with pytest.raises(FileExistsError, match="name another, or remove it first"):
        sc.save(f"orbax::{tmp_path / 'o'}", {"b": np.ones(2)})
    assert sorted(os.listdir(tmp_path / "o")) == before
    (tmp_path / "empty").mkdir()
    sc.save(f"orbax::{tmp_path / 'empty'}", {"b": np.ones(2)})
    same(restored(tmp_path / "empty"), {"b": np.ones(2)})


def test_a_save_that_fails_leaves_nothing(tmp_path):
    class Broken(np.ndarray):
        pass

    class Fails:
        dtype, shape, ndim = np.dtype(np.float32), (4,), 1

        def __array__(self, *_, **__):
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        sc.save(f"orbax::{tmp_path / 'o'}", {"a": np.ones(2), "b": Fails()})
    assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_a_large_array_goes_through_in_pieces(tmp_path):
    """400 MB in one array: what is held are some chunks of it, there and back."""
    sc.save(tmp_path / "s", {"w": np.zeros((100, 1 << 20), np.float32)})
    for source, to in ((tmp_path / "s", f"orbax::{tmp_path / 'o'}"), (f"orbax::{tmp_path / 'o'}", tmp_path / "t")):
        meter = Meter()
        sc.convert(source, to)
        assert meter.peak() < 300_000, (source, meter.peak())
    assert (tmp_path / "t").read_bytes() == (tmp_path / "s").read_bytes()
