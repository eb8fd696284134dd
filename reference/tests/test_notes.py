"""What `verify` notes of a good file: each leaf that is concerned, in how many elements, and who is stopped by it."""

import json

import jsonschema
import ml_dtypes
import numpy as np
import pytest

import streamckpt as sc
from reference.commands.schemas import SCHEMAS
from reference.tests.typed_verbs import said

NAN, INF = np.nan, np.inf


def counts(path):
    return {(each.note, leaf.path): leaf[1:] for each in sc.verify(path) for leaf in each.each}


@pytest.mark.parametrize("form", ["params::", "flax::", "safetensors::"])
def test_each_leaf_is_noted_with_its_count(tmp_path, form):
    tree = {
        "good": np.arange(6.0, dtype=np.float32),
        "one": np.array([[1, NAN, 3], [INF, 5, -INF]], np.float32),
        "half": np.array([NAN, 1], ml_dtypes.bfloat16),
        "all": np.full(5, NAN, np.float16),
    }
    sc.save(f"{form}{tmp_path}/x", tree)
    assert counts(f"{form}{tmp_path}/x") == {
        ("holds NaN", ("one",)): (1, 6),
        ("holds NaN", ("half",)): (1, 2),
        ("holds NaN", ("all",)): (5, 5),
        ("holds infinities", ("one",)): (2, 6),
    }
    for finding in sc.verify(f"{form}{tmp_path}/x"):
        assert (finding.leaves, finding.first) == (len(finding.each), finding.each[0].path)


def test_a_complex_element_counts_once(tmp_path):
    sc.save(tmp_path / "x", {"a": np.array([complex(NAN, NAN), complex(1, NAN), 3, complex(INF, NAN)], np.complex64)})
    assert counts(tmp_path / "x") == {("holds NaN", ("a",)): (3, 4), ("holds infinities", ("a",)): (1, 4)}


def test_counts_add_up_over_the_pieces_of_a_leaf(tmp_path):
    large = np.zeros(3 << 20, np.float32)  # three pieces of 4 MiB
    large[:: 1 << 18] = NAN
    large[-1] = 1
    sc.save(tmp_path / "x", {"a": large})
    assert counts(tmp_path / "x") == {("holds NaN", ("a",)): (12, 3 << 20)}


def test_bits_without_a_meaning_are_counted(tmp_path):
    sc.save(tmp_path / "x", {"a": np.array([True, False, True]), "b": np.array([1, 2, 3], ml_dtypes.uint4)})
    data = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(data.replace(b"\1\0\1", b"\2\0\xff").replace(b"\1\2\3", b"\x11\2\3"))
    assert {path: found[0] for (note, path), found in counts(tmp_path / "x").items() if "DTYPE" in note} == {
        ("a",): 2,
        ("b",): 1,
    }


def test_ten_leaves_are_printed_and_all_are_in_json(tmp_path, capsys):
    sc.save(tmp_path / "many", {f"l{i:02}": np.full(3, NAN, np.float32) for i in range(12)} | {"one": np.float32(INF)})
    status, out, _ = said(capsys, "verify", tmp_path / "many")
    assert status == 0
    assert "  note: l00 holds NaN (and 11 more leaves)\n    l00: 3 of 3 elements\n    l01: 3 of" in out
    assert "    l09: 3 of 3 elements\n    and 2 more leaves, which --json lists\n" in out
    assert "  note: one holds infinities: 1 of 1 element\n" in out
    found = json.loads(said(capsys, "verify", tmp_path / "many", "--json")[1])
    jsonschema.validate(found, SCHEMAS["verify"])
    note = next(each for each in found["notes"] if each["note"] == "holds NaN")
    assert [each["path"] for each in note["each"]] == [[f"l{i:02}"] for i in range(12)]
    assert {(each["count"], each["elements"]) for each in note["each"]} == {(3, 3)}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("good --fail_on=nonfinite", 0),
        ("nan", 0),
        ("nan --fail_on=nan", 4),
        ("good nan good --fail-on nan", 4),
        ("nan --fail_on=inf", 0),
        ("inf --fail_on=nan", 0),
        ("inf --fail_on=nan --fail_on=inf", 4),
        ("inf --fail_on=nonfinite", 4),
        ("nan missing --fail_on=nan", 1),  # a file that is refused is worse
        ("nan --exclude=b --fail_on=nan", 0),
        ("nan --fail_on=zero", 2),
    ],
)
@pytest.mark.parametrize("shown", ["--json", "--quiet"])
def test_who_asks_for_it_is_stopped(tmp_path, monkeypatch, capsys, words, status, shown):
    monkeypatch.chdir(tmp_path)
    for name, value in (("good", 1), ("nan", NAN), ("inf", -INF)):
        sc.save(name, {"a": np.arange(3.0), "b": np.array([value], np.float32)})
    assert said(capsys, "verify", *words.split(), shown)[0] == status
