"""Leaves of a sealed stream that are not arrays: a damaged one keeps nothing from being read but itself."""

import copy
import os
import pickle

import numpy as np
import pytest

import reference
from reference import inspect, verify
from reference.convert import convert
from reference.delta import compare, diff
from reference.format.errors import FormatError
from reference.format.keypaths import display
from reference.format.later_leaves import LaterLeaf
from reference.salvage import salvage
from reference.tests.sealed import an_int, rows_of, sealed, sealed_by_hand, taken_apart

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


@pytest.mark.parametrize("leaf", SMALL, ids=display)
def test_what_reads_all_of_a_file_refuses_it_by_the_damaged_leaf(tmp_path, capsys, leaf):
    sealed(tmp_path, SPARSE, name="x", keep_empty_nodes=True)
    bad = spoiled(tmp_path / "x", leaf, 0)
    for read in (
        lambda: reference.load(bad),
        lambda: list(reference.records(bad)),
        lambda: reference.scan(bad),
        lambda: convert(bad, tmp_path / "out"),
        lambda: convert(bad, tmp_path / "out", dry_run=True),
        lambda: compare(str(bad), SPARSE),
        lambda: diff(str(bad), SPARSE, tmp_path / "out"),
        lambda: flat(bad),
    ):
        with pytest.raises(FormatError) as refused:
            read()
        assert (refused.value.clause, refused.value.path) == ("SUM-3", leaf)
    assert not (tmp_path / "out").exists()
    for command in (verify, inspect):
        assert command.main([str(bad)]) == 1
        assert display(leaf) in capsys.readouterr().err
    report = salvage(bad, tmp_path / "saved")
    assert [loss.error.path for loss in report.losses] == [leaf]
    assert [r.path for r in reference.scan(tmp_path / "saved")] == [
        r.path for r in reference.scan(tmp_path / "x") if r.path != leaf
    ]


@pytest.mark.parametrize("tree", [SPARSE, DENSE], ids=["few", "many"])
def test_what_was_not_read_of_a_closed_file_says_that_it_is_closed(tmp_path, tree):
    sealed(tmp_path, tree, name="x", keep_empty_nodes=True)
    known = reference.scan(tmp_path / "x")
    with reference.open(tmp_path / "x") as checkpoint:
        records = checkpoint.records
        seen = records[1].leaf.value
    assert [(r.path, r.kind, r.dtype, r.shape) for r in records] == [(r.path, r.kind, r.dtype, r.shape) for r in known]
    assert records[1].leaf.value == seen == known[1].leaf.value, "it was read before"
    for record, whole in zip(records, known, strict=True):
        assert record.described() in repr(record)
        assert record.described().startswith(str(record.dtype or record.kind))
        if record.kind not in ("str", "bin"):
            assert record.nbytes == whole.nbytes
        elif tree is SPARSE:
            for ask in (lambda: record.nbytes, record.extents, lambda: record == whole):  # noqa: B023
                with pytest.raises(ValueError, match=r"x is closed; open it again") as refused:
                    ask()
                assert not isinstance(refused.value, FormatError)
        if record.dtype is not None or tree is DENSE:
            assert record == whole


def test_records_are_the_same_whenever_they_are_read(tmp_path):
    sealed(tmp_path, SPARSE, name="x", keep_empty_nodes=True)
    known = reference.scan(tmp_path / "x")
    with reference.open(tmp_path / "x") as one, reference.open(tmp_path / "x") as other:
        leaves = [record.leaf for record in one.records]
        assert any(isinstance(leaf, LaterLeaf) for leaf in leaves)
        assert one.records == other.records == known
        assert not any(leaf != record.leaf for leaf, record in zip(leaves, known, strict=True))
        assert [copy.copy(leaf) for leaf in leaves] == [record.leaf for record in known]
        assert pickle.loads(pickle.dumps(other.records)) == known
        assert [tuple(leaf) for leaf in leaves] == [tuple(record.leaf) for record in known]
        assert [leaf[0] for leaf in leaves] == [record.kind for record in known]
        assert [leaf._replace(nbytes=1) for leaf in leaves] == [record.leaf._replace(nbytes=1) for record in known]
        assert {leaf for leaf in leaves if leaf.value != {}} == {r.leaf for r in known if r.leaf.value != {}}
        assert leaves[1] != leaves[0]
    assert pickle.loads(pickle.dumps(known)) == known


def test_reports_hold_leaves_that_were_read_before_the_file_was_closed(tmp_path):
    sealed(tmp_path, SPARSE, name="x", keep_empty_nodes=True)
    known = {record.path: record.leaf for record in reference.scan(tmp_path / "x")}
    for items in (
        convert(tmp_path / "x", tmp_path / "out", dry_run=True).items,
        convert(tmp_path / "x", tmp_path / "out").items,
        compare(str(tmp_path / "x"), str(tmp_path / "out")).pairs,
    ):
        found = {each.path: each.leaf if hasattr(each, "leaf") else each.a for each in items}
        assert not any(isinstance(leaf, LaterLeaf) for leaf in found.values())
        assert [(p, leaf.kind, leaf.nbytes, leaf.value) for p, leaf in sorted(found.items())] == [
            (p, leaf.kind, leaf.nbytes, leaf.value) for p, leaf in sorted(known.items())
        ]


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


def _lying(path):
    """A file whose index says that its int is a text, with the checksums that this takes."""
    path.write_bytes(sealed_by_hand([(*an_int()[:2], "str", *an_int()[3:])]))


def _placeholder(path):
    """What `save` refuses to write."""
    reference.save(path, {"a": "..GDAPlaceholder:a"})
    path.write_bytes(path.read_bytes().replace(b"..GDA", b"//GDA"))


BAD = {
    "a part that is not there": (lambda path: sealed(path.parent, SPARSE, name=path.name), {"prefix": "no"}),
    "a seal that is cut off": (lambda path: path.write_bytes(sealed(path.parent, SPARSE)[:-1]), {}),
    "placeholders": (_placeholder, {}),
    "a dialect of other files": (lambda path: sealed(path.parent, SPARSE, name=path.name), {"dialect": "split-leaves"}),
    "another kind": (lambda path: reference.save(path, SPARSE), {"path": "flax::{}"}),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_is_refused_when_it_is_opened_is_closed(tmp_path, what):
    write, options = BAD[what]
    write(tmp_path / "x")
    name = options.get("path", "{}").format(tmp_path / "x")
    before = os.listdir("/proc/self/fd")
    with pytest.raises((FormatError, ValueError)) as refused:
        reference.open(name, **{key: value for key, value in options.items() if key != "path"})
    assert os.listdir("/proc/self/fd") == before, refused  # the error still holds what was at work


def test_a_leaf_that_is_not_what_the_index_says_is_refused_and_the_file_can_be_closed(tmp_path):
    _lying(tmp_path / "x")
    before = os.listdir("/proc/self/fd")
    with reference.open(tmp_path / "x") as checkpoint:
        for _ in range(2):
            with pytest.raises(FormatError) as refused:
                checkpoint["a"]
            assert refused.value.clause == "INDEX-7"
    with pytest.raises(FormatError) as refused:
        reference.scan(tmp_path / "x")
    assert refused.value.clause == "INDEX-7"
    assert os.listdir("/proc/self/fd") == before
