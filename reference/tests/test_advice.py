"""What is refused says what to do that can be done: in the verb that was typed, with the file that is there."""

import json
import re
import struct

import numpy as np
import pytest

import streamckpt as sc
from reference.commands.verbs import main

pytestmark = pytest.mark.usefixtures("_folder")


@pytest.fixture
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sc.save("x", {"model": {"layers": {"0": {"w": np.ones(2)}}}, "b": np.ones(2)})


def told(capfd, *arguments, status=1):
    assert main(list(arguments)) == status
    return " ".join(capfd.readouterr().err.split())


def write(path, header, size=0):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))


def test_a_difference_of_what_cannot_be_held_is_not_told_of_options_that_it_lacks(tmp_path, capfd):
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    write(tmp_path / "f4.safetensors", {"a": one, "q": {"dtype": "F4", "shape": [2], "data_offsets": [4, 5]}}, 5)
    write(tmp_path / "clash.safetensors", {"a": one, "a.b": {**one, "data_offsets": [4, 8]}}, 8)
    for verb in (["diff"], ["diff", "--method=subtract"]):
        assert "convert it with --exclude (exclude=) first" in told(capfd, *verb, "f4.safetensors", "x", "d")
        text = told(capfd, *verb, "clash.safetensors", "x", "d")
        assert "convert it with --exclude (exclude=) first, or keep names whole with --names=whole" in text
    assert "leave them out with --exclude" in told(capfd, "compare", "f4.safetensors", "x", status=2)
    assert main(["compare", "f4.safetensors", "f4.safetensors", "--exclude=q", "-q"]) == 0


def test_a_safetensors_file_without_tensors_is_named_as_such(tmp_path, capfd):
    write(tmp_path / "empty.safetensors", {"__metadata__": {"format": "pt"}})
    for verb in (["inspect"], ["verify"]):
        assert "this safetensors file holds no tensor (STREAM-3" in told(capfd, *verb, "empty.safetensors")


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json"]
)
def test_a_folder_of_pytorch_is_named(tmp_path, capfd, name):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "config.json").write_text("{}")
    index = {"metadata": {"total_size": 8}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}
    (tmp_path / "t" / name).write_text(json.dumps(index))
    text = told(capfd, "convert", "t", "params::y")
    assert f"t: this folder holds a model in PyTorch's files, {name} (CONV-6)" in text
    assert "save it with save_pretrained" in text
    if name.endswith("json"):
        text = told(capfd, "convert", f"t/{name}", "params::y")
        assert "this is an index of PyTorch files" in text
        assert "save it with save_pretrained" in text


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        ("model.safetensors.index.json", "name their folder, as in safetensors::./"),
        ("f/flax_model.msgpack.index.json", "name their folder, as in flax::f/"),
        ("pytorch_model.bin", "files cannot be written"),
        ("f/pytorch_model-00001-of-00002.bin", "files cannot be written"),
    ],
)
def test_names_of_what_is_not_written_are_refused(capfd, output, wanted):
    assert wanted in told(capfd, "convert", "x", output, status=2)


def test_the_ending_counts_in_capitals_too(tmp_path):
    assert sc.convert("x", "Y.SAFETENSORS").target_kind == "safetensors file"


@pytest.mark.parametrize("prefix", ["model/layers/", "model.layers", "/model/layers"])
def test_a_prefix_that_is_nearly_right_is_put_right(capfd, prefix):
    assert "; name it model/layers" in told(capfd, "convert", "x", "params::y", f"--prefix={prefix}")


def test_an_orbax_folder_that_is_none_is_named(tmp_path, capfd):
    pytest.importorskip("tensorstore")
    (tmp_path / "t").mkdir()
    assert re.search(r"error: t: this is not an orbax folder", told(capfd, "inspect", "orbax::t"))


def test_metadata_has_a_key(capfd):
    assert "'=5' has no KEY" in told(capfd, "convert", "x", "y.safetensors", "--metadata==5", status=2)


def test_what_is_replaced_is_noted_and_nothing_else(tmp_path, capfd):
    (tmp_path / "f").mkdir()
    assert main(["convert", "x", "safetensors::f/"]) == 0
    assert "has taken the place" not in capfd.readouterr().err
    assert main(["convert", "f", "safetensors::f/", "--max_shard_size=10B"]) == 0
    assert "note: it has taken the place of the input" in capfd.readouterr().err
    assert main(["convert", "f", "flax::f/"]) == 0
    assert "has taken the place" not in capfd.readouterr().err, "the safetensors are still there"
    assert main(["convert", "x", "x", "--streaming", "--dry_run"]) == 0
    assert "note: it would take the place of the input" in capfd.readouterr().err
