"""Folders of shards as outputs: of save, of recovered deltas, over what they are made from, and killed on the way."""

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import streamckpt as sc
from reference.commands import diff
from reference.format.errors import FormatError, UsageError

INDEX = "model.safetensors.index.json"


def tree(seed=0):
    random = np.random.default_rng(seed)
    layers = {str(i): {"w": random.normal(size=(8, 16)).astype(np.float32)} for i in range(4)}
    return {"z": np.arange(7, dtype=np.int8), "h": layers, "b": random.normal(size=40).astype(ml_dtypes.bfloat16)}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y), strict=True), a, b)


def placed(node, place):
    """The tree on devices, its keys in their order, which jax would sort."""
    return {key: placed(value, place) for key, value in node.items()} if isinstance(node, dict) else place(node)


def contents(folder):
    return {name: Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))}


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("on_devices", [False, True])
def test_save_writes_the_folder_that_convert_does(tmp_path, monkeypatch, on_devices, blocking):
    given = tree()
    sc.save("stream", given)
    sc.convert("stream", "safetensors::converted/", max_shard_size=1100)
    assert len(os.listdir("converted")) > 3
    if on_devices:
        mesh = Mesh(np.array(jax.devices()[:2]), ("x",))
        given = placed(given, lambda a: jax.device_put(a, NamedSharding(mesh, PartitionSpec())))
        given["h"]["1"]["w"] = jax.device_put(given["h"]["1"]["w"], NamedSharding(mesh, PartitionSpec("x")))
    saving = sc.save("safetensors::saved/", given, max_shard_size=1100, blocking=blocking)
    if not blocking:
        monkeypatch.chdir("/")  # the folder is the one that was meant when the save began
        saving.wait()
    assert contents(tmp_path / "saved") == contents(tmp_path / "converted")


def test_a_cast_of_device_arrays_is_in_the_order_of_the_shards():
    given = jax.tree.map(jax.device_put, tree())
    sc.save("safetensors::saved/", given, "fp16", max_shard_size=300)
    sc.save("stream", tree(), "fp16")
    same(sc.load("safetensors::saved/"), sc.load("stream"))


def test_flax_files_in_shards_and_sizes_that_mean_nothing():
    sc.save("flax::saved/", tree(), max_shard_size="1kB")
    same(sc.load("flax::saved/"), tree())
    with pytest.raises(UsageError, match="max_shard_size is for a folder"):
        sc.save("safetensors::saved.safetensors", tree(), max_shard_size=1100)
    with pytest.raises(UsageError, match="is a folder, and a stream is one file"):
        sc.save("saved/", tree())


def test_what_is_recovered_is_written_in_shards(capsys):
    pytest.importorskip("zstandard")
    sc.save("base", tree())
    sc.save("target", tree(1))
    sc.diff("base", "target", "delta")
    sc.recover("base", "delta", "safetensors::recovered/", max_shard_size=1100)
    same(sc.load("safetensors::recovered/"), tree(1))
    assert INDEX in os.listdir("recovered")
    sc.subtract("base", "target", "difference")
    words = ["--load_base_checkpoint=base", "--load_target_checkpoint=difference", "--recover_diff=True"]
    assert diff.main([*words, "--output_file=safetensors::sum/", "--max_shard_size=1kB"]) == 0
    assert len([name for name in os.listdir("sum") if name.startswith("model-")]) > 1
    words = ["--load_base_checkpoint=base", "--load_target_checkpoint=target", "--output_file=x"]
    assert diff.main([*words, "--max_shard_size=1kB"]) == 2
    assert "a delta is one file" in capsys.readouterr().err


def test_a_folder_that_holds_an_operand_is_refused():
    pytest.importorskip("zstandard")
    sc.save("safetensors::base/", tree(), max_shard_size=1100)
    sc.save("target", tree(1))
    sc.diff("safetensors::base/", "target", "delta")
    before = contents("base")
    os.symlink("base", "link")
    for base in ("base", "base/", f"base/{INDEX}", "link/"):
        for output in ("safetensors::base/", "safetensors::link/"):
            with pytest.raises(UsageError, match="holds the base, which would be replaced and lost"):
                sc.recover(base, "delta", output)
    with pytest.raises(UsageError, match="holds the base"):
        sc.add("base", "target", "safetensors::base/")
    assert contents("base") == before


