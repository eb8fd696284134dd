"""Folders of shards that are read: one checkpoint in every verb, refused by the names of what is odd."""

import json
import os
import re

import numpy as np
import pytest

import streamckpt as sc
from reference.containers.shard_index import encode_index, read_index
from reference.format.errors import FormatError, UsageError
from reference.format.wire import BytesSource
from reference.tests.shard_folders import INDEX, command, names, tree, write_shards


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_shards(tmp_path)


# --- one checkpoint in every verb ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["shards", "shards/", f"shards/{INDEX}", f"safetensors::shards/{INDEX}"])
def test_a_folder_and_its_index_are_one_checkpoint(folder, path):
    with sc.open(path) as checkpoint:
        assert (len(checkpoint), checkpoint.kind) == (6, "safetensors file")
        assert checkpoint.metadata == {"format": "flax"}
        assert np.array_equal(checkpoint["h/3/w"], tree()["h"]["3"]["w"])
        assert [path for path, _ in checkpoint.leaves()] == list(checkpoint)
        assert checkpoint.source.size == sum((folder / name).stat().st_size for name in names(folder) if name != INDEX)
    assert not sc.verify(path)
    assert {pair.change for pair in sc.compare(path, "stream").pairs} == {"equal"}


@pytest.mark.parametrize("mmap", [False, True])
def test_it_loads_as_one(folder, mmap):
    loaded = sc.load("safetensors::shards", mmap=mmap)
    assert list(loaded) == ["z", "h", "a"]
    assert np.array_equal(loaded["a"]["bias"], np.arange(20))
    part = sc.load("safetensors::shards", "h", include="2/*", mmap=mmap)
    assert np.array_equal(part["2"]["w"], tree()["h"]["2"]["w"])
    assert loaded["h"]["0"]["w"].flags.writeable is not mmap


def test_it_loads_onto_devices(folder):
    import jax

    like = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype if a.dtype != np.int64 else np.int32), tree())
    loaded = sc.load("safetensors::shards", like=like)
    assert np.array_equal(loaded["h"]["1"]["w"], tree()["h"]["1"]["w"])


def test_the_commands_take_it(folder):
    shown = command("reference.inspect", "shards")
    assert "shards: safetensors file in 4 shards, 6 leaves" in shown.stdout
    assert re.search(r"h/2/w +float32\[8,16\] +512 B +model-00003-of-00004.safetensors \d+", shown.stdout)
    assert "metadata format: flax" in shown.stdout
    printed = json.loads(command("reference.inspect", f"shards/{INDEX}", "--format=json").stdout)
    assert printed["metadata"] == {"format": "flax"}
    assert next(leaf["shard"] for leaf in printed["leaves"]) == "model-00001-of-00004.safetensors"
    assert len(printed["shards"]) == 4
    assert command("reference.verify", "shards").stdout.startswith("shards: good safetensors file")
    assert command("reference.compare", "stream", "shards").returncode == 0
    made = command(
        "reference.convert", "--load_checkpoint=shards/", "--output_file=safetensors::x/", "--max_shard_size=1kB"
    )
    assert made.stdout.startswith("wrote x/: a safetensors file in 5 shards of 6 leaves, ")


def test_an_exact_delta_of_folders(folder):
    pytest.importorskip("zstandard")
    sc.save("other", tree(1))
    sc.convert("other", "safetensors::tuned/", max_shard_size=1500)
    sc.diff("shards", "tuned", "delta")
    sc.recover("shards", "delta", "out")
    assert (folder.parent / "out").read_bytes() == (folder.parent / "other").read_bytes()


def test_a_single_file_in_a_folder_is_found_by_its_kind(folder):
    sc.convert("stream", "safetensors::both/")
    sc.convert("stream", "flax::both/")
    assert set(sc.load("safetensors::both")) == set(sc.load("flax::both/")) == {"z", "h", "a"}
    with pytest.raises(UsageError, match="name the one you want"):
        sc.open("both")
    os.mkdir("empty")
    with pytest.raises(IsADirectoryError, match="this is a directory; name a file in it"):
        sc.load("empty")
    with pytest.raises(FormatError, match="this is a safetensors file, not a stream"):
        sc.load("params::shards")
    assert set(sc.load("shards")) == {"z", "h", "a"}


# --- what is odd of it --------------------------------------------------------------------------------


def refused(folder, *words):
    with pytest.raises(FormatError) as caught:
        sc.load(f"safetensors::{folder}")
    assert str(caught.value).startswith(f"{folder}: the shards and their index do not match: ")
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)
    done = command("reference.inspect", str(folder))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    return str(caught.value)


def change_index(folder, change):
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


def test_missing_and_surplus_shards_are_one_error(folder):
    os.unlink(folder / "model-00002-of-00004.safetensors")
    os.unlink(folder / "model-00004-of-00004.safetensors")
    os.link(folder / "model-00001-of-00004.safetensors", folder / "model-00001-of-00007.safetensors")
    refused(
        folder,
        "model-00002-of-00004.safetensors, model-00004-of-00004.safetensors are missing",
        "model-00001-of-00007.safetensors is in the folder and not in the index",
    )


