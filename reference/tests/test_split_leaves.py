"""The dialect in which an encoded leaf is cut into pieces, each a record of its own."""

import flax.serialization
import ml_dtypes
import msgpack
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import reference
from fuzz.equality import same
from reference import convert, inspect, salvage
from reference.format import chunked
from reference.format.errors import FormatError, UsageError
from reference.storage.joined_ranges import JoinedRanges

TREE = {
    "a": np.arange(7, dtype=np.float32),
    "b": {
        "w": np.arange(900, dtype=np.float32).reshape(30, 30),
        "h": np.arange(300).astype(ml_dtypes.bfloat16),
        "text": "é" * 200,
        "raw": bytes(range(256)),
    },
    "step": 3,
}


def split(tree, most, order=lambda pieces: pieces):
    """What the fork's loop writes with its limit of 2 GiB set to `most` bytes; every piece number is an int."""
    packer = msgpack.Packer()
    out = []
    for key, leaf in flatten_dict(tree).items():
        blob = flax.serialization.to_bytes(leaf)
        if len(blob) > most:
            pieces = [((*key, f"chunk_{i}"), blob[at : at + most]) for i, at in enumerate(range(0, len(blob), most))]
            out += [packer.pack(piece) for piece in order(pieces)]
        else:
            out.append(packer.pack((key, blob)))
    return out


@pytest.fixture(params=[33, 101, 1000])  # 33: pieces end inside headers and elements; 101: there are more than ten
def file(request, tmp_path):
    (tmp_path / "x").write_bytes(b"".join(split(TREE, request.param)))
    return tmp_path / "x"


def load(path):
    with reference.open(path, dialect="split-leaves") as checkpoint:
        return checkpoint.tree()


def test_the_pieces_of_a_leaf_are_joined(file):
    assert same(load(file), TREE)
    assert same(load(f"params::{file}"), TREE)
    with reference.open(file, "b", dialect="split-leaves") as checkpoint:
        assert list(checkpoint) == [("w",), ("h",), ("text",), ("raw",)]
        assert same(checkpoint["w"], TREE["b"]["w"])


def test_they_are_mapped_too(file):
    with reference.open(file, mmap=True, dialect="split-leaves") as checkpoint:
        assert same(checkpoint.tree(), TREE)


def test_they_are_joined_by_their_numbers_whatever_their_order(tmp_path):
    (tmp_path / "x").write_bytes(b"".join(split(TREE, 101, order=lambda pieces: pieces[::-1])))
    assert same(load(tmp_path / "x"), TREE)
    one, other = split({"w": TREE["b"]["w"]}, 500), split({"v": TREE["b"]["w"]}, 500)
    (tmp_path / "y").write_bytes(b"".join(record for pair in zip(one, other, strict=True) for record in pair))
    assert same(load(tmp_path / "y"), {"w": TREE["b"]["w"], "v": TREE["b"]["w"]})


def test_a_stream_without_pieces_is_read_as_it_is(tmp_path):
    reference.save(tmp_path / "x", TREE)
    assert same(load(tmp_path / "x"), TREE)
    reference.save(f"flax::{tmp_path}/y", TREE)
    assert same(load(f"flax::{tmp_path}/y"), TREE)


def test_an_array_in_chunks_may_be_cut_anywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(chunked, "CHUNK", 400)
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 400)
    for most in (90, 401, 1200):
        (tmp_path / "x").write_bytes(b"".join(split({"w": TREE["b"]["w"]}, most)))
        assert same(load(tmp_path / "x"), {"w": TREE["b"]["w"]})


def test_it_is_converted_to_a_stream_that_everybody_reads(file, tmp_path, capsys):
    options = [f"--load_checkpoint=params::{file}", f"--output_file={tmp_path}/out", "--streaming"]
    assert convert.main([*options, "--dialect=split-leaves"]) == 0
    reference.save(tmp_path / "expected", TREE)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "expected").read_bytes()
    assert convert.main(options) == 1
    assert "--dialect=split-leaves" in capsys.readouterr().err
    assert convert.main([*options, "--dialect=none"]) == 2


