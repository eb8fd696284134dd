"""What a checkpoint says beside its leaves: kept from safetensors to safetensors, in seals and back, else named."""

import re
import subprocess
import sys

import jax
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


# --- what metadata says by key paths --------------------------------------------------------------------

KEYED = {"d": {"rng": jax.random.key(1, impl="rbg"), "w": np.ones(2)}, "k": jax.random.key(2), "l": np.ones(3)}


def names_of_keys(path):
    with sc.open(path) as checkpoint:
        return {"/".join(path): name for path, name in checkpoint.prng_keys.items()}, checkpoint.metadata


@pytest.mark.parametrize("target", ["params::y", "orbax::y"])
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"rename": [("^k$", "key/of it"), ("^d/", "")]}, {"rng": "rbg", "key/of it": "threefry2x32"}),
        ({"exclude": "k"}, {"d/rng": "rbg"}),
        ({"include": "l"}, {}),
        ({"prefix": "d", "rename": [("rng", "r")]}, {"r": "rbg"}),
        ({"map": "nnx-plain-to-values"}, {"d/rng/value": "rbg", "k/value": "threefry2x32"}),
    ],
)
def test_the_implementations_of_keys_go_where_the_keys_go(path, target, options, wanted):
    if "orbax" in target:
        pytest.importorskip("tensorstore")
    sc.save("sealed", KEYED, format="2.0", metadata={"step": 3})
    sc.convert("sealed", target, **options)
    found, metadata = names_of_keys(target)
    assert found == wanted
    assert metadata.get("prng_keys", {}) == wanted
    assert metadata["step"] == 3


def test_what_is_salvaged_names_the_keys_that_it_has(path):
    sc.save("sealed", KEYED, format="2.0", metadata={"step": 3})
    sc.salvage("sealed", "rescued", exclude="k")
    assert names_of_keys("rescued")[1] == {"step": 3, "prng_keys": {"d/rng": "rbg"}}
    assert sc.salvage("sealed", "rescued").metadata_left_out == ()
    assert set(sc.salvage("sealed", "rescued", format="1.0").metadata_left_out) == {"step", "prng_keys"}
    done = command("reference.salvage", "sealed", "flax::rescued")
    assert "note: the output has no place for the metadata prng_keys, step; a sealed stream keeps it" in done.stderr


def test_lists_are_called_as_they_are_now(path):
    pytest.importorskip("tensorstore")
    tree = {"p": {"layers": [{"w": np.ones(2)}, {"w": np.ones(3)}], "t": ((np.ones(1),), np.ones(4))}, "n": np.ones(2)}
    sc.save("orbax::x0", tree)
    cases = [
        ({}, ["p/layers", "p/t", "p/t/0"]),
        ({"prefix": "p"}, ["layers", "t", "t/0"]),
        ({"rename": [("layers", "blocks"), ("^p/", "a/b/")]}, ["a/b/blocks", "a/b/t", "a/b/t/0"]),
        ({"map": "nnx-plain-to-values"}, ["p/layers", "p/t", "p/t/0"]),
        ({"exclude": "p/t/*"}, ["p/layers"]),
        ({"include": "n"}, []),
    ]
    for i, (options, wanted) in enumerate(cases):
        sc.convert("orbax::x0", f"orbax::o{i}", **options)
        sc.convert("orbax::x0", "params::sealed", format="2.0", **options)
        for name in (f"orbax::o{i}", "sealed"):
            with sc.open(name) as checkpoint:
                assert sorted(checkpoint.metadata.get("orbax", {}).get("sequences", [])) == wanted, (options, name)


# --- differences ----------------------------------------------------------------------------------------


def test_a_difference_says_what_of_its_target_it_does_not_hold(path):
    sc.save("sealed", {"layer": {"bias": np.ones(3, np.float32), "weight": np.ones((2, 3), np.float32)}}, format="2.0",
            metadata={"step": 3})  # fmt: skip
    assert sc.diff(path, "sealed", "d").metadata_left_out == ("step",)
    # In the order of the file, which the library of safetensors leaves to chance.
    left_out = sc.diff("sealed", path, "d2").metadata_left_out
    assert sorted(left_out) == ["license", "é"]
    assert sc.subtract(path, "sealed", "s").metadata_left_out == ("step",)
    done = command("reference.diff", "x", "sealed", "d")
    assert "note: a delta has no place for the metadata step; recover gives back the leaves alone" in done.stderr
    done = command("reference.diff", "x", "sealed", "s", "--method=subtract")
    assert "note: a difference has no place for the metadata step" in done.stderr


def test_what_is_recovered_has_the_format_of_its_base(path):
    """transformers loads no safetensors without it."""
    sc.diff(path, path, "d")
    sc.subtract(path, path, "safetensors::s")
    sc.recover(path, "d", "safetensors::y")
    sc.add(path, "s", "safetensors::z/", max_shard_size=20)
    assert said("y") == said("s") == said("z/") == {"format": "pt"}
    sc.recover(path, "d", "params::y")
    assert said("y", "params") == {}