def test_all_shards_missing(folder):
    for name in names(folder):
        if name != INDEX:
            os.unlink(folder / name)
    refused(folder, "are missing")


def test_tensors_that_the_index_does_not_have_or_has_elsewhere(folder):
    def change(files):
        del files["h.1.w"]
        files["h.2.w"] = files["a.bias"]
        files["ghost"] = files["a.bias"]

    change_index(folder, change)
    refused(
        folder,
        "the index names ghost, which is in no shard",
        "h.1.w is in a shard and not in the index",
        "h.2.w is in model-00003-of-00004.safetensors, not in model-00004-of-00004.safetensors",
    )


def test_a_tensor_in_two_shards(folder):
    sc.convert("stream", "safetensors::twice.safetensors", include="h/0/w")
    os.rename("twice.safetensors", folder / "model-00004-of-00004.safetensors")
    refused(folder, "h.0.w is in both model-00002-of-00004.safetensors and model-00004-of-00004.safetensors")


def test_shards_without_their_index(folder):
    os.unlink(folder / INDEX)
    refused(folder, f"{INDEX} is missing, and model-00001-of-00004.safetensors", "are there")


def test_a_damaged_shard_is_named(folder):
    shard = folder / "model-00002-of-00004.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"shards/model-00002-of-00004\.safetensors: damaged safetensors file"):
        sc.load("safetensors::shards")


def test_a_shard_that_is_cut_while_it_is_read_is_named(folder):
    with sc.open("safetensors::shards") as checkpoint:
        os.truncate(folder / "model-00003-of-00004.safetensors", 100)
        with pytest.raises(FormatError, match=r"model-00003-of-00004\.safetensors"):
            checkpoint["h/2/w"]
        with pytest.raises(OSError, match="changed while it was read"):
            checkpoint.source.refuse_changes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"weight_map": 1}',
        '{"weight_map": {}}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": ""}}',
        '{"weight_map": {"a": "../x.safetensors"}}',
        '{"weight_map": {"a": "/etc/passwd"}}',
        '{"weight_map": {"a": ".."}}',
        '{"weight_map": {"a": "x\\\\y"}}',
        '{"weight_map": {"a": "x\\u0000"}}',
        '{"weight_map": {"a": "x"}, "weight_map": {"a": "y"}}',
        '{"weight_map": {"a": "x", "a": "y"}}',
        '{"weight_map": {"\\ud800": "x"}}',
        '{"weight_map": ' + "[" * 200 + "]" * 200 + "}",
        "<html>",
    ],
)
def test_what_is_not_an_index_is_refused(folder, text):
    (folder / INDEX).write_text(text)
    with pytest.raises(FormatError, match="this is not an index of shards") as caught:
        sc.open("shards")
    assert caught.value.clause in ("CONV-6", "CONV-11")
    assert caught.value.file.endswith(INDEX)


def test_an_index_reads_as_it_was_written():
    files = {"b.w": "x-1", "a.é": "x-2"}
    found = read_index(BytesSource(encode_index(files, 7)))
    assert (found.files, list(found.files), found.metadata) == (files, ["b.w", "a.é"], {})


# --- metadata -----------------------------------------------------------------------------------------


def test_metadata_of_shards_is_joined(folder):
    safetensors = pytest.importorskip("safetensors.numpy")
    for i, shard in enumerate(name for name in names(folder) if name != INDEX):
        tensors = safetensors.load_file(folder / shard)
        safetensors.save_file(
            tensors, folder / shard, {"format": "pt", "part": str(i), **({"one": "1"} if i == 2 else {})}
        )
    index = json.loads((folder / INDEX).read_text())
    index["metadata"] |= {"total_parameters": 3, "made by": "a tool", "layers": [1, 2]}
    (folder / INDEX).write_text(json.dumps(index))
    with sc.open("safetensors::shards") as checkpoint:
        found = checkpoint.metadata
    assert found.pop("part (model-00003-of-00004.safetensors)") == "2"
    assert {key for key in found if not key.startswith("part (")} == {"format", "one", "made by", "layers"}
    assert (found["format"], found["layers"]) == ("pt", "[1, 2]")


def test_flax_shards_are_salvaged_together(folder):
    sc.convert("stream", "flax::flax/", max_shard_size=1100)
    shard = folder.parent / "flax/flax_model-00003-of-00004.msgpack"
    shard.write_bytes(shard.read_bytes()[:-100])  # the second of its two leaves
    os.unlink(folder.parent / "flax/flax_model-00004-of-00004.msgpack")
    report = sc.salvage("flax::flax", "flax::left")
    assert report.leaves == 4
    assert [error.clause for _, _, error in report.losses] == ["FLAX-6", "CONV-6"]
    assert "flax_model-00004-of-00004.msgpack is missing" in str(report.losses[1].error)
    left = sc.load("flax::left")
    assert list(left["h"]) == ["0", "1", "2"]
    assert np.array_equal(left["h"]["2"]["w"], tree()["h"]["2"]["w"])
    with pytest.raises(FormatError, match="this is a safetensors file"):
        sc.salvage("shards", None)
