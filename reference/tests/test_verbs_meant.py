"""What users ask for in other words than ours, and what is meant by it."""

import os
import subprocess
import sys

import numpy as np
import pytest

import reference
from reference.checkpoints.detached_seals import seal
from reference.checkpoints.run_config import default_config
from reference.tests.typed_verbs import TREE, said, save_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_files(tmp_path)
    return tmp_path


# --- the version of a stream --------------------------------------------------------------------------------------


def test_who_asks_for_a_version_gets_a_stream(folder, capsys):
    status, out, _ = said(capsys, "convert", "x", "sealed", "--format=2.0")
    assert (status, out.partition(":")[2].startswith(" a sealed stream of 3 leaves")) == (0, True)
    assert said(capsys, "convert", "x", "aligned", "--format=2.0", "--alignment=128", "--digests")[0] == 0
    assert said(capsys, "convert", "sealed", "plain", "--format=1.0")[1].startswith("wrote plain: a stream of 3")
    assert (folder / "plain").read_bytes() == (folder / "x").read_bytes()


@pytest.mark.parametrize(
    ("output", "kind"),
    [("z.safetensors", "a safetensors file"), ("flax::z", "a standard flax file"), ("orbax::z", "an orbax folder")],
)
def test_no_other_kind_has_a_version(folder, capsys, output, kind):
    status, _, error = said(capsys, "convert", "x", output, "--format=2.0")
    assert status == 2
    assert (
        f"{kind} has no version of the stream format; leave out --format (format=), or write a stream: params::z"
        in error
    )
    assert not list(folder.glob("z*"))


# --- prefixes -----------------------------------------------------------------------------------------------------


def test_a_stream_may_be_sealed_by_its_prefix(folder, capsys):
    assert said(capsys, "seal", "params::x", "--metadata", "step=3")[0] == 0
    assert said(capsys, "inspect", "x")[1].endswith("metadata step: 3\n")
    report = seal("y")
    assert repr(report).startswith("<SealReport: wrote y.seal, ")


@pytest.mark.parametrize(
    "name", ["flax::f", "f", "safetensors::s.safetensors", "s.safetensors", "trainstate_params::x"]
)
def test_a_seal_is_that_of_a_stream(folder, capsys, name):
    reference.save("flax::f", TREE)
    reference.save("safetensors::s.safetensors", {"w": np.arange(3)})
    status, _, error = said(capsys, "seal", name)
    assert status in (1, 2)
    assert error.endswith("write it as a sealed stream: `streamckpt convert IN params::OUT --format=2.0`\n")


def test_the_weights_of_another_kind_are_had_by_a_subtree(folder, capsys):
    reference.save("flax::f", {"step": 1, "params": {"params": {"w": np.arange(3)}}, "opt_state": {"0": 1}})
    status, _, error = said(capsys, "convert", "trainstate_params::f", "params::w")
    assert status == 1
    assert error.endswith("use flax:: and --prefix=params/params (prefix=) for its weights\n")
    assert said(capsys, "convert", "flax::f", "params::w", "--prefix=params/params")[0] == 0
    assert list(reference.load("w")) == ["w"]


# --- what is said -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--match", "nope"], ["--exclude", "*"]])
def test_patterns_that_match_nothing_are_told_what_there_is(folder, capsys, words):
    status, _, error = said(capsys, "compare", "x", "y", *words)
    assert status == 2
    assert error.endswith("the first leaves of the second are: params/w, params/b, n\n")


def test_leaves_behind_a_fault_are_not_in_front_of_it(folder, capsys):
    (folder / "twice").write_bytes((folder / "x").read_bytes() * 2)
    status, out, error = said(capsys, "inspect", "twice")
    assert status == 1
    assert out.startswith("twice: damaged stream, 3 leaves in front of the fault")
    assert "params/w  float32[600]  2.4 kB" in out
    assert "this key path occurs twice in the tree (STREAM-4" in error


def test_weights_and_a_train_state_have_a_delta_with_a_hint(folder, capsys):
    pytest.importorskip("zstandard")
    reference.save("weights", TREE["params"])
    error = said(capsys, "diff", "weights", "x", "d")[2]
    assert "note: the target has below params what the base has at its root; `convert --prefix=params`" in error
    assert "note" not in said(capsys, "diff", "y", "x", "d")[2]


def test_an_entry_of_the_config_that_is_misspelled_is_refused():
    for name in ("save_optimiser_state", "float_dtypes", "Format"):
        with pytest.raises(reference.UsageError, match=f"{name} is not an entry of the config; did you mean "):
            default_config({name: True})
    assert default_config({"my_own": 7})["my_own"] == 7


# --- output that nobody reads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["help"], ["--version"], ["help", "convert"]])
def test_help_that_nobody_reads_is_no_fault(words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run([sys.executable, "-m", "streamckpt", *words], stdout=pipe, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_help_onto_a_full_disk_is_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "streamckpt", "--help"], stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"streamckpt: error: no space left on device\n")


# --- zeros behind a seal -------------------------------------------------------------------------------------------


def test_zeros_behind_a_seal_do_not_take_it_away(folder, capsys):
    reference.save("sealed", TREE, format="2.0", metadata={"step": 3}, digests=True)
    good = (folder / "sealed").read_bytes()
    (folder / "longer").write_bytes(good + bytes(3000))
    assert said(capsys, "verify", "longer")[0] == 1
    status, out, error = said(capsys, "salvage", "longer", "rescued")
    assert (status, error) == (3, "")
    assert f"lost: bytes {len(good)} to {len(good) + 3000}, 3 kB: zeros follow the seal, which is whole" in out
    assert (folder / "rescued").read_bytes() == good
