"""Two checkpoints compared: what is equal, what is not, and the command."""

import json
import math
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.strategies import arrays, trees
from reference.commands import verbs
from reference.compare import main
from reference.containers.safetensors_file import SAFETENSORS
from reference.containers.stream import STREAM
from reference.convert import convert
from reference.differences import comparison, measuring
from reference.differences.comparison import ADDED, CHANGED, EQUAL, REMOVED, compare
from reference.format.errors import UsageError
from reference.tests.examples import at_most
from reference.tests.pairs import compared, only
from reference.tests.test_large import sparse

BF16 = ml_dtypes.bfloat16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compare")


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(comparison, "_PIECE", 64)
    monkeypatch.setattr(measuring, "_MEASURED", 3)


# --- what is equal --------------------------------------------------------------------------------------


@at_most(40)
@given(tree=trees())
def test_a_tree_is_equal_to_itself_in_another_container(folder, tree):
    reference.save(folder / "a", tree)
    convert(f"{folder}/a", f"flax::{folder}/b")
    for a, b in (("a", "a"), ("a", "b"), ("b", "a")):
        found = compare(f"{folder}/{a}", f"{folder}/{b}")
        assert {pair.change for pair in found.pairs} == {EQUAL}
        assert len(found.pairs) == len(reference.scan(folder / "a"))


@at_most(40)
@given(leaves=st.dictionaries(st.sampled_from("abcdefgh"), arrays(), min_size=1), data=st.data())
def test_the_order_of_records_does_not_matter(folder, leaves, data):
    reference.save(folder / "a", leaves)
    raw = (folder / "a").read_bytes()
    order = data.draw(st.permutations(reference.scan(folder / "a")))
    (folder / "b").write_bytes(b"".join(raw[record.offset : record.end] for record in order))
    found = compare(f"{folder}/a", f"{folder}/b")
    assert [pair.path for pair in found.pairs] == [record.path for record in order]
    assert found.count(EQUAL) == len(leaves)


def test_safetensors_beside_a_stream(folder):
    reference.save(folder / "a", {"w": np.arange(6.0), "u": {"v": np.zeros(3, BF16)}})
    convert(f"{folder}/a", f"safetensors::{folder}/b")
    found = compare(f"params::{folder}/a", f"safetensors::{folder}/b")
    assert (found.kinds, found.count(EQUAL)) == ((STREAM, SAFETENSORS), 2)


def test_chunks_do_not_matter(folder, monkeypatch, small_pieces):
    array = np.arange(1000, dtype=np.int16)
    other = array.copy()
    other[[0, 499, 500, 999]] += 3
    reference.save(folder / "a", {"x": array})
    monkeypatch.setattr("reference.format.leaves.CHUNK", 1000)
    monkeypatch.setattr("reference.format.chunked.CHUNK", 150)
    reference.save(folder / "b", {"x": array})
    reference.save(folder / "c", {"x": other})
    assert len(reference.scan(folder / "b")[0].extents()) == 14
    for a, b, n in (("a", "b", 1000), ("b", "a", 1000), ("c", "a", 996), ("b", "c", 996)):
        (pair,) = compare(f"{folder}/{a}", f"{folder}/{b}").pairs
        assert pair.change == (EQUAL if n == 1000 else CHANGED)
        assert n == 1000 or (pair.numbers.equal, pair.numbers.max_abs) == (n, 3)


@pytest.mark.parametrize(
    ("a", "b", "values"),
    [
        (1, 2, ("1", "2")),
        (1, 1.0, ("1", "1.0")),
        (1, True, ("1", "True")),
        (0.0, -0.0, ("0.0", "-0.0")),
        (None, False, ("nil", "False")),
        (1j, 2j, ("1j", "2j")),
        ("one", "two", ("'one'", "'two'")),
        ("one", b"one", ("'one'", "b'one'")),
        ("é" * 50 + "a", "é" * 50 + "\x1b", ("...'" + "é" * 8 + "a'", "...'" + "é" * 8 + "\\x1b'")),
        (b"a", b"ab", ("b'a'", "b'ab'")),
        (np.int32(7), np.int32(9), ("7", "9")),
        (np.float32(1), np.ones((), np.float32), ("1.0", "1.0")),
        (np.ones(1, np.int64), 1, ("1", "1")),
        (np.ones(2), 1, None),
        (np.ones(2), np.ones(3), None),
        (np.ones((2, 3)), np.ones((3, 2)), None),
        (np.ones(2), np.ones(2, np.complex64), None),
    ],
)
def test_leaves_that_are_not_alike_differ(folder, a, b, values):
    pair = only(folder, a, b)
    assert (pair.change, pair.values) == (CHANGED, values)


