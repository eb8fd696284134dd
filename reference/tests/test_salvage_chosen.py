"""What of a damaged file is written: what is surely intact, what was chosen; an output that says what is missing."""

import json

import jsonschema
import numpy as np
import pytest

import streamckpt as sc
from reference.commands.schemas import SCHEMAS
from reference.tests.typed_verbs import said

TREE = {str(i): np.arange(1, 501, dtype=np.float32) + i for i in range(5)}
PATHS = [(str(i),) for i in range(5)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A whole stream; one cut in a leaf, one between leaves; and one whose rest, from within a leaf on, is zeros."""
    monkeypatch.chdir(tmp_path)
    sc.save("whole", TREE)
    data, ends = (tmp_path / "whole").read_bytes(), [record.end for record in sc.scan("whole")]
    (tmp_path / "cut").write_bytes(data[: ends[2] + 100])
    (tmp_path / "between").write_bytes(data[: ends[2]])
    (tmp_path / "zeros").write_bytes(data[: ends[2] + 1000] + bytes(len(data) - ends[2] - 1000))
    sc.convert("whole", "params::sealed", format="2.0", metadata={"step": 3})
    sealed = bytearray((tmp_path / "sealed").read_bytes())
    sealed[sc.scan("sealed")[1].end - 1] ^= 1
    (tmp_path / "broken").write_bytes(sealed)
    return tmp_path


# --- what is doubtful ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["params::", "flax::"])
def test_a_leaf_that_ends_in_the_zeros_of_the_rest_is_written_only_when_asked_for(folder, kind):
    if kind == "flax::":
        sc.convert("whole", "flax::whole")
        data = (folder / "whole").read_bytes()
        (folder / "zeros").write_bytes(data[:7000] + bytes(len(data) - 7000))
    report = sc.salvage("zeros", f"{kind}out")
    assert [doubt.path for doubt in report.doubtful] == [PATHS[3]]
    assert (report.leaves, [path for path, _ in sc.records("out")]) == (3, PATHS[:3])
    kept = sc.salvage("zeros", f"{kind}out", keep_doubtful=True)
    assert kept.doubtful == report.doubtful
    assert (kept.leaves, [path for path, _ in sc.records("out")]) == (4, PATHS[:4])


def test_how_many_of_its_bytes_are_zeros_is_told(folder, capsys):
    status, out, _ = said(capsys, "salvage", "zeros", "--dry_run", "--json")
    (doubt,) = json.loads(out)["doubts"]
    record = sc.scan("whole")[3]
    data = (folder / "zeros").read_bytes()[record.leaf_offset : record.end]
    assert (status, doubt["bytes"], doubt["zeros"]) == (3, len(data), len(data) - len(data.rstrip(b"\0")))
    assert json.loads(out)["leaves"] == 3
    _, out, _ = said(capsys, "salvage", "zeros", "--dry_run", "--keep_doubtful")
    assert "zeros: 3 leaves are intact, 1 is doubtful\n" in out
    assert "; written all the same\n" in out


def test_where_nothing_is_surely_intact_the_doubtful_is_named(folder, capsys):
    sc.save("whole", {"a": np.arange(1, 501, dtype=np.float32), "b": 1})
    data = (folder / "whole").read_bytes()
    (folder / "zeros").write_bytes(data[:1000] + bytes(len(data) - 1000))
    status, _, error = said(capsys, "salvage", "zeros", "out")
    assert (status, (folder / "out").exists()) == (1, False)
    assert "zeros: " in error
    assert "no leaf in it is surely intact, and 1 leaf may be: --keep_doubtful" in error
    assert said(capsys, "salvage", "zeros", "out", "--keep_doubtful")[0] == 3


# --- what was chosen -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["--match=[02]"], [("0",), ("2",)]),
        (["--include=0", "--include=1"], [("0",), ("1",)]),
        (["--exclude=1"], [("0",), ("2",)]),
    ],
)
def test_the_patterns_of_other_verbs_choose(folder, capsys, words, paths):
    status, out, _ = said(capsys, "salvage", "cut", "out", *words)
    assert (status, [path for path, _ in sc.records("out")]) == (3, paths)
    assert "cut: 3 leaves are intact (1 of them not chosen)\n" in out


def test_patterns_that_choose_nothing_are_wrong_usage(folder, capsys):
    status, _, error = said(capsys, "salvage", "cut", "out", "--match=4")
    assert (status, (folder / "out").exists()) == (2, False)
    assert "the patterns select no leaf; the first leaves of the file are: 0, 1, 2" in error


def test_a_dry_run_names_the_leaves_that_would_be_written(folder, capsys):
    _, out, _ = said(capsys, "salvage", "cut", "--dry_run", "--exclude=1")
    assert out.startswith("0  float32[500]  2 kB\n2  float32[500]  2 kB\ncut: ")
    found = json.loads(said(capsys, "salvage", "cut", "--dry_run", "--exclude=1", "--json")[1])
    jsonschema.validate(found, SCHEMAS["salvage"])
    assert [leaf["path"] for leaf in found["intact"]] == [["0"], ["2"]]
    assert found["not_chosen"] == 1


# --- what is known, and what the output says -------------------------------------------------------------


@pytest.mark.parametrize(("name", "has_end"), [("whole", False), ("between", False), ("sealed", True), ("flax", True)])
def test_that_nothing_is_lost_is_said_where_the_file_has_an_end(folder, capsys, name, has_end):
    sc.convert("whole", "flax::flax")
    status, out, _ = said(capsys, "salvage", name, "--dry_run")
    assert (status, "nothing is lost" in out) == (0, has_end)
    assert ("no end mark: leaves that were cut off behind the last one cannot be noticed" in out) != has_end
    assert sc.salvage(name, None).has_end == has_end
    assert ("(without an end mark)" in said(capsys, "verify", name)[1]) != has_end


def test_a_sealed_output_says_that_it_is_a_part(folder, capsys):
    status, out, error = said(capsys, "salvage", "zeros", "out", "--format=2.0")
    assert (status, error) == (3, "")
    assert "wrote out: a sealed stream of 3 leaves" in out
    assert sc.verify("out") == []
    with sc.open("out") as checkpoint:
        lost = sum(loss.end - loss.offset for loss in sc.salvage("zeros", None).losses)
        missing = {"complete": False, "bytes_lost": lost, "leaves_lost": [], "doubtful_left_out": ["3"]}
        assert checkpoint.metadata == {"salvaged": missing}
    _, _, error = said(capsys, "salvage", "zeros", "out")
    assert "nothing in it says so; --format=2.0 writes one that does" in error
    _, _, error = said(capsys, "salvage", "zeros", "flax::out")
    assert error.endswith("nothing in it says so\n")


def test_a_sealed_input_keeps_its_metadata_beside(folder):
    report = sc.salvage("broken", "out")
    assert report.version == "2.0"
    with sc.open("out") as checkpoint:
        assert checkpoint.metadata["step"] == 3
        assert checkpoint.metadata["salvaged"]["leaves_lost"] == ["1"]
    assert sc.salvage("broken", "out", format="1.0").version == "1.0"
    assert sc.scan("out")[0].offset == 0


def test_nothing_is_said_of_what_is_whole(folder):
    sc.salvage("whole", "out", format="2.0")
    with sc.open("out") as checkpoint:
        assert checkpoint.metadata == {}


def test_a_flax_file_has_no_version(folder, capsys):
    status, _, error = said(capsys, "salvage", "cut", "flax::out", "--format=2.0")
    assert (status, "only streams are sealed" in error) == (2, True)


# --- what is not salvaged --------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "params::", "flax::", "safetensors::"])
@pytest.mark.parametrize("kind", ["safetensors", "delta"])
def test_what_cannot_be_salvaged_is_not_sent_elsewhere(folder, capsys, prefix, kind):
    if kind == "delta":
        sc.diff("whole", "whole", "other")
    else:
        sc.convert("whole", "safetensors::other")
    with open("other", "r+b") as file:
        file.truncate((folder / "other").stat().st_size - 10)
    status, _, error = said(capsys, "salvage", f"{prefix}other", "out")
    assert status == (2 if prefix == "safetensors::" else 1)
    assert "error: other: " in error
    assert "only streams and flax files can be salvaged" in error
    assert "if it is damaged, get it again" in error
    assert "use " not in error


@pytest.mark.parametrize("damage", [lambda data: data[:-10], lambda data: data[:300] + bytes(len(data) - 310)])
def test_verify_says_what_to_do_with_a_safetensors_file(folder, capsys, damage):
    sc.convert("whole", "safetensors::other")
    (folder / "other").write_bytes(damage((folder / "other").read_bytes()))
    status, _, error = said(capsys, "verify", "other")
    assert (status, "get it again" in error, "salvage" in error) == (1, True, False)
