"""What a checkpoint says beside its leaves: kept from safetensors to safetensors, in seals and back, else named."""

import re
import subprocess
import sys

import numpy as np
import pytest

import streamckpt as sc
from reference.containers.safetensors_file import safetensors_steps
from reference.format.errors import FormatError, UsageError
from reference.format.leaves import describe
from reference.format.records import Item

safetensors = pytest.importorskip("safetensors.numpy")


def command(*arguments):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tensors = {"layer.bias": np.ones(3, np.float32), "layer.weight": np.ones((2, 3), np.float32)}
    safetensors.save_file(tensors, "x", {"format": "pt", "é": "ü", "license": "mit"})
    return tmp_path / "x"


def said(name, kind="safetensors"):
    with sc.open(f"{kind}::{name}") as checkpoint:
        return checkpoint.metadata


@pytest.mark.parametrize("through", ["safetensors::y", "safetensors::y/", "params::y"])
def test_there_and_back_the_file_is_the_same(path, through):
    options = {"format": "2.0"} if "params" in through else {}
    assert sc.convert(path, through, **options).metadata_left_out == ()
    sc.convert(through, "safetensors::z")
    assert said("z") == said("x") == {"format": "pt", "é": "ü", "license": "mit"}
    if "params" not in through:  # a seal has the keys of its metadata in their order (META-2)
        assert (path.parent / "z").read_bytes() == path.read_bytes()
    assert sorted((path.parent / "z").read_bytes()) == sorted(path.read_bytes())


def test_a_file_without_metadata_stays_one(path):
    safetensors.save_file({"a.weight": np.ones(1)}, "n")
    for through, options in (("safetensors::y", {}), ("params::y", {"format": "2.0"})):
        sc.convert("n", through, **options)
        sc.convert(through, "safetensors::z")
        assert said("z") == {}
    assert sc.convert("params::y", "flax::f").metadata_left_out == ()
    assert (path.parent / "z").read_bytes() == (path.parent / "n").read_bytes()


def test_format_is_what_is_true(path):
    sc.convert(path, "safetensors::y", include="*bias")
    assert said("y")["format"] == "pt"
    sc.convert(path, "params::plain")
    sc.convert("plain", "safetensors::y")
    assert said("y") == {}, "torch's names, and nothing says whose they are"
    sc.save("flax", {"layer": {"kernel": np.ones(2), "weight": np.ones(2)}})
    sc.convert("flax", "safetensors::y")
    assert said("y") == {"format": "flax"}
    sc.save("safetensors::z", {"a": {"bias": np.ones(2)}}, metadata={"run": "a", "step": 3})
    assert said("z") == {"format": "flax", "run": "a", "step": "3"}
    sc.convert("plain", "safetensors::y", metadata={"format": "pt"})
    assert said("y") == {"format": "pt"}


def test_what_has_no_place_is_named(path):
    for target in ("flax::y", "params::y"):
        assert set(sc.convert(path, target).metadata_left_out) == {"format", "license", "é"}
    done = command("reference.convert", "--load_checkpoint=x", "--output_file=params::y")
    assert re.match("note: the output has no place for the metadata .*license.*; --format=2.0 keeps it", done.stderr)
    done = command("reference.convert", "--load_checkpoint=x", "--output_file=flax::y")
    assert "a sealed stream keeps it" in done.stderr
    metadata = {"step": 3, "text": "t", "list": [1, None], "raw": b"\0", "odd": float("nan")}
    sc.save("sealed", {"kernel": np.ones(2)}, format="2.0", metadata=metadata)
    assert sc.convert("sealed", "safetensors::y").metadata_left_out == ("odd", "raw")
    assert said("y") == {"format": "flax", "step": "3", "text": "t", "list": "[1, null]"}
    done = command("reference.convert", "--load_checkpoint=sealed", "--output_file=safetensors::y")
    assert done.stderr.startswith("note: the output has no place for the metadata odd, raw; ")


def test_an_entry_of_the_seal_does_not_hide_one_of_the_file(path):
    sc.convert(path, "params::sealed", format="2.0", metadata={"format": "mine", "step": 1})
    assert sc.convert("sealed", "safetensors::y").metadata_left_out == ("format",)
    assert said("y") == {"format": "pt", "é": "ü", "license": "mit", "step": "1"}


def test_metadata_is_set(path):
    given = "--metadata=format=np", "--metadata=step=007", "--metadata=empty="
    assert command("reference.convert", "--load_checkpoint=x", "--output_file=y.safetensors", *given).returncode == 0
    assert said("y.safetensors") == {"format": "np", "é": "ü", "license": "mit", "step": "007", "empty": ""}
    shown = command("reference.inspect", "y.safetensors").stdout
    assert "metadata step: 007" in shown
    sc.convert(path, "safetensors::z", metadata={"n": 1, "l": [True]})
    assert (said("z")["n"], said("z")["l"]) == ("1", "[true]")
    with pytest.raises(UsageError, match="the metadata raw cannot be stored in safetensors"):
        sc.convert(path, "safetensors::z", metadata={"raw": b"1"})
    with pytest.raises(UsageError, match=r"a stream of version 1\.0 holds no metadata; write a sealed stream"):
        sc.convert(path, "params::z", metadata={"a": 1})
    with pytest.raises(UsageError, match="a standard flax file holds no metadata"):
        sc.convert(path, "flax::z", metadata={"a": 1})


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\ud800": "a"}, {"a": 1}, {1: "a"}])
def test_metadata_that_no_file_can_hold_is_refused(metadata):
    item = Item(("a",), describe(np.ones(1)))
    with pytest.raises(FormatError, match="__metadata__") as caught:
        safetensors_steps([item], metadata)
    assert caught.value.clause in ("CONV-10", "CONV-11")


def test_a_tensor_cannot_be_called_as_the_metadata_is():
    with pytest.raises(FormatError, match="'__metadata__' is taken"):
        safetensors_steps([Item(("__metadata__",), describe(np.ones(1)))], {})
