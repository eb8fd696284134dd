"""Files of which the arrays are stored elsewhere: what stands in their place is refused, with the folder to look in."""

import re

import flax.serialization
import msgpack
import numpy as np
import pytest

import reference
import streamckpt as sc
from reference.commands.verbs import main
from reference.format.errors import FormatError
from reference.format.trees import flatten


def write(path, kind, tree):
    """A flax file or a stream of a tree, by flax and msgpack alone: `save` refuses placeholders."""
    pack = flax.serialization.msgpack_serialize
    if kind == "flax":
        path.write_bytes(pack(tree))
    else:
        records = ((list(key), pack(value)) for key, value in flatten(tree))
        path.write_bytes(b"".join(map(msgpack.packb, records)))


SPEC = {"driver": "zarr", "kvstore": {"driver": "file", "path": "target.w"}, "metadata": {"shape": {"0": 4}}}
PLACEHOLDERS = {
    "flax": ({"params": {"w": "//GDAPlaceholder:params/w", "b": np.ones(2)}}, "x_gda/params/w", "params/w"),
    "orbax": ({"params": {"w": "PLACEHOLDER://params.w"}, "step": 1}, "/params.w", "params/w"),
    "t5x": ({"target": {"w": SPEC}, "n": 1}, "/target.w", "target/w"),
}


@pytest.mark.parametrize("who", PLACEHOLDERS)
@pytest.mark.parametrize("kind", ["flax", "params"])
def test_placeholders_are_refused_by_every_verb_with_the_folder_to_look_in(tmp_path, who, kind):
    tree, folder, leaf = PLACEHOLDERS[who]
    path = f"{kind}::{tmp_path}/x"
    write(tmp_path / "x", kind, tree)
    sc.save(tmp_path / "good", {"a": 1})
    if kind == "params" and who == "orbax":
        path = path.replace("params::", "trainstate::")
    calls = [
        lambda: sc.load(path),
        lambda: sc.load(path, like=tree),
        lambda: sc.open(path),
        lambda: sc.convert(path, f"params::{tmp_path}/y"),
        lambda: sc.verify(path),
        lambda: sc.compare(path, tmp_path / "good"),
        lambda: sc.diff(path, tmp_path / "good", tmp_path / "d"),
        lambda: sc.salvage(path, tmp_path / "y"),
    ]
    for call in calls:
        with pytest.raises(FormatError, match=rf"as {who} writes them; the first array is in .*") as caught:
            call()
        assert folder in str(caught.value)
        assert re.search(rf"leaf {leaf}\)", str(caught.value))
    assert not (tmp_path / "y").exists()


def test_specs_as_t5x_writes_them_are_refused_although_they_hold_lists(tmp_path, capsys):
    """Their shapes and chunks are lists, which a flax file does not have otherwise."""
    whole = {**SPEC, "dtype": "float32", "metadata": {"chunks": [4], "shape": [4], "compressor": {"id": "gzip"}}}
    stores = [
        (whole, str(tmp_path / "target.w")),
        ({**whole, "kvstore": {"driver": "file", "path": "/a/target.w"}}, "in /a/target.w"),
        ({**whole, "kvstore": {"driver": "gcs", "bucket": "b", "path": "run/target.w"}}, "gs://b/run/target.w"),
    ]
    path = tmp_path / "x"
    for spec, where in stores:
        path.write_bytes(msgpack.packb({"version": 3, "optimizer": {"target": {"w": spec, "n": 1}}}))
        for call in (sc.load, sc.open, sc.verify, lambda path: sc.convert(path, "params::y")):
            with pytest.raises(FormatError, match=r"as t5x writes them; the first array is in ") as caught:
                call(path)
            assert where in str(caught.value)
        for verb in ("inspect", "verify", "salvage"):
            assert main([verb, str(path), *([str(tmp_path / "y")] if verb == "salvage" else [])]) == 1
            assert f"streamckpt {verb}: error: {path}: this holds placeholders" in capsys.readouterr().err
    path.write_bytes(msgpack.packb({"a": [1], "w": {"driver": "x", "kvstore": {"driver": "y"}}}))
    with pytest.raises(FormatError, match="there is a list in the tree"):
        sc.load(path)


def test_texts_that_only_look_like_specs_are_texts(tmp_path):
    tree = {"a": "see //GDAPlaceholder:", "s": {"driver": "zarr", "kvstore": {"path": "x"}}, "n": "PLACEHOLDER"}
    reference.save(tmp_path / "x", tree)
    assert reference.load(tmp_path / "x") == tree


@pytest.mark.parametrize("text", ["//GDAPlaceholder:a/w", "PLACEHOLDER://a.w"])
@pytest.mark.parametrize("output", ["x", "flax::x", "orbax::x"])
def test_a_tree_that_holds_placeholders_is_not_saved(tmp_path, monkeypatch, text, output):
    """As flax's `msgpack_restore` gives it, which says nothing of them."""
    if "orbax" in output:
        pytest.importorskip("tensorstore")
    monkeypatch.chdir(tmp_path)
    restored = flax.serialization.msgpack_restore(flax.serialization.msgpack_serialize({"a": {"w": text}}))
    with pytest.raises(FormatError, match=r"this text stands for an array that is stored elsewhere.*leaf a/w"):
        sc.save(output, restored)
    with pytest.raises(FormatError, match="restore the tree with the program that has written it"):
        sc.save("sealed", restored, format="2.0")
    assert not list(tmp_path.iterdir())
