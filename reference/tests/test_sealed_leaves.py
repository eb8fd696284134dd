"""Leaves of a sealed stream that are not arrays: a damaged one keeps nothing from being read but itself."""

import numpy as np
import pytest

import reference
from reference import inspect, verify
from reference.convert import convert
from reference.format.errors import FormatError
from reference.tests.sealed import rows_of, sealed, taken_apart

SPARSE = {
    "a": {"w": np.arange(1 << 18, dtype=np.uint16), "step": 7, "x": np.zeros(1 << 18, np.int8)},
    "name": "é" * 20,
    "v": np.ones(1 << 18, np.int8),
    "raw": b"bytes",
    "u": np.ones(1 << 18, np.uint8),
    "none": None,
    "t": np.ones(1 << 18, np.uint8),
    "node": {},
    "s": np.ones(1 << 18, np.uint8),
    "complex": 1 + 2j,
    "half": 0.5,
    "yes": True,
}
DENSE = {"w": np.zeros(1 << 18, np.int8), "ints": {f"{i:03}": i for i in range(200)}, "last": "text"}
SMALL = [("a", "step"), ("name",), ("raw",), ("none",), ("node",), ("complex",), ("half",), ("yes",)]


def spoiled(path, leaf, at):
    """The file with another bit in the record of a leaf, `at` of its bytes from the end."""
    data = bytearray(path.read_bytes())
    _, index = taken_apart(bytes(data))
    rows = rows_of(bytes(data))
    number = [tuple(row[0]) for row in index["leaves"]].index(leaf)
    data[sum(map(len, rows[: number + 1])) - 1 - at] ^= 0x04
    other = path.with_name("spoiled")
    other.write_bytes(data)
    return other


def flat(tree):
    with reference.open(tree) as checkpoint:
        return dict(checkpoint.items())


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("tree", "leaves"), [(SPARSE, SMALL), (DENSE, [("ints", "000"), ("ints", "117"), ("last",)])], ids=["few", "many"]
)
def test_a_damaged_leaf_is_named_when_it_is_asked_for_and_the_others_are_read(tmp_path, tree, leaves, check):
    sealed(tmp_path, tree, name="x", keep_empty_nodes=True)
    whole = flat(tmp_path / "x")
    for leaf in leaves:
        for at in (0, 1):
            bad = spoiled(tmp_path / "x", leaf, at)
            with reference.open(bad, check=check) as checkpoint:
                assert list(checkpoint) == list(whole)
                for path, value in whole.items():
                    if path != leaf:
                        np.testing.assert_array_equal(checkpoint[path], value)
                if not check:  # then what is damaged may be read as it stands
                    continue
                for _ in range(2):
                    with pytest.raises(FormatError) as refused:
                        checkpoint[leaf]
                    assert (refused.value.clause, refused.value.path) == ("SUM-3", leaf)


def test_what_reads_all_of_a_file_refuses_it_by_the_damaged_leaf(tmp_path, capsys):
    sealed(tmp_path, SPARSE, name="x", keep_empty_nodes=True)
    bad = spoiled(tmp_path / "x", ("name",), 0)
    for read in (
        lambda: reference.load(bad),
        lambda: list(reference.records(bad)),
        lambda: reference.scan(bad),
        lambda: convert(bad, tmp_path / "out"),
        lambda: flat(bad),
    ):
        with pytest.raises(FormatError) as refused:
            read()
        assert (refused.value.clause, refused.value.path) == ("SUM-3", ("name",))
    assert not (tmp_path / "out").exists()
    assert verify.main([str(bad)]) == 1
    assert "name" in capsys.readouterr().err
    assert inspect.main([str(bad)]) == 1
    assert "name" in capsys.readouterr().err


def test_a_scan_gives_leaves_as_they_are(tmp_path):
    sealed(tmp_path, SPARSE, name="x", keep_empty_nodes=True)
    reference.save(tmp_path / "plain", SPARSE, keep_empty_nodes=True)
    sealed_, plain = (reference.scan(tmp_path / name) for name in ("x", "plain"))
    assert [(r.path, r.kind, r.nbytes, r.leaf.value) for r in sealed_] == [
        (r.path, r.kind, r.nbytes, r.leaf.value) for r in plain
    ]
    data = (tmp_path / "x").read_bytes()
    for record in sealed_:
        if record.kind in ("str", "bin"):
            ((at, n),) = record.extents()
            value = SPARSE[record.path[0]]
            assert data[at : at + n] == (value.encode() if isinstance(value, str) else value)
