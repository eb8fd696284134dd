"""Folders of orbax: those that orbax has written are read, and those that are written here orbax restores."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import msgpack
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import streamckpt as sc
from reference.commands import compare, convert, diff, inspect, salvage, verify
from reference.containers.orbax_boxes import box_of_runs, boxes_of_run, chunk_of, chunks
from reference.format.dtypes import INSTALLED
from reference.format.errors import FormatError, UsageError
from reference.format.extras import how_to_install
from reference.format.keypaths import display
from reference.tests.memory import Meter

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


def over_devices(*spec):
    mesh = Mesh(np.array(jax.devices()[:8]).reshape(4, 2), ("a", "b"))
    return NamedSharding(mesh, PartitionSpec(*spec))


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


# --- written ----------------------------------------------------------------------------------------------


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


# --- verbs ------------------------------------------------------------------------------------------------


def test_every_verb_takes_a_folder_of_orbax(tmp_path, capsys):
    params = {"dense": {"kernel": rng.normal(size=(64, 64)).astype(np.float32)}, "n": np.arange(5)}
    changed = {**params, "n": np.arange(1, 6)}
    save_by_orbax(tmp_path / "a", params)
    save_by_orbax(tmp_path / "b", changed)
    a, b = f"orbax::{tmp_path / 'a'}", f"orbax::{tmp_path / 'b'}"
    assert inspect.main([a]) == 0
    assert "orbax folder, 2 leaves" in capsys.readouterr().out
    assert inspect.main([str(tmp_path / "a"), "--format=json"]) == 0
    assert {"path": ["n"], "kind": "ndarray", "dtype": "int64"}.items() <= json.loads(capsys.readouterr().out)[
        "leaves"
    ][1].items()
    assert verify.main([str(tmp_path / "a")]) == 0
    assert compare.main([a, b]) == 1
    assert compare.main([a, a]) == 0
    delta = tmp_path / "delta"
    arguments = [f"--load_base_checkpoint={a}", f"--load_target_checkpoint={b}", f"--output_file={delta}"]
    assert diff.main(arguments) == 0
    arguments = [f"--load_base_checkpoint={a}", f"--load_target_checkpoint={delta}"]
    assert diff.main([*arguments, "--recover_diff=True", f"--output_file=orbax::{tmp_path / 'c'}"]) == 0
    same(flat(restored(tmp_path / "c")), flat(changed))
    assert salvage.main([f"--load_checkpoint={tmp_path / 'a'}", f"--output_file={tmp_path / 'x'}"]) == 1
    assert "this is an orbax folder, not a stream (REC-1, byte 0); use orbax::" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    with pytest.raises(FormatError, match="this is an orbax folder, not a stream"):
        sc.load(f"params::{tmp_path / 'a'}")
    same(flat(sc.load(tmp_path / "a")), flat(sc.load(a)))
    with pytest.raises(UsageError, match="leave mmap=True out"):
        sc.load(a, mmap=True)


def test_a_file_is_no_folder_of_orbax(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    sc.save(tmp_path / "s", {"a": np.ones(2)})
    with pytest.raises(NotADirectoryError, match="a checkpoint of orbax is a folder"):
        sc.load(f"orbax::{tmp_path / 's'}")
    with pytest.raises(FileNotFoundError):
        sc.load(f"orbax::{tmp_path / 'none'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="there is no _METADATA in it"):
        sc.load(f"orbax::{tmp_path / 'empty'}")


def test_without_tensorstore_the_extra_is_named(tmp_path):
    save_by_orbax(tmp_path / "o", {"a": np.ones(2)})
    code = (
        "import sys; sys.modules['tensorstore'] = None\n"
        "from reference.commands import convert\n"
        "sys.exit(convert.main(sys.argv[1:]))"
    )
    for given, output in ((f"orbax::{tmp_path / 'o'}", tmp_path / "s"), (tmp_path / "s2", f"orbax::{tmp_path / 'p'}")):
        sc.save(tmp_path / "s2", {"a": np.ones(2)})
        words = [sys.executable, "-c", code, f"--load_checkpoint={given}", f"--output_file={output}"]
        run = subprocess.run(words, capture_output=True, text=True)
        assert run.returncode == 2
        assert how_to_install("orbax") in run.stderr


# --- runs and boxes -----------------------------------------------------------------------------------------


def test_runs_of_elements_are_boxes():
    for shape in [(5,), (3, 4), (2, 3, 4), (2, 2, 2, 2), (1, 5, 1)]:
        n = int(np.prod(shape))
        places = np.arange(n).reshape(shape)
        for first in range(n):
            for stop in range(first + 1, n + 1):
                found = [
                    places[tuple(slice(*side) for side in box)].reshape(-1) for box in boxes_of_run(first, stop, shape)
                ]
                assert np.concatenate(found).tolist() == list(range(first, stop))
                assert len(found) <= 2 * len(shape)


def test_the_runs_of_a_box_are_that_box():
    from reference.devices.boxes import runs

    for shape in [(5,), (3, 4), (2, 3, 4), (2, 1, 2, 3)]:
        for seed in range(40):
            random = np.random.default_rng(seed)
            box = tuple((int(a), int(random.integers(a + 1, n + 1))) for n in shape for a in [random.integers(0, n)])
            starts, length = runs(box, shape)
            found = box_of_runs(starts, np.full(len(starts), length), shape)
            assert found is not None
            assert found[0] == box
    # two runs that leave a hole, one that goes over the end of a row, and two that overlap
    assert box_of_runs(np.array([0, 5]), np.array([2, 2]), (3, 4)) is None
    assert box_of_runs(np.array([3]), np.array([3]), (3, 4)) is None
    assert box_of_runs(np.array([0, 1]), np.array([2, 2]), (8,)) is None


def test_chunks_are_runs_that_fill_the_array():
    for shape in [(), (1000,), (7, 999), (3, 5, 4000), (64, 64, 64)]:
        chunk = chunk_of(shape, 1 << 16)
        at = 0
        for box in chunks(shape, chunk):
            first = np.ravel_multi_index([a for a, _ in box], shape) if shape else 0
            assert first == at
            at += int(np.prod([b - a for a, b in box]))
        assert at == int(np.prod(shape))


@pytest.mark.slow
def test_a_large_array_goes_through_in_pieces(tmp_path):
    """400 MB in one array: what is held are some chunks of it, there and back."""
    sc.save(tmp_path / "s", {"w": np.zeros((100, 1 << 20), np.float32)})
    for source, to in ((tmp_path / "s", f"orbax::{tmp_path / 'o'}"), (f"orbax::{tmp_path / 'o'}", tmp_path / "t")):
        meter = Meter()
        sc.convert(source, to)
        assert meter.peak() < 300_000, (source, meter.peak())
    assert (tmp_path / "t").read_bytes() == (tmp_path / "s").read_bytes()
