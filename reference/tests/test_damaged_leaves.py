"""Every damaged leaf of a sealed stream is named by `verify`, not only the first."""

import json

import jsonschema
import numpy as np
import pytest

import streamckpt as sc
from reference.commands import verbs
from reference.commands.schemas import SCHEMAS

TREE = {f"l{i:02}": np.arange(1, 5001, dtype=np.float32) + i for i in range(15)} | {"small": np.arange(4.0), "n": 3}


def spoiled(folder, leaves, **options):
    """A sealed stream of which the last byte of each of these leaves is changed."""
    sc.save(folder / "x", TREE, format="2.0", **options)
    data = bytearray((folder / "x").read_bytes())
    for record in sc.scan(folder / "x"):
        if record.path[0] in leaves:
            data[record.end - 1] ^= 1
    (folder / "x").write_bytes(data)
    return folder / "x"


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("leaves", [["l03"], ["l00", "l03", "small", "n"], [*TREE]])
def test_each_is_named(tmp_path, leaves, digests):
    path = spoiled(tmp_path, leaves, digests=digests)
    with pytest.raises(sc.FormatError) as caught:
        sc.verify(path)
    error = caught.value
    assert {each.path[0] for each in (error, *error.others)} == set(leaves)
    assert {(each.clause, each.file) for each in (error, *error.others)} == {("SUM-3", str(path))}
    if len(leaves) < len(TREE):  # of a file in which nothing is intact nothing is salvaged
        assert [loss.error.path for loss in sc.salvage(path, None).losses] == [
            each.path for each in (error, *error.others)
        ]


def test_the_message_is_one_line_and_names_ten_more(tmp_path, capsys):
    path = spoiled(tmp_path, TREE)
    assert verbs.main(["verify", str(path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "leaf l00); 16 more leaves damaged: l01, l02, l03, l04, l05, l06, l07, l08, l09, l10 and 6 more; the" in said
    assert verbs.main(["verify", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMAS["verify"])
    assert [each["path"] for each in found["error"]["others"]] == [[name] for name in [*TREE][1:]]


def test_a_leaf_that_is_not_chosen_is_not_named(tmp_path):
    with sc.open(spoiled(tmp_path, ["l01", "l02"])) as checkpoint:
        checkpoint.select(lambda path: path != ("l01",))
        with pytest.raises(sc.FormatError) as caught:
            sc.verify(checkpoint)
    assert (caught.value.path, caught.value.others) == (("l02",), ())