def test_the_order_is_that_of_b_and_then_of_a(folder):
    found = compared(folder, {"r": 1, "x": {"a": 1, "b": 2}, "s": 2}, {"x": {"b": 2, "n": 1, "a": 3}, "m": 0})
    assert [("/".join(pair.path), pair.change) for pair in found.pairs] == [
        *(("x/b", EQUAL), ("x/n", ADDED), ("x/a", CHANGED), ("m", ADDED)),
        *(("r", REMOVED), ("s", REMOVED)),
    ]
    assert len(compare(f"{folder}/a", f"{folder}/b", include="x/*").pairs) == 3
    with pytest.raises(UsageError, match="no leaf"):
        compare(f"{folder}/a", f"{folder}/b", include="y/*")


def test_bits_that_carry_no_meaning_differ_and_count_as_equal_elements(folder, capsys):
    for name, byte in (("a", b"\x01"), ("b", b"\x07")):
        (folder / name).write_bytes(b"\x92\x91\xa1z\xc4\x0e\xc7\x0b\x01\x93\x91\x01\xa4bool\xc4\x01" + byte)
    assert main([f"{folder}/a", f"{folder}/b"]) == 1
    assert "in bits that carry no meaning" in capsys.readouterr().out


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("files", "side"), [(("whole", "part"), "A"), (("part", "whole"), "B")])
def test_a_tree_that_is_below_a_key_of_the_other_is_told(folder, capsys, files, side):
    reference.save(folder / "whole", {"params": {"w": np.zeros(3), "b": {"c": 1}}})
    reference.save(folder / "part", {"w": np.zeros(3), "b": {"c": 1}})
    assert main([f"{folder}/{name}" for name in files]) == 1
    other = "AB".replace(side, "")
    text = f"note: {side} has below params what {other} has at its root; `convert --prefix=params` takes that part"
    assert text in capsys.readouterr().err


