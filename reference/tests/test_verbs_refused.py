"""What is not there, cannot be read or written, or was not finished: each is one line that says what to do."""

import json

import numpy as np
import pytest

import reference
from reference.convert import convert
from reference.tests.typed_verbs import said, save_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["inspect", ""], "a path is empty: name a file, or a folder"),
        (["convert", "x", ""], "a path is empty: name a file, or a folder"),
        (["convert", "x", "z.safetensor"], "z.safetensor: did you mean z.safetensors? If not, put flax:: or params::"),
        (["convert", "x", "z.json"], "z.json: .json files cannot be written; put safetensors::, flax:: or params::"),
        (["inspect", "none/"], "none/: there is no such folder"),
        (["inspect", "none"], "none: no such file or directory\n"),
        (
            ["inspect", "run/streming_params"],
            "run/streming_params: no such file or directory; did you mean run/streaming_params?\n",
        ),
        (["convert", "nowhere/weights", "z"], "nowhere/weights: no such file or directory\n"),
        (["inspect", "x/"], "x/: this is a file; drop the / at the end"),
        (["inspect", "run"], "run: this is a directory; name a file in it, such as log.txt, streaming_params"),
        (["inspect", "empty"], "empty: this is a directory; name a file in it\n"),
        (
            ["convert", "x", "/dev/null"],
            "/dev/null: this is not a regular file, and a file does not take its place",
        ),
        (["convert", "x", "flax::y/"], "this is a file, and a folder is to be written; name another folder, or"),
        (
            ["convert", "x", "z", "--prefix=params/v"],
            "the subtree params/v was asked for and is not in it (CONV-5); under params are: w, b",
        ),
        (
            ["convert", "x", "z", "--prefix=params/w"],
            "params/w was asked for and is a leaf, not a subtree (CONV-5); sc.open(path)['params/w'] reads it, "
            "and a command takes it by --include=params/w",
        ),
        (["convert", "x", "z", "--prefix=w"], "at its root are: params, n"),
        (["inspect", "x", "--depth=two"], "argument --depth: 'two' is not a whole number"),
    ],
)
def test_what_cannot_be_read_or_written_is_named_with_what_to_do(words, error, folder, capsys):
    (folder / "empty").mkdir()
    (folder / "run").mkdir()
    for name in ("streaming_params", "log.txt", ".hidden"):
        (folder / "run" / name).touch()
    status, out, said_of_it = said(capsys, *words)
    assert status in (1, 2)
    assert not out
    assert error in said_of_it


@pytest.mark.parametrize("verb", ["inspect", "verify"])
@pytest.mark.parametrize("option", ["--match=nothing", "--exclude=*"])
def test_patterns_that_choose_nothing_are_refused(verb, option, folder, capsys):
    status, out, error = said(capsys, verb, "x", option)
    assert (status, out) == (2, "")
    assert "the patterns select no leaf; the first leaves of the file are: params/w, params/b, n" in error


def test_a_file_that_was_cut_off_is_sent_to_salvage(folder, capsys):
    _, _, error = said(capsys, "verify", "cut")
    assert "or rescue the intact leaves with `streamckpt salvage`" in error


@pytest.mark.parametrize("form", ["1.0", "2.0", "flax"])
def test_a_download_that_was_not_finished_is_told_with_its_place(form, folder, capsys):
    tree = {str(i): np.arange(1, 501, dtype=np.float32) for i in range(20)}
    reference.save("flax::whole" if form == "flax" else "whole", tree, **({} if form == "flax" else {"format": form}))
    data = (folder / "whole").read_bytes()
    for at in (len(data) // 3, len(data) // 2, len(data) - 40):
        start = len(data[:at].rstrip(b"\0"))
        (folder / "part").write_bytes(data[:at] + bytes(len(data) - at))
        status, _, error = said(capsys, "verify", "part")
        if at == len(data) - 40 and form != "2.0":  # inside of the last array, which may be zeros by right
            assert (status, error) == (0, "")
            continue
        assert status == 1
        assert f"from byte {start} on the file is nothing but zeros, as a download that did not finish" in error


@pytest.mark.parametrize("form", ["stream", "safetensors", "flax", "shards"])
def test_zeros_that_begin_inside_a_leaf_of_a_good_file_are_noted(form, folder, capsys):
    """The header of safetensors says where each tensor is, so that all of them are there, zeros or not."""
    tree = {name: np.arange(1, 3001, dtype=np.float32) for name in ("a", "b", "c" * 9)}
    name = {"stream": "x1", "safetensors": "safetensors::x1", "flax": "flax::x1", "shards": "safetensors::x1/"}[form]
    reference.save("plain", tree)
    convert("plain", name, max_shard_size=25_000 if form == "shards" else None)
    assert "zeros" not in said(capsys, "verify", "x1")[1]
    path = folder / "x1" if form != "shards" else min((folder / "x1").glob("*.safetensors"))
    data = path.read_bytes()
    at = len(data) - (8_000 if form in ("stream", "flax") else 20_000)
    start = len(data[:at].rstrip(b"\0"))
    path.write_bytes(data[:at] + bytes(len(data) - at))
    leaf = {"safetensors": "b", "shards": "a"}.get(form, "c" * 9)
    status, out, error = said(capsys, "verify", "x1")
    assert (status, error) == (0, "")
    assert f"note: {leaf} is zeros from byte {start} of its file on, and so is the rest, as in a download" in out


def test_the_zeros_of_a_small_integer_are_not_those_of_a_download(folder, capsys):
    reference.save("safetensors::steps", {"a": np.full(9, 5, np.int64), "b": np.zeros(9000, np.int64)})
    assert "zeros" not in said(capsys, "verify", "steps")[1]


def test_salvage_doubts_a_leaf_that_ends_in_the_zeros_of_the_rest(folder, capsys):
    reference.save("whole", {str(i): np.arange(1, 501, dtype=np.float32) for i in range(4)})
    data = (folder / "whole").read_bytes()
    (folder / "part").write_bytes(data[:3000] + bytes(len(data) - 3000))
    status, out, _ = said(capsys, "salvage", "part", "rescued")
    assert (status, "part: 1 leaf is intact, 1 is doubtful\n" in out) == (3, True)
    assert "  doubtful: 1: the last 1,056 of its 2,020 bytes are zeros, as all of the file behind them is; left" in out
    assert json.loads(said(capsys, "salvage", "part", "--dry_run", "--json")[1])["doubtful"] == [["1"]]
    reference.save("x", {"a": np.ones(1000), "b": np.zeros(1000), "c": 1})
    (folder / "x").write_bytes((folder / "x").read_bytes()[:-3])
    assert "zeros" not in said(capsys, "salvage", "x", "rescued")[2]  # its end is cut off, and zeros by right


def test_a_fault_before_an_array_of_zeros_is_no_download(folder, capsys):
    reference.save("x", {"a": 1, "b": np.zeros(1000)})
    data = bytearray((folder / "x").read_bytes())
    data[data.index(b"\x92", 1)] = 0x93
    (folder / "x").write_bytes(data)
    _, _, error = said(capsys, "verify", "x")
    assert "REC-1" in error
    assert "zeros" not in error