def test_a_part_of_a_folder_is_not_written_over_all_of_it():
    sc.save("safetensors::model/", tree(), max_shard_size=1100)
    before = contents("model")
    shard = next(name for name in before if name.startswith("model-00001"))
    with pytest.raises(UsageError, match="one of several files of the checkpoint in model/, and the others would be"):
        sc.convert(f"safetensors::model/{shard}", "safetensors::model/")
    with pytest.raises(UsageError, match="the leaves that are left out would be lost"):
        sc.convert("safetensors::model/", "safetensors::model/", include="h/*")
    assert contents("model") == before
    sc.convert("safetensors::model/", "safetensors::model/", float_dtype="bf16", max_shard_size="1GB")
    assert os.listdir("model") == ["model.safetensors"]
    sc.convert("safetensors::model/model.safetensors", "safetensors::model/", max_shard_size=600)
    same(sc.load("safetensors::model")["z"], tree()["z"])


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    sc.save("stream", tree())
    (tmp_path / "file").write_text("")
    for output, error in (("file/", NotADirectoryError), ("none/there/", FileNotFoundError)):
        with pytest.raises(error):
            sc.convert("stream", f"safetensors::{output}")
        with pytest.raises(error):
            sc.save(f"safetensors::{output}", tree())


# --- killed ---------------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
import streamckpt as sc
at, name, rename = int(sys.argv[1]), sys.argv[2], getattr(os, sys.argv[2])
def killed(*words):
    global at
    if any(".parts" in os.fspath(word) for word in words):
        at -= 1
        if at < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    rename(*words)
setattr(os, name, killed)
sc.convert("new", "safetensors::model/", max_shard_size=1100)
"""


def killed_at(call, name="rename"):
    """Convert over the folder, killed at a call of `os`; whether it was."""
    run = subprocess.run([sys.executable, "-c", _KILLED, str(call), name], capture_output=True, text=True)
    assert run.returncode in (0, -signal.SIGKILL), run.stderr
    return run.returncode != 0


@pytest.mark.parametrize("then", ["open", "index", "save"])
@pytest.mark.sampled(3)
def test_a_save_that_is_killed_between_two_moves_is_settled(then):
    sc.save("new", tree(1))
    seen = set()
    for call in range(then == "index", 100, 2):  # the odd ones and the even ones
        subprocess.run(["rm", "-rf", "model"], check=True)
        sc.save("safetensors::model/", tree(), max_shard_size=1500)
        Path("model/README").touch()
        if not killed_at(call):
            break
        if then == "save":
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                sc.save("safetensors::model/", tree(2), max_shard_size=500)
                same(sc.load("safetensors::model/"), tree(2))
        else:
            # What is whole already is read without a word, and what is not once it has been put in its places.
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                found = sc.load("safetensors::model/" if then == "open" else f"safetensors::model/{INDEX}")
            assert all("killed while its files took their places" in str(each.message) for each in told)
            is_new = np.array_equal(found["b"], tree(1)["b"])
            same(found, tree(1) if is_new else tree())
            seen.add(is_new)
        assert not [name for name in os.listdir("model") if name.startswith(".")]
        assert "README" in os.listdir("model")
    assert call > 6
    assert then == "save" or seen == {False, True}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_who_may_not_settle_a_folder_is_told():
    sc.save("new", tree(1))
    sc.save("safetensors::model/", tree(), max_shard_size=1500)
    assert killed_at(3)
    os.chmod("model", 0o500)
    try:
        with pytest.raises(FormatError, match="this process may not put them there"):
            sc.load("safetensors::model/")
    finally:
        os.chmod("model", 0o700)
    sc.load("safetensors::model/")


def test_the_index_names_what_is_there():
    sc.save("safetensors::model/", tree(), max_shard_size=1100)
    index = json.loads(contents("model")[INDEX])
    assert set(index["weight_map"].values()) == {name for name in os.listdir("model") if name != INDEX}