def test_inspect_shows_the_leaves_and_where_their_pieces_are(file, capsys):
    assert inspect.main([str(file), "--dialect=split-leaves"]) == 0
    printed = capsys.readouterr().out
    assert "float32[30,30]" in printed
    assert "chunk_" not in printed
    with reference.open(file, dialect="split-leaves") as checkpoint:
        raw = file.read_bytes()
        stretches = checkpoint.record("b/w").extents()
        assert b"".join(raw[at : at + n] for at, n in stretches) == TREE["b"]["w"].tobytes()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda out: out[:2] + out[3:], "the piece after chunk_0 is missing, and chunk_2 is there"),
        (lambda out: out[:1] + out[2:], "the first piece is missing, and chunk_1 is there"),
        (lambda out: out[:3] + out[2:], "chunk_1 occurs twice"),
        (lambda out: out[:-1], "pieces of it are there, the last of them chunk_"),
        (lambda out: [*out, msgpack.packb((("w", "chunk_4"), b"\0"))], "1 bytes are left over"),
        (lambda out: [*out, msgpack.packb((("w",), b"\0"))], "this key path occurs twice in the tree"),
    ],
)
def test_pieces_that_make_no_leaf_are_refused_with_its_key_path(change, text, tmp_path):
    out = split({"a": 1, "w": TREE["b"]["w"]}, 1000)
    (tmp_path / "x").write_bytes(b"".join(change(out)))
    with pytest.raises(FormatError, match="leaf w") as caught:
        load(tmp_path / "x")
    assert text in str(caught.value)
    assert 0 < caught.value.offset <= (tmp_path / "x").stat().st_size


def test_what_is_whole_of_a_damaged_file_is_salvaged(tmp_path, capsys):
    tree = {"a": np.ones(3), "w": TREE["b"]["w"], "v": TREE["b"]["w"], "z": np.ones(2)}
    out = split(tree, 1000)
    (tmp_path / "x").write_bytes(b"".join(out[:2] + out[3:]))  # a piece of w is lost
    options = [f"--load_checkpoint={tmp_path}/x", f"--output_file={tmp_path}/out", "--dialect=split-leaves"]
    assert salvage.main(options) == 3
    assert "w: the piece after chunk_0 is missing" in capsys.readouterr().out
    assert same(reference.load(tmp_path / "out"), {key: leaf for key, leaf in tree.items() if key != "w"})
    damaged = bytearray(b"".join(out))
    damaged[len(out[0]) + len(out[1]) : len(out[0]) + len(out[1]) + 1] = b"\xc1"
    (tmp_path / "x").write_bytes(damaged)
    assert salvage.main(options) == 3
    assert same(reference.load(tmp_path / "out"), {key: leaf for key, leaf in tree.items() if key != "w"})
    (tmp_path / "x").write_bytes(b"".join(out))
    assert salvage.main(options) == 0
    assert same(reference.load(tmp_path / "out"), tree)


def test_a_dialect_that_does_not_exist_is_refused_by_name(file):
    for function in (lambda: reference.open(file, dialect="x"), lambda: salvage.salvage(file, None, dialect="x")):
        with pytest.raises(UsageError, match="'x' is not a dialect; choose one of split-leaves"):
            function()


def test_ranges_are_read_as_one_source():
    from reference.format.wire import BytesSource

    source = BytesSource(bytes(range(100)))
    joined = JoinedRanges([(source, 90, 5), (source, 10, 0), (source, 0, 3), (source, 50, 4)])
    whole = bytes([*range(90, 95), *range(3), *range(50, 54)])
    assert joined.size == len(whole)
    for at in range(len(whole) + 1):
        for n in range(len(whole) - at + 1):
            assert joined.read_at(at, n) == whole[at : at + n]
            view = bytearray(n)
            joined.read_into(at, memoryview(view))
            assert view == whole[at : at + n]
    assert [joined.locate(at)[1] for at in (0, 5, 11, 12)] == [90, 0, 53, 54]
    with pytest.raises(FormatError):
        joined.read_at(11, 2)
