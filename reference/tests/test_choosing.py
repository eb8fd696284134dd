"""What cannot be held, or clashes, stops a command only where it was chosen; so are dtypes, names and endings."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import streamckpt as sc
from reference.commands.verbs import main
from reference.format.errors import FormatError, UsageError


def safetensors(path, header, size):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(range(size)))


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.fixture
def packed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = {
        "w.q": entry("F4", [4], 0, 2),
        "w.scale": entry("F32", [1], 2, 6),
        "v.q": entry("F6_E2M3", [2, 2], 6, 9),
        "b": entry("U8", [3], 9, 12),
        "new": entry("I4X", [3], 12, 13),
    }
    safetensors(tmp_path / "x", header, 13)
    return "safetensors::x"


@pytest.fixture
def clashing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = {
        "x.weight": entry("U8", [2], 0, 2),
        "x.weight.absmax": entry("U8", [2], 2, 4),
        "y.bias": entry("U8", [1], 4, 5),
    }
    safetensors(tmp_path / "x", header, 5)
    return "safetensors::x"


def command(*arguments):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)


# --- tensors that cannot be held ----------------------------------------------------------------------


def test_what_cannot_be_held_is_listed_and_refused_where_it_is_chosen(packed):
    with sc.open(packed) as checkpoint:
        assert [each.path for each in checkpoint.unheld] == [("w", "q"), ("v", "q"), ("new",)]
        assert checkpoint["b"].tolist() == [9, 10, 11]
        assert ("w", "q") not in checkpoint
        for use in (lambda: checkpoint["w/q"], lambda: checkpoint.records, lambda: list(checkpoint), checkpoint.tree):
            with pytest.raises(FormatError, match="not supported here"):
                use()
    for call in (
        lambda: sc.load(packed),
        lambda: sc.convert(packed, "out"),
        lambda: sc.verify(packed),
        lambda: sc.compare(packed, packed),
        lambda: sc.scan(packed),
    ):
        with pytest.raises(FormatError) as caught:
            call()
        assert caught.value.clause == "CONV-8"
        assert "3 tensors have dtypes that are not supported here: w/q F4[4], v/q F6_E2M3[2,2], new I4X[3]" in str(
            caught.value
        )
        assert "--exclude" in str(caught.value)


def test_the_rest_goes_on_without_them(packed):
    assert set(sc.load(packed, exclude=["*/q", "new"])) == {"w", "b"}
    assert sc.load(packed, "w", exclude="q")["scale"].dtype == np.float32
    sc.convert(packed, "out", include="b")
    assert list(sc.load("out")) == ["b"]
    assert sc.compare(packed, "out", include="b").pairs[0].change == "equal"
    like = {"b": np.zeros(3, np.uint8)}
    assert sc.load(packed, like=like, include="b")["b"].tolist() == [9, 10, 11]
    with pytest.raises(FormatError, match=r"the safetensors dtype 'F4' is not supported here \(CONV-8, .* leaf w/q\)"):
        sc.convert(packed, "out", include="w/*")
    with pytest.raises(FormatError, match="'F4'"):
        sc.load(packed, "w", include="q")


def test_the_commands_work_around_them(packed):
    shown = command("reference.inspect", "x")
    assert shown.returncode == 0
    assert "x: safetensors file, 5 leaves" in shown.stdout
    assert "F4[4] (not supported)" in shown.stdout
    assert shown.stderr.startswith("note: 3 tensors have dtypes that are not supported here")
    printed = json.loads(command("reference.inspect", "x", "--format=json", "--exclude=new").stdout)
    assert [each["tensor"] for each in printed["unheld"]] == ["F4[4]", "F6_E2M3[2,2]"]
    assert command("reference.verify", "x").returncode == 1
    assert command("reference.verify", "x", "--include=b").returncode == 0
    arguments = "--load_checkpoint=x", "--output_file=params::y", "--exclude=*q", "--exclude=new"
    assert command("reference.convert", *arguments).stdout.startswith("wrote y: a stream of 2 leaves")


@pytest.mark.parametrize("end", [1, 3])
def test_bytes_that_cannot_be_those_of_a_packed_dtype_are_refused(tmp_path, end):
    safetensors(tmp_path / "x", {"w": entry("F4", [4], 0, end)}, end)
    with pytest.raises(FormatError, match=rf"shape \[4\] of F4 does not take the {end} bytes"):
        sc.open(f"safetensors::{tmp_path}/x")


# --- names that clash ---------------------------------------------------------------------------------


def test_names_that_clash_are_refused_where_both_are_chosen(clashing):
    with sc.open(clashing) as checkpoint:
        assert len(checkpoint.listed) == 3
        with pytest.raises(FormatError, match=r"x/weight is a leaf, and x/weight/absmax is under it .*--names=whole"):
            len(checkpoint)
    with pytest.raises(FormatError, match="x/weight is a leaf"):
        sc.convert(clashing, "out", include="x/*")
    assert sc.load(clashing, exclude="*/absmax")["x"]["weight"].tolist() == [0, 1]
    assert sc.load(clashing, exclude="x/weight")["x"]["weight"]["absmax"].tolist() == [2, 3]
    assert command("reference.inspect", "x").returncode == 0


def test_names_can_be_kept_whole(clashing, tmp_path):
    whole = sc.load(clashing, names="whole")
    assert list(whole) == ["x.weight", "x.weight.absmax", "y.bias"]
    sc.convert(clashing, "params::s", names="whole", format="2.0")
    with pytest.raises(FormatError, match=r"cannot hold a part with a '\.' in it .*--names=whole"):
        sc.convert("s", "safetensors::back")
    sc.convert("s", "safetensors::back", names="whole")
    sc.convert(clashing, "safetensors::again", names="whole")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "again").read_bytes()
    with sc.open("safetensors::back", names="whole") as checkpoint:
        assert list(checkpoint) == [(key,) for key in whole]
    done = command("reference.convert", "--load_checkpoint=x", "--output_file=flax::f", "--names=whole")
    assert done.returncode == 0
    with pytest.raises(UsageError, match="'joined' is not a way to read names"):
        sc.open(clashing, names="joined")


@pytest.mark.parametrize("as_command", [False, True])
def test_names_can_be_kept_whole_in_differences(clashing, tmp_path, as_command):
    """What an error of a command advises is an option of that command."""
    header = {"x.weight": entry("U8", [3], 0, 3), "x.weight.absmax": entry("U8", [2], 3, 5)}
    safetensors(tmp_path / "t", header, 5)
    target = "safetensors::t"
    for call in (sc.delta.diff, sc.delta.subtract):
        with pytest.raises(FormatError, match=r"x/weight/absmax is under it .*--names=whole"):
            call(clashing, target, "out")
    with pytest.raises(FormatError, match="--names=whole"):
        sc.delta.compare(clashing, target)
    if as_command:
        for verb, *words in (
            ("diff", clashing, target, "delta"),
            ("recover", clashing, "delta", "safetensors::back"),
            ("diff", "--method=subtract", clashing, clashing, "safetensors::zeros"),
            ("recover", clashing, "safetensors::zeros", "safetensors::again"),
        ):
            assert command("streamckpt", verb, *words, "--names=whole").stderr.count("error") == 0
        assert command("streamckpt", "verify", "delta", f"--base={clashing}", "--names=whole").returncode == 0
        assert command("streamckpt", "compare", target, "safetensors::back", "--names=whole").returncode == 0
    else:
        sc.delta.diff(clashing, target, "delta", names="whole")
        sc.delta.verify_delta("delta", clashing, names="whole")
        sc.delta.recover(clashing, "delta", "safetensors::back", names="whole")
        sc.delta.subtract(clashing, clashing, "safetensors::zeros", names="whole")
        sc.delta.add(clashing, "safetensors::zeros", "safetensors::again", names="whole")
        found = sc.delta.compare(target, "safetensors::back", names="whole")
        assert [pair.change for pair in found.pairs] == ["equal", "equal"]
    assert list(sc.load("safetensors::back", names="whole")) == list(header)
    assert list(sc.load("safetensors::again", names="whole")) == [*header, "y.bias"]


# --- dtypes, subtrees, and what an output is ----------------------------------------------------------


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("a/router/w", "a/mlp/w", "b/norm/w", "b/router/w", "b/mlp/w")
    tree = {}
    for name in names:
        top, middle, leaf = name.split("/")
        tree.setdefault(top, {})[middle] = {leaf: np.ones(2, np.float32)}
    sc.save("x", tree)
    return tree


def dtypes(path):
    return {"/".join(record.path[:2]): str(record.dtype) for record in sc.scan(path)}


def test_dtypes_are_chosen_by_leaf(mixed):
    report = sc.convert("x", "y", float_dtype={"*": "bf16", "*/norm/*": "fp32", "b/*": "fp16"}, keep="*/router/*")
    assert dtypes("y") == {
        "a/router": "float32",
        "a/mlp": "bfloat16",
        "b/norm": "float16",  # the last that matches
        "b/router": "float32",
        "b/mlp": "float16",
    }
    assert len(report.cast) == 3
    arguments = ("--float_dtype=bf16", "--float_dtype=b/*=fp16", "--keep=*/router/*", "--output_file=params::z")
    done = command("reference.convert", "--load_checkpoint=x", *arguments)
    assert "cast 3 leaves from float32 to bfloat16, float16; 0 finite values became infinite" in done.stdout
    assert dtypes("z") == dtypes("y")
    with pytest.raises(UsageError, match="'bf15' is not a float dtype"):
        sc.convert("x", "w", float_dtype={"nothing": "bf15"})


def test_the_end_of_a_name_says_the_kind(mixed):
    assert sc.convert("x", "model.safetensors").target_kind == "safetensors file"
    assert sc.convert("x", "flax_model.msgpack").target_kind == "standard flax file"
    assert sc.convert("x", "streaming.msgpack").target_kind == "stream"  # as JAXSeq calls its own
    assert sc.convert("x", "params::odd.safetensors").target_kind == "stream"
    sc.save("saved.safetensors", mixed)
    assert sc.load("safetensors::saved.safetensors")["a"]
    for streaming in (True, False):
        with pytest.raises(UsageError, match=f"is the name of a safetensors file, and --streaming={streaming} asks"):
            sc.convert("x", "new.safetensors", streaming=streaming)
    with pytest.raises(UsageError, match="is the name of a standard flax file, and --streaming=True"):
        sc.recover("x", "x", "flax_model.msgpack", streaming=True)
    for name in ("model.pth", "model.gguf", "w.npz"):
        with pytest.raises(UsageError, match="files cannot be written"):
            sc.convert("x", name)
    done = command("reference.convert", "--load_checkpoint=x", "--output_file=m.safetensors", "--streaming=True")
    assert (done.returncode, "--streaming=True asks for a stream" in done.stderr) == (2, True)
    assert command("reference.convert", "--load_checkpoint=x", "--output_file=m.safetensors").returncode == 0


def test_inspect_takes_a_subtree(mixed):
    shown = command("reference.inspect", "x", "--prefix=b/norm").stdout
    assert shown.splitlines()[2].startswith("w ")


def test_a_pattern_that_matches_no_leaf_is_noted(tmp_path, monkeypatch, capfd):
    """One that is misspelled would else cast what was to be kept, without a word."""
    monkeypatch.chdir(tmp_path)
    sc.save("x", {"a": {"router": np.ones(2, np.float32)}, "b": np.ones(2, np.float32)})
    given = ["--keep=*/rooter", "--keep=b", "--float_dtype=bf16", "--float_dtype=c=fp16", "--exclude=d", "--include=a*"]
    assert main(["convert", "x", "params::y", *given, "--include=e"]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert (
        "note: no leaf matches --include='e', --exclude='d', --keep='*/rooter', --keep='b', --float_dtype='c'" in told
    )
    assert main(["convert", "x", "params::y", "--keep=a/*", "--float_dtype=bf16", "--rename=a/=n/"]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert "no leaf matches --keep='a/*'; --keep and --float_dtype are compared with the new names" in told
    assert main(["convert", "x", "params::y", "--keep=n/*", "--float_dtype=bf16", "--rename=a/=n/", "--include=*"]) == 0
    assert "matches" not in capfd.readouterr().err
    assert sc.convert("x", "y", exclude=[re.compile("^z")], include="b").unmatched == (("exclude", "^z"),)