def test_the_exit_status_is_that_of_diff(folder, capsys):
    reference.save(folder / "a", {"w": np.zeros(3), "n": 1})
    reference.save(folder / "b", {"w": np.ones(3), "n": 1})
    (folder / "cut").write_bytes((folder / "a").read_bytes()[:-1])
    assert main([f"{folder}/a", f"{folder}/a"]) == 0
    assert "equal: 2 leaves" in capsys.readouterr().out
    assert main([f"{folder}/a", f"{folder}/b"]) == 1
    assert "1 changed, 0 added, 0 removed, 1 equal" in capsys.readouterr().out
    assert main([f"{folder}/a", f"{folder}/b", "--match", "n"]) == 0
    assert verbs.main(["compare", f"{folder}/a", f"{folder}/b"]) == 1
    capsys.readouterr()
    for arguments in (["a", "cut"], ["cut", "a"], ["a", "none"], ["", "a"], ["a", "a", "--match", "z"], ["a"]):
        assert main([*(f"{folder}/{name}" for name in arguments[:2]), *arguments[2:]]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "error:" in said.err
    assert main([f"foo::{folder}/a", f"{folder}/b"]) == 2
    assert main([f"{folder}/a", f"{folder}/b", "--depth", "0"]) == 2


def test_the_table(folder, capsys):
    layer = {"k": np.ones(4, BF16), "b": np.zeros(4, np.float32)}
    moved = {"k": layer["k"] * BF16(1.0625), "b": np.array([0, 0, math.nan, 2], np.float32)}
    reference.save(folder / "a", {"step": 1, "h": {"0": layer, "1": layer}, "gone": np.zeros(2), "same": 1})
    reference.save(folder / "b", {"step": 2, "h": {"0": moved, "1": moved}, "new": 1, "same": 1})
    assert main([f"{folder}/a", f"{folder}/b"]) == 1
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[2:]] == [
        "key path leaf equal max abs max rel median ulps",
        "~ step int 1 -> 2",
        "~ h/0/k bfloat16[4] 0% 0.0625 0.0625 8-15",
        "~ h/0/b float32[4] 50.0% 2 0 0 1 from 0, 1 NaN only in B",
        "~ h/1/k bfloat16[4] 0% 0.0625 0.0625 8-15",
        "~ h/1/b float32[4] 50.0% 2 0 0 1 from 0, 1 NaN only in B",
        "+ new int 1",
        "- gone float64[2]",
        "total bfloat16: 2 leaves changed, 0% of 8 elements equal, max abs 0.0625, max rel 0.0625",
        "ulps 8-15: 100%",
        "total float32: 2 leaves changed, 50.0% of 8 elements equal, max abs 2, max rel 0",
        "ulps 0: 66.7% 2^30..: 33.3%",
        "the leaves differ: 5 changed, 1 added, 1 removed, 1 equal",
    ]
    assert main([f"{folder}/a", f"{folder}/b", "--depth", "1", "--histogram"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "~ h/... 4 of 4 leaves 25.0% 2 0.0625" in said
    assert "gone float64[2]" in said
    assert main([f"{folder}/a", f"{folder}/b", "--histogram", "--match", "*/k"]) == 1
    assert capsys.readouterr().out.count("    ulps 8-15: 100%\n") == 2


def test_a_leaf_on_one_side_and_a_subtree_on_the_other(folder, capsys):
    reference.save(folder / "a", {"x": {"y": 1, "z": 2}})
    reference.save(folder / "b", {"x": 1})
    assert main([f"{folder}/a", f"{folder}/b", "--depth", "1"]) == 1
    assert "~ x/...     3 of 3 leaves" in capsys.readouterr().out


def test_json_is_json(folder, capsys):
    a, b = np.array([1e308, 1, 5e-324]), np.array([-1e308, math.nan, 1])
    reference.save(folder / "a", {"x": a, "n": math.nan, "i": np.array([1], np.uint64), "old": "é", "s": np.zeros(2)})
    reference.save(folder / "b", {"x": b, "n": 1.5, "i": np.array([2**64 - 1], np.uint64), "s": np.zeros(3)})
    assert main([f"{folder}/a", f"{folder}/b", "--format", "json"]) == 1

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found["a"] == {"file": f"{folder}/a", "kind": "stream", "leaves": 5, "bytes": 24 + 8 + 2 + 16}
    assert [found[change] for change in (EQUAL, ADDED, REMOVED, CHANGED)] == [0, 0, 1, 4]
    x, n, i, s, old = found["leaves"]
    assert (x["numbers"]["max_abs"], x["numbers"]["max_rel"], x["numbers"]["nan"]) == ("inf", "inf", [0, 1])
    assert (n["values"], n["numbers"]) == (["nan", "1.5"], None)
    assert i["numbers"]["max_abs"] == 2**64 - 2
    assert s["b"] == {"kind": "ndarray", "dtype": "float64", "shape": [3], "bytes": 24}
    assert (old["change"], old["path"], old["b"]) == (REMOVED, ["old"], None)


def test_memory_stays_flat_over_large_files(tmp_path):
    """Two leaves of 200 MB with a difference near the end: all of it is read, and one piece of it measured."""
    n = 200_000_000
    for name, at in (("a", n - 5), ("b", n - 1)):
        sparse(tmp_path / name, n)
        with open(tmp_path / name, "r+b") as file:
            file.seek(at)
            file.write(b"\x07")
    code = """
import sys
from reference.compare import main
code = main(sys.argv[1:])
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(code, "jax" in sys.modules, peak)
"""
    arguments = [sys.executable, "-c", code, str(tmp_path / "a"), str(tmp_path / "b")]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
    *_, code, jax, peak = run.stdout.split()
    assert (code, jax, run.stderr) == ("1", "False", "")
    assert int(peak) < 100_000  # kB
