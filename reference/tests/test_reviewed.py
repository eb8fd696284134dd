"""What a reviewer broke: damage that nobody told of, inputs that an output took away, values that were wrong."""

import ml_dtypes
import numpy as np
import pytest

import reference
from reference.checkpoints.detached_seals import seal
from reference.tests.typed_verbs import said

TREE = {"a": np.arange(1, 3001, dtype=np.float32), "b": np.arange(1, 9, dtype=np.int32)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- a seal beside a stream ----------------------------------------------------------------------------------------


def test_salvage_asks_the_seal_beside_a_stream(folder, capsys):
    """DETACHED-2: there is a byte that no header tells of."""
    reference.save("pub", TREE)
    seal("pub", metadata={"step": 3})
    data = bytearray((folder / "pub").read_bytes())
    data[data.index(TREE["a"].tobytes()) + 500] ^= 0xFF
    (folder / "pub").write_bytes(data)
    status, out, _ = said(capsys, "salvage", "pub", "rescued")
    assert status == 3
    assert "pub: 1 leaf is intact" in out
    assert "SUM-3" in out
    assert list(reference.load("rescued")) == ["b"]


def test_a_seal_that_does_not_fit_is_told_and_all_leaves_are_looked_at(folder, capsys):
    reference.save("pub", TREE)
    seal("pub")
    (folder / "pub").write_bytes((folder / "pub").read_bytes()[:-1])
    status, out, _ = said(capsys, "salvage", "pub", "rescued")
    assert status == 3
    assert "DETACHED-2" in out
    assert list(reference.load("rescued")) == ["a"]


# --- outputs that belong to an input -------------------------------------------------------------------------------


@pytest.fixture
def shards(folder):
    reference.save("safetensors::sd/", {f"l{i}": np.arange(100.0) + i for i in range(3)}, max_shard_size=900)
    return sorted(path.name for path in (folder / "sd").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "sd", "sd/{0}", "--match=l0"],
        ["convert", "sd", "params::sd/model.safetensors.index.json"],
        ["convert", "sd/model.safetensors.index.json", "params::sd/{0}"],
        ["convert", "sd", "params::link"],
        ["diff", "sd", "tuned", "sd/{0}", "--method=subtract"],
    ],
)
def test_no_shard_of_an_input_is_written_over(folder, shards, capsys, words):
    reference.save("tuned", {f"l{i}": np.arange(100.0) for i in range(3)})
    before = {name: (folder / "sd" / name).read_bytes() for name in shards}
    (folder / "link").symlink_to(folder / "sd" / shards[0])
    status, _, error = said(capsys, *(word.format(shards[0]) for word in words))
    assert status == 2
    assert "is one of the files of " in error
    assert {path.name: path.read_bytes() for path in (folder / "sd").iterdir()} == before


def test_the_seal_of_the_input_is_not_written_over(folder, capsys):
    reference.save("pub", TREE)
    seal("pub")
    status, _, error = said(capsys, "convert", "pub", "pub.seal")
    assert status == 2
    assert "pub.seal is the seal of what is read" in error
    assert said(capsys, "verify", "pub")[0] == 0


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "float4_e2m1fn", "float6_e2m3fn", "int4"])
@pytest.mark.parametrize("mmap", [False, True])
def test_bits_without_a_meaning_change_no_value(folder, dtype, mmap):
    kind = np.dtype(bool) if dtype == "bool" else np.dtype(getattr(ml_dtypes, dtype))
    value = np.zeros(100, np.uint8).view(kind)
    reference.save("x", {"a": value})
    data = (folder / "x").read_bytes()
    at = len(data) - 100
    raw = bytes([2 if dtype == "bool" else 0xF1 & 0xC1 | 0x80]) * 100
    (folder / "x").write_bytes(data[:at] + raw)
    found = reference.load("x", mmap=mmap)["a"]
    clean = reference.load("x")["a"]
    assert np.array_equal(found.astype(np.float32), clean.astype(np.float32))
    if dtype == "bool":
        assert np.where(found, 1, 0).sum() == found.view(np.uint8).sum() == 100


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e4m3", "float8_e5m2", "float8_e4m3b11fnuz", "float16"])
def test_verify_finds_every_nan(folder, capsys, dtype):
    kind = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
    reference.save("x", {"a": np.array([1, np.nan, 2], np.float32).astype(kind)})
    assert said(capsys, "verify", "x", "--fail_on=nan")[0] == 4


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (float("nan"), "holds NaN"),
        (complex(1, float("nan")), "holds NaN"),
        (float("-inf"), "holds infinities"),
        (complex(float("inf"), 0), "holds infinities"),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_verify_finds_them_in_numbers_of_python(folder, capsys, value, note, version):
    reference.save("x", {"a": value, "b": 1.0}, format=version)
    status, out, _ = said(capsys, "verify", "x", "--fail_on=nonfinite")
    assert status == 4
    assert f"note: a {note}" in out


# --- flax files -----------------------------------------------------------------------------------------------------


def test_what_follows_bytes_that_came_twice_is_not_taken_for_what_it_is_not(folder, capsys):
    """A copy that was resumed too early: `h/a` stands twice, so that the map of `h` ends before `h/b`."""
    tree = {"h": {"a": np.full(50, 1.0), "b": np.full(50, 2.0)}, "b": np.full(50, 3.0)}
    reference.save("flax::good", tree)
    data = (folder / "good").read_bytes()
    start, end = data.index(b"\xa1a"), data.index(b"\xa1b")
    (folder / "twice").write_bytes(data[:end] + data[start:end] + data[end:])
    assert said(capsys, "salvage", "twice", "flax::rescued")[0] == 3
    with reference.open("flax::rescued") as checkpoint:
        for path, value in checkpoint.items():
            assert np.array_equal(value, tree["h"][path[1]] if path[0] == "h" else tree[path[0]]), path


def test_a_tensor_in_two_shards_is_salvaged_once(folder, capsys):
    reference.save("flax::fs/", {f"l{i}": np.arange(100.0) + i for i in range(3)}, max_shard_size=900)
    first, second, *_ = sorted((folder / "fs").glob("*.msgpack"))
    second.write_bytes(first.read_bytes())
    status, out, _ = said(capsys, "salvage", "fs", "rescued")
    assert status == 3
    assert "STREAM-4" in out
    assert "CONV-6" in out  # what the index says of the tensor that is missing
    assert sorted(reference.load("flax::rescued")) == ["l0", "l2"]


def test_a_shard_that_ends_in_zeros_has_a_doubtful_leaf(folder, capsys):
    tree = {f"l{i}": {name: np.full(100, 7.0) for name in "wyz"} for i in range(3)}
    reference.save("flax::fs/", tree, max_shard_size=2500)
    _, second, *_ = sorted((folder / "fs").glob("*.msgpack"))
    data = second.read_bytes()
    second.write_bytes(data[:1200] + bytes(len(data) - 1200))
    status, out, _ = said(capsys, "salvage", "fs", "rescued")
    assert status == 3
    assert "  doubtful: l1/y: the last " in out
    assert list(reference.load("flax::rescued")["l1"]) == ["w"]
