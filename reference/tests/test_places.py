"""What a path names: a place, with the same prefixes and the same refusals in every function."""

import copy
import json
import os
from pathlib import Path
from types import SimpleNamespace

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.checkpointer import StreamingCheckpointer
from reference.checkpoints.conversion import convert
from reference.checkpoints.salvaging import salvage
from reference.commands import verbs
from reference.delta import add, compare, diff, recover, subtract
from reference.format.errors import UsageError
from reference.storage.places import place_of

TREE = {"b": {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}, "a": np.ones(3, np.int8)}
URLS = ("nowhere://bucket/run", "NOWHERE://b/x", "gs:/bucket/run", Path("gs://bucket/run"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to be in, so that a file or folder with a wrong name would be seen."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not [name for name in os.listdir() if ":" in name]


def alike(a, b):
    """Whether two trees have the same leaves, in whatever order (jax sorts the keys of dicts)."""
    return same(jax.tree.map(np.asarray, a), jax.tree.map(np.asarray, b))


def calls(path):
    """Every public way to name a file, read and written."""
    reference.save("stream", TREE)
    reference.save("other", {"b": {"w": TREE["b"]["w"] + 1}, "a": TREE["a"]})
    text = os.fspath(path)
    return {
        "open": lambda: reference.open(path),
        "load": lambda: reference.load(path),
        "load like": lambda: reference.load(path, like=TREE),
        "scan": lambda: reference.scan(path),
        "records": lambda: list(reference.records(path)),
        "save": lambda: reference.save(path, TREE),
        "save on devices": lambda: reference.save(path, jax.tree.map(jnp.asarray, TREE)),
        "save behind": lambda: reference.save(path, TREE, blocking=False).wait(),
        "convert from": lambda: convert(text, "out"),
        "convert to": lambda: convert("params::stream", text),
        "salvage from": lambda: salvage(text, "out"),
        "salvage to": lambda: salvage("stream", text),
        "diff base": lambda: diff(path, "other", "out"),
        "diff target": lambda: diff("stream", path, "out"),
        "diff to": lambda: diff("stream", "other", path),
        "recover from": lambda: recover("stream", path, "out"),
        "recover to": lambda: recover("stream", "other", path),
        "subtract to": lambda: subtract("stream", "other", path),
        "add to": lambda: add("stream", "other", path),
        "compare": lambda: compare("stream", path),
        "class": lambda: StreamingCheckpointer({}, path),
        "class saves": lambda: StreamingCheckpointer.save_train_state_to_file(TREE, path),
        "class loads": lambda: StreamingCheckpointer.load_checkpoint(path),
        "class loads flax": lambda: StreamingCheckpointer.load_flax_checkpoint(path),
    }


@pytest.mark.parametrize("url", URLS, ids=str)
def test_a_scheme_that_is_not_served_is_refused_by_name_everywhere(url):
    scheme = os.fspath(url).split(":")[0].lower()
    for name, call in calls(url).items():
        with pytest.raises(UsageError) as caught:
            call()
        assert f"{scheme}://" in str(caught.value), name


@pytest.mark.parametrize("verb", ["inspect", "verify"])
def test_commands_refuse_a_scheme_with_exit_status_2(verb, capsys):
    assert verbs.main([verb, "nowhere://bucket/key"]) == 2
    assert "nowhere:// is not supported" in capsys.readouterr().err
    assert verbs.main([verb, "params::nowhere://bucket/key"]) == 2


def test_a_wrong_prefix_is_refused_everywhere():
    for name, call in calls("parms::x").items():
        if name == "class":
            continue  # which takes a folder
        with pytest.raises(UsageError, match="parms::"):
            call()


def test_a_path_without_a_scheme_may_hold_colons():
    for name in ("a:b", "./gs:/x", "C:/y", "x::/z"):
        assert place_of(name).name == name


def test_a_file_url_names_a_local_file(folder):
    reference.save(f"file://{folder}/a%20b", TREE)
    assert os.listdir() == ["a b"]
    assert alike(reference.load(f"params::file://{folder}/a%20b"), TREE)
    with pytest.raises(UsageError, match="does not name a file"):
        reference.load("file://elsewhere/x")


@pytest.mark.parametrize("tree", [TREE, jax.tree.map(jnp.asarray, TREE)], ids=["numpy", "jax"])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_save_writes_the_kind_of_file_that_its_prefix_says(tree, blocking):
    for prefix in ("", "params::", "trainstate::", "flax::", "flax_params::", "safetensors::"):
        saving = reference.save(f"{prefix}x", tree, blocking=blocking)
        if saving is not None:
            saving.wait()
        assert os.listdir() == ["x"]
        read_as = "params::" if prefix == "trainstate::" else prefix
        assert alike(reference.load(f"{read_as}x"), TREE)
        data = Path("x").read_bytes()
        if prefix.startswith("flax"):
            assert data == flax.serialization.msgpack_serialize(copy.deepcopy(tree), in_place=True)
        elif prefix == "safetensors::":
            safetensors = pytest.importorskip("safetensors.numpy")
            found = safetensors.load(data)
            assert sorted(found) == ["a", "b.w"]
            assert same(found["b.w"], TREE["b"]["w"])


def test_a_cast_save_as_safetensors_keeps_each_leaf_at_its_name():
    """The order of a safetensors file goes by width, which a cast changes."""
    tree = {"half": jnp.ones(3, jnp.bfloat16), "int": jnp.arange(5, dtype=jnp.int32), "full": jnp.full(4, 2.0)}
    reference.save("safetensors::x", tree, "bf16")
    found = reference.load("safetensors::x")
    assert {name: leaf.dtype.name for name, leaf in found.items()} == {
        "half": "bfloat16",
        "int": "int32",
        "full": "bfloat16",
    }
    assert found["int"].tolist() == [0, 1, 2, 3, 4]
    assert found["full"].tolist() == [2.0] * 4


def test_a_path_object_may_have_a_prefix_too(folder):
    reference.save(Path("flax::x"), TREE)
    assert alike(reference.load(folder / "x", "flax::"), TREE)
    assert alike(reference.load(Path("flax::x")), TREE)


def test_the_class_makes_its_folder_where_a_file_url_says(folder):
    checkpointer = StreamingCheckpointer({}, f"file://{folder}/run")
    state = SimpleNamespace(step=3, params={"params": TREE})
    checkpointer.save_all(state, metadata={"step": 3})
    assert sorted(os.listdir("run")) == ["dataset.json", "metadata.json", "streaming_params"]
    assert json.loads(Path("run/metadata.json").read_text())["step"] == 3


def test_a_save_in_the_background_writes_where_the_program_was(folder, monkeypatch):
    (folder / "elsewhere").mkdir()
    saving = reference.save("x", TREE, blocking=False)
    monkeypatch.chdir(folder / "elsewhere")
    saving.wait()
    monkeypatch.chdir(folder)
    assert alike(reference.load("x"), TREE)
