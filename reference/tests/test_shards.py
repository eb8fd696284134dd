"""Folders of shards that are written: the names that others know, as a whole or not at all."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import streamckpt as sc
from reference.checkpoints import outputs
from reference.checkpoints.shard_sizes import bytes_of_size, shards_of
from reference.format.errors import UsageError
from reference.format.leaves import describe
from reference.format.records import Item
from reference.storage import whole_folders
from reference.tests.shard_folders import INDEX, names, tree, write_shards


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_shards(tmp_path)


# --- what is written ----------------------------------------------------------------------------------


def test_shards_have_the_names_and_the_index_that_transformers_has(folder):
    shards = [f"model-0000{i}-of-00004.safetensors" for i in (1, 2, 3, 4)]
    assert names(folder) == sorted([*shards, INDEX])
    index = json.loads((folder / INDEX).read_text())
    assert index["metadata"] == {"total_size": 300 * 4 + 4 * 512 + 20 * 8}
    # A leaf over the limit has a shard of its own, and one is full when the next would bring it over.
    assert index["weight_map"] == {
        "z.kernel": shards[0],
        "h.0.w": shards[1],
        "h.1.w": shards[1],
        "h.2.w": shards[2],
        "h.3.w": shards[2],
        "a.bias": shards[3],
    }
    assert list(index["weight_map"])[:2] == ["z.kernel", "h.0.w"], "the order of the leaves is kept"


def test_the_library_of_safetensors_reads_each_shard(folder):
    safetensors = pytest.importorskip("safetensors.numpy")
    found = {}
    for name, shard in json.loads((folder / INDEX).read_text())["weight_map"].items():
        found[name] = safetensors.load_file(folder / shard)[name]
    assert np.array_equal(found["h.2.w"], tree()["h"]["2"]["w"])
    assert len(found) == 6


def test_one_shard_is_a_file_without_an_index(folder):
    report = sc.convert("stream", "safetensors::single/")
    assert names("single") == ["model.safetensors"] == list(report.shards)
    sc.convert("stream", "safetensors::file.safetensors")
    assert (folder.parent / "file.safetensors").read_bytes() == (
        folder.parent / "single/model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("most", ["1B", 700, 1100, "2KB", "1MiB"])
def test_there_and_back_the_bytes_are_the_same(folder, most):
    sc.convert("stream", "safetensors::one.safetensors")
    sc.convert("safetensors::one.safetensors", "safetensors::again/", max_shard_size=most)
    sc.convert("again/", "safetensors::back.safetensors")
    assert (folder.parent / "back.safetensors").read_bytes() == (folder.parent / "one.safetensors").read_bytes()


def test_the_order_of_the_leaves_is_that_of_the_index(folder):
    sc.convert("shards", "params::back")
    assert (folder.parent / "back").read_bytes() == (folder.parent / "stream").read_bytes()


def test_sizes_are_those_of_people():
    assert [bytes_of_size(size) for size in ("5GB", "2GiB", "1.5 mb", 7, "7")] == [5 * 10**9, 2 << 30, 1_500_000, 7, 7]
    for size in ("", "5 apples", "-1", "0", "GB", "nan", "1e400"):
        with pytest.raises(UsageError, match="is not a size"):
            bytes_of_size(size)


def test_leaves_are_put_into_shards_in_their_order():
    items = [Item((str(n),), describe(np.zeros(n, np.uint8))) for n in (6, 6, 2, 6, 2, 2, 11, 1)]
    found = [[item.leaf.nbytes for item in shard] for shard in shards_of(items, 10, lambda item: item.leaf.nbytes)]
    assert found == [[6], [6, 2], [11], [6, 2, 2], [1]]  # 11 does not end a shard that it does not go into


def test_shards_of_flax_have_flaxs_names(folder):
    report = sc.convert("stream", "flax::flax/", max_shard_size=1100)
    assert names("flax") == sorted([*report.shards, "flax_model.msgpack.index.json"])
    index = json.loads((folder.parent / "flax/flax_model.msgpack.index.json").read_text())
    assert index["weight_map"]["h/0/w"] == "flax_model-00002-of-00004.msgpack"
    import flax.serialization

    part = flax.serialization.msgpack_restore((folder.parent / "flax" / report.shards[1]).read_bytes())
    assert list(part) == ["h"]
    assert list(part["h"]) == ["0", "1"]
    sc.convert("flax/flax_model.msgpack.index.json", "params::back")
    assert (folder.parent / "back").read_bytes() == (folder.parent / "stream").read_bytes()


@pytest.mark.parametrize("output", ["params::x/", "x/y/", "stream/", "safetensors::stream/"])
def test_what_cannot_be_a_folder_of_shards_is_refused(folder, output):
    with pytest.raises((UsageError, OSError), match=r"is one file|make it first|this is a file"):
        sc.convert("stream", output, streaming=False if output in ("x/y/", "stream/") else None)
    assert not os.path.exists("x")


def test_a_size_is_for_folders(folder):
    with pytest.raises(UsageError, match="end the name with /"):
        sc.convert("stream", "safetensors::x", max_shard_size="1GB")
    with pytest.raises(UsageError, match="is a folder, and a stream is one file"):
        sc.save("x/", tree())


# --- as a whole or not at all -------------------------------------------------------------------------


def test_an_older_set_goes_and_other_files_stay(folder):
    (folder / "config.json").write_text("{}")
    (folder / "model-bak.safetensors").write_text("mine")
    (folder / ".git").mkdir()
    sc.save("other", tree(1))
    sc.convert("other", "safetensors::shards/", max_shard_size=2000)
    left = [name for name in names(folder) if re.match(r"model-\d", name)]
    assert left == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert {"config.json", "model-bak.safetensors", ".git", INDEX} < set(names(folder))
    assert not [name for name in names(folder) if "streamckpt" in name]
    sc.convert("shards", "params::back")
    assert (folder.parent / "back").read_bytes() == (folder.parent / "other").read_bytes()
    sc.convert("other", "safetensors::shards/")  # one file: the index goes too
    assert INDEX not in names(folder)
    assert "model.safetensors" in names(folder)
    with sc.open("shards") as checkpoint:
        assert checkpoint.source.name.endswith("model.safetensors")


def test_a_folder_is_replaced_by_what_was_read_from_it(folder):
    sc.convert("shards", "safetensors::shards/", float_dtype="bf16", max_shard_size=600)
    assert str(sc.load("safetensors::shards")["h"]["0"]["w"].dtype) == "bfloat16"


@pytest.mark.parametrize("fails", [1, 2, 3, 4])
def test_a_write_that_fails_leaves_what_was_there(folder, monkeypatch, fails):
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    sc.save("other", tree(1))
    calls = []
    write = outputs.write_steps

    def failing(sink, steps):
        calls.append(1)
        if len(calls) == fails:
            raise OSError(28, "No space left on device")
        write(sink, steps)

    monkeypatch.setattr(outputs, "write_steps", failing)
    for output in ("safetensors::shards/", "safetensors::new/"):
        calls.clear()
        with pytest.raises(OSError, match="No space left"):
            sc.convert("other", output, max_shard_size=1100)
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    assert sorted(os.listdir()) == ["other", "shards", "stream"]


@pytest.mark.parametrize("fails", range(1, 11))  # five of the old set, five of the new
def test_files_that_cannot_take_their_places_leave_what_was_there(folder, monkeypatch, fails):
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    sc.save("other", tree(1))
    calls = []
    rename = os.rename

    def failing(source, to):
        calls.append(1)
        if len(calls) == fails:
            raise OSError(5, "Input/output error")
        rename(source, to)

    monkeypatch.setattr(whole_folders.os, "rename", failing)
    with pytest.raises(OSError, match="Input/output error"):
        sc.convert("other", "safetensors::shards/", max_shard_size=1100)
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before


def test_what_a_killed_run_has_left_is_removed_by_the_next_once_it_is_old(folder):
    hidden = whole_folders.HIDDEN_SET.name(Path("shards").resolve(), "0" * 12)
    for at in (folder / hidden, folder / hidden.replace("0" * 12, "1" * 12)):
        at.mkdir()
        (at / "model-00001-of-00002.safetensors").write_text("half")
    os.utime(folder / hidden, (1, 1))
    sc.convert("stream", "safetensors::shards/", max_shard_size=1100)
    assert [name for name in names(folder) if name.startswith(".")] == [hidden.replace("0" * 12, "1" * 12)]
