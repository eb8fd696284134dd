"""`inspect` of a damaged file lists what stands in front of the fault, and then says what is wrong."""

import json

import jsonschema
import msgpack
import numpy as np
import pytest

import streamckpt as sc
from reference.commands.schemas import SCHEMAS
from reference.commands.verbs import main
from reference.tests.typed_verbs import said

TREE = {"layers": {str(i): {"kernel": np.arange(400, dtype=np.float32) + i, "step": i} for i in range(6)}}


@pytest.fixture(params=["1.0", "2.0", "flax"])
def cut(request, tmp_path, monkeypatch):
    """A file that is cut off within its eighth leaf, and how it was written."""
    monkeypatch.chdir(tmp_path)
    if request.param == "flax":
        sc.save("flax::cut", TREE)
    else:
        sc.save("cut", TREE, format=request.param)
    end = sc.scan("cut")[6].end
    with open("cut", "r+b") as file:
        file.truncate(end + 3)
    return request.param


def test_the_leaves_in_front_of_a_cut_are_listed(cut, capsys):
    status, out, error = said(capsys, "inspect", "cut")
    assert (status, error.count("\n")) == (1, 1)
    kind = "standard flax file" if cut == "flax" else "stream"
    first, _, *rows = out.splitlines()
    assert first.startswith(f"cut: damaged {kind}, 7 leaves in front of the fault, ")
    assert [row.split()[0] for row in rows] == [f"layers/{i}/{name}" for i in range(4) for name in ("kernel", "step")][
        :7
    ]


def test_json_has_them_beside_the_error(cut, capsys):
    status, out, _ = said(capsys, "inspect", "cut", "--json", "--exclude=*/step")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMAS["inspect"])
    assert status == 1
    assert [leaf["path"] for leaf in found["before"]] == [["layers", str(i), "kernel"] for i in range(4)]
    assert found["before"][0]["bytes"] == 1600


def test_of_several_files_the_others_are_shown(cut, capsys):
    sc.save("whole", TREE)
    status, out, error = said(capsys, "inspect", "whole", "cut", "whole")
    assert (status, error.count("\n")) == (1, 1)
    assert [line.split(",")[0] for line in out.splitlines() if line.startswith(("whole:", "cut:"))] == [
        "whole: stream",
        f"cut: damaged {'standard flax file' if cut == 'flax' else 'stream'}",
        "whole: stream",
    ]


@pytest.mark.parametrize("words", ["trainstate::whole", "--prefix=nowhere whole", "missing", "safetensors::whole"])
def test_what_is_not_damaged_is_not_called_so(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    sc.save("whole", TREE)
    status, out, error = said(capsys, "inspect", *words.split())
    assert (status, out, error.count("\n")) == (1, "", 1)


def test_what_stands_behind_a_list_is_not_in_front_of_it(tmp_path, capsys):
    (tmp_path / "x").write_bytes(msgpack.packb({"a": 1, "l": [2], "z": 3}))
    assert main(["inspect", str(tmp_path / "x")]) == 1
    out, err = capsys.readouterr()
    assert "1 leaf in front of the fault" in out
    assert "z" not in out.split("offset")[1]
    assert "there is a list in the tree" in err
    assert "salvage" in err
