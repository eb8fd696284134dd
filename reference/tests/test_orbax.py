"""Folders of orbax that orbax has written are read."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import streamckpt as sc
from reference.format.errors import FormatError, UsageError
from reference.format.keypaths import display
from reference.tests.orbax_folders import (
    BF16,
    flat,
    orbax,
    over_devices,
    rng,
    same,
    save_by_orbax,
    tree,
)


@pytest.mark.parametrize("zarr3", [False, True])
@pytest.mark.parametrize("ocdbt", [True, False])
def test_what_orbax_wrote_is_read(tmp_path, ocdbt, zarr3):
    given = tree()
    save_by_orbax(tmp_path / "o", given, ocdbt, use_zarr3=zarr3)
    found = sc.load(f"orbax::{tmp_path / 'o'}")
    same(flat(found), flat(given))
    with sc.open(f"orbax::{tmp_path / 'o'}") as checkpoint:
        assert checkpoint.kind == "orbax folder"
        assert checkpoint["step"] == 7
        np.testing.assert_array_equal(checkpoint["params/dense/kernel"], given["params"]["dense"]["kernel"])
    same({display(path): leaf for path, leaf in sc.records(f"orbax::{tmp_path / 'o'}")}, flat(given))


def test_a_standard_checkpointer_and_a_manager_are_read_alike(tmp_path):
    given = {"params": tree()["params"]}
    with orbax.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "plain", given)
    with orbax.CheckpointManager(tmp_path / "run") as manager:
        manager.save(100, args=orbax.args.StandardSave(given))
        manager.save(200, args=orbax.args.StandardSave(given))
    with orbax.CheckpointManager(tmp_path / "items") as manager:
        state, extra = orbax.args.StandardSave(given), orbax.args.JsonSave({"a": 1})
        manager.save(3, args=orbax.args.Composite(state=state, extra=extra))
    for name in ("plain", "run/100", "run/100/default", "run/200", "items/3", "items/3/state"):
        same(flat(sc.load(f"orbax::{tmp_path / name}")), flat(given))
    with pytest.raises(UsageError, match=r"the steps 100, 200: name one, as in orbax::.*/run/200"):
        sc.load(f"orbax::{tmp_path / 'run'}")


def test_two_trees_in_one_step_are_named(tmp_path):
    for item in ("params", "state"):
        save_by_orbax(tmp_path / "5" / item, {"w": np.ones(2)})
    with pytest.raises(UsageError, match=r"the trees params, state: name one, as in orbax::.*/5/params"):
        sc.load(f"orbax::{tmp_path / '5'}")


def test_each_file_of_a_folder_says_to_name_the_folder(tmp_path):
    save_by_orbax(tmp_path / "o", {"w": jnp.ones(2), "step": 1})
    files = [path for path in (tmp_path / "o").rglob("*") if path.is_file()]
    assert {"_METADATA", "_CHECKPOINT_METADATA", "_sharding", "manifest.ocdbt"} <= {path.name for path in files}
    for path in files:
        with pytest.raises(
            FormatError, match=r"file of an orbax folder .*name the folder that it is in: orbax::FOLDER"
        ):
            sc.load(path)


@pytest.mark.parametrize("ocdbt", [True, False])
def test_sharded_arrays_are_read_onto_any_sharding(tmp_path, ocdbt):
    if len(jax.devices()) < 8:
        pytest.skip("needs 8 devices")
    values = {"w": rng.normal(size=(16, 24, 10)).astype(np.float32), "b": np.arange(48, dtype=BF16)}
    shardings = {"w": over_devices("a", "b"), "b": over_devices("b")}
    arrays = jax.tree.map(jax.device_put, values, shardings)
    save_by_orbax(tmp_path / "o", arrays, ocdbt)
    same(flat(sc.load(f"orbax::{tmp_path / 'o'}")), flat(values))
    for spec in [("a", "b"), (None, "b", "a"), (("a", "b"),), ()]:
        if len(spec) > 1 and spec[-1] == "a":
            spec = (None, "a", "b")
        target = {
            "w": jax.ShapeDtypeStruct((16, 24, 10), jnp.float32, sharding=over_devices(*spec)),
            "b": jax.ShapeDtypeStruct((48,), jnp.bfloat16, sharding=over_devices(*spec[-1:])),
        }
        found = sc.load(f"orbax::{tmp_path / 'o'}", like=target)
        same(flat(found), flat(values))
        assert found["w"].sharding == target["w"].sharding


def test_a_device_reads_its_own_chunks_alone(tmp_path):
    """The chunks of other devices are made unreadable, and what is loaded does not need them."""
    if len(jax.devices()) < 8:
        pytest.skip("needs 8 devices")
    values = rng.normal(size=(8, 4096)).astype(np.float32)
    sharding = NamedSharding(Mesh(np.array(jax.devices()[:8]), ("x",)), PartitionSpec("x"))
    save_by_orbax(tmp_path / "o", {"w": jax.device_put(values, sharding)}, ocdbt=False)
    half = tmp_path / "o" / "w" / "7.0"
    assert half.exists()
    half.write_bytes(b"no chunk")
    with sc.open(f"orbax::{tmp_path / 'o'}") as checkpoint:
        record = checkpoint.record("w")
        part = bytearray(4 * 4096)
        checkpoint.source.read_into(record.offset + 3 * len(part), memoryview(part))
        assert bytes(part) == values[3].tobytes()
        with pytest.raises(FormatError, match=r"leaf w.*get the folder again") as caught:
            checkpoint["w"]
        assert caught.value.clause == "CONV-6"


def test_a_chunk_that_is_missing_is_refused(tmp_path):
    save_by_orbax(tmp_path / "o", {"w": np.ones((4, 4), np.float32)}, ocdbt=False)
    (tmp_path / "o" / "w" / "0.0").unlink()
    with pytest.raises(FormatError, match="leaf w") as caught:
        sc.load(f"orbax::{tmp_path / 'o'}")
    assert caught.value.clause == "CONV-6"
    assert caught.value.file == str(tmp_path / "o")


def test_each_cut_of_the_tree_is_refused(tmp_path):
    save_by_orbax(tmp_path / "o", {"a": np.ones(2), "b": {}})
    whole = (tmp_path / "o" / "_METADATA").read_bytes()
    for cut in range(0, len(whole), 7):
        (tmp_path / "o" / "_METADATA").write_bytes(whole[:cut])
        with pytest.raises(FormatError, match="_METADATA"):
            sc.load(f"orbax::{tmp_path / 'o'}")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda tree: tree.pop("tree_metadata"), "has no tree_metadata"),
        (lambda tree: tree["tree_metadata"].update(x=3), "the entry x"),
        (lambda tree: tree["tree_metadata"]["('a',)"].pop("key_metadata"), r"the entry \('a',\)"),
        (lambda tree: tree["tree_metadata"]["('a',)"]["value_metadata"].update(value_type=1), "the type of a leaf"),
        (lambda tree: tree["tree_metadata"]["('a',)"]["key_metadata"][0].update(key="gone"), "NOT_FOUND.*leaf gone"),
        (lambda tree: tree["tree_metadata"]["('a',)"]["value_metadata"].update(value_type="my.Type"), "my.Type"),
        (lambda tree: tree.update(tree_metadata={}), "no leaves|no record|empty"),
    ],
)
def test_a_tree_that_says_what_is_not_so_is_refused(tmp_path, change, text):
    save_by_orbax(tmp_path / "o", {"a": np.ones(2)})
    tree = json.loads((tmp_path / "o" / "_METADATA").read_text())
    change(tree)
    (tmp_path / "o" / "_METADATA").write_text(json.dumps(tree))
    with pytest.raises(FormatError, match=text):
        sc.load(f"orbax::{tmp_path / 'o'}")


@pytest.mark.parametrize("name", ["../secret", "/etc", "a/../../secret"])
def test_a_name_leads_out_of_no_folder(tmp_path, name):
    save_by_orbax(tmp_path / "secret", {"w": np.ones(2)}, ocdbt=False)
    save_by_orbax(tmp_path / "o", {"a": np.ones(2)}, ocdbt=False)
    tree = json.loads((tmp_path / "o" / "_METADATA").read_text())
    tree["tree_metadata"]["('a',)"]["key_metadata"] = [{"key": f"{name}/w", "key_type": 2}]
    (tmp_path / "o" / "_METADATA").write_text(json.dumps(tree))
    with pytest.raises(FormatError):
        sc.load(f"orbax::{tmp_path / 'o'}")


def test_a_save_that_was_not_finished_is_refused_by_name(tmp_path):
    folder = tmp_path / "o.orbax-checkpoint-tmp-17"
    save_by_orbax(tmp_path / "o", {"a": np.ones(2)})
    os.rename(tmp_path / "o", folder)
    with pytest.raises(FormatError, match="has not been finished"):
        sc.load(f"orbax::{folder}")
