"""Detached seals: a plain stream with its seal beside it, refused where they do not fit, removed with the stream."""

import os

import msgpack
import numpy as np
import pytest

import reference
from fuzz.equality import same
from reference.checkpoints.detached_seals import seal
from reference.containers import seals_beside
from reference.convert import convert
from reference.format.errors import FormatError, UsageError
from reference.storage.object_places import ReadOnlyPlace
from reference.tests.handmade import record
from reference.tests.sealed import crc, footer, sealed, sums, taken_apart
from reference.verify import verify

TREE = {
    "w": np.arange(3000, dtype=np.float32).reshape(30, 100),
    "b": np.arange(6, dtype=np.int8),
    "n": 7,
    "text": "word",
    "large": np.arange(5 << 20, dtype=np.uint8),
    "empty": np.zeros((0, 4), np.float16),
}


@pytest.fixture
def path(tmp_path):
    reference.save(tmp_path / "x", TREE)
    report = seal(tmp_path / "x", metadata={"step": 3}, digests=True)
    assert report.leaves == 6
    assert report.seal_bytes == os.path.getsize(report.seal)
    return tmp_path / "x"


def index_of(path):
    data = path.with_name("x.seal").read_bytes()
    return msgpack.unpackb(data[:-40])


def reseal(path, index, records_end=None):
    """Put a seal beside a stream that says what `index` says; its checksums are right."""
    raw = msgpack.packb(index)
    end = path.stat().st_size if records_end is None else records_end
    path.with_name("x.seal").write_bytes(raw + footer(end, raw))


# DETACHED-1: "A detached seal is a file that holds an index and a footer, and nothing else"
def test_a_seal_says_what_stands_in_the_stream(path):
    data = path.read_bytes()
    index = index_of(path)
    assert (index["alignment"], index["checksum"], index["metadata"]) == (1, crc(data), {"step": 3})
    raw = msgpack.packb(index)
    assert path.with_name("x.seal").read_bytes() == raw + footer(len(data), raw)
    for leaf, each in zip(index["leaves"], reference.scan(path), strict=True):
        ((size, payload, checksums),) = leaf[4]
        assert (tuple(leaf[0]), size, checksums) == (
            each.path,
            each.end - each.offset,
            sums(data[each.offset : each.end]),
        )
        assert (payload is None) == (each.dtype is None)
        if payload is not None:
            assert each.extents() == [(each.offset + payload, each.nbytes)]
    sealed_copy = sealed(path.parent, TREE, name="y", digests=True)
    assert index["digests"] == taken_apart(sealed_copy)[1]["digests"]


def test_a_stream_with_its_seal_is_read_by_all_doors(path):
    assert same(reference.load(path), TREE)
    assert same(dict(reference.records(path)), {(key,): value for key, value in TREE.items()})
    assert same(reference.load(path, mmap=True), TREE)
    with reference.open(path) as checkpoint:
        assert (checkpoint.metadata, checkpoint.version) == ({"step": 3}, "2.0")
        assert same(checkpoint["large"], TREE["large"])
    assert verify(path) == []
    assert convert(f"params::{path}", f"params::{path}.1", format="1.0").nbytes == path.stat().st_size


def test_a_flip_of_any_byte_is_refused_by_its_leaf(path):
    data = path.read_bytes()
    for each in reference.scan(path):
        for at in (each.offset, each.leaf_offset, each.end - 1, (each.offset + each.end) // 2):
            spoiled = bytearray(data)
            spoiled[at] ^= 1
            path.write_bytes(spoiled)
            for read in (reference.load, verify):
                if at:
                    with pytest.raises(FormatError) as caught:
                        read(path)
                    assert caught.value.path == each.path
                    assert caught.value.clause in ("SUM-3", "INDEX-7")
    path.write_bytes(data)
    assert verify(path) == []


# DETACHED-2: "A seal MUST fit the stream beside which it stands."
@pytest.mark.parametrize("by", [-1, 1, -7, 1000])
def test_a_stream_of_another_size_is_refused(path, by):
    size = path.stat().st_size
    os.truncate(path, size + by)
    for read in (reference.load, reference.open, reference.scan, verify, lambda x: convert(f"params::{x}", f"{x}.1")):
        with pytest.raises(FormatError, match="DETACHED-2") as caught:
            read(path)
        assert f"belongs to a stream of {size} bytes, and the one beside it has {size + by}" in str(caught.value)


def test_the_seal_of_another_stream_is_refused(path):
    other = {**TREE, "n": 6, "b": TREE["b"] + 1}
    reference.save(path.with_name("y"), other)
    seal(path.with_name("y"))
    path.with_name("y.seal").rename(path.with_name("x.seal"))
    with pytest.raises(FormatError, match="SUM-3"):
        reference.load(path)


LIES = {
    "alignment 64": ("DETACHED-4", lambda index: index.update(alignment=64)),
    "key path": ("INDEX-7", lambda index: index["leaves"][0].__setitem__(0, ["v"])),
    "shape": ("INDEX-7", lambda index: index["leaves"][0].__setitem__(3, [100, 30])),
    "dtype": ("INDEX-7", lambda index: index["leaves"][0].__setitem__(2, "int32")),
    "kind": ("INDEX-7", lambda index: index["leaves"][2].__setitem__(1, "nil")),
    "payload": ("INDEX-7", lambda index: index["leaves"][0][4][0].__setitem__(1, index["leaves"][0][4][0][1] - 1)),
    "size": ("INDEX-4", lambda index: index["leaves"][2][4][0].__setitem__(0, index["leaves"][2][4][0][0] + 1)),
    "a leaf less": ("INDEX-4", lambda index: index["leaves"].pop()),
    "parts": ("PART-2", lambda index: index["leaves"][0].__setitem__(4, index["leaves"][0][4] * 2)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_seal_that_lies_is_refused(path, lie):
    clause, change = LIES[lie]
    index = index_of(path)
    change(index)
    reseal(path, index)
    with pytest.raises(FormatError) as caught:
        reference.load(path)
    assert caught.value.clause == clause, str(caught.value)


@pytest.mark.parametrize("junk", [b"", b"x", b"not a seal at all" * 10, b"\x80" + b"\0" * 39])
def test_a_file_in_the_place_of_the_seal_that_is_none_is_refused_by_name(path, junk):
    path.with_name("x.seal").write_bytes(junk)
    with pytest.raises(FormatError, match=r"x\.seal") as caught:
        reference.load(path)
    assert caught.value.clause.startswith(("SEAL", "DETACHED"))
    # "the commands here remove it when they replace the stream", and nothing else of that name
    reference.save(path, {"a": 1})
    assert path.with_name("x.seal").read_bytes() == junk


def test_a_cut_in_the_seal_is_refused(path):
    data = path.with_name("x.seal").read_bytes()
    for cut in (*range(0, len(data), 17), len(data) - 1):
        path.with_name("x.seal").write_bytes(data[:cut])
        with pytest.raises(FormatError):
            reference.open(path)
    path.with_name("x.seal").write_bytes(data + b"\n")
    with pytest.raises(FormatError):
        reference.open(path)


# DETACHED-3: "a program that writes a stream SHOULD remove the seal of the file that it replaces."
@pytest.mark.parametrize("format", ["1.0", "2.0"])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_save_removes_the_stale_seal(path, format, blocking):
    saving = reference.save(path, {"a": 1}, format=format, blocking=blocking)
    if saving is not None:
        saving.wait()
    assert not path.with_name("x.seal").exists()
    assert reference.load(path) == {"a": 1}


def test_a_save_that_fails_leaves_stream_and_seal_alone(path):
    with pytest.raises(FormatError):
        reference.save(path, {"a": object()})
    assert same(reference.load(path), TREE)
    assert path.with_name("x.seal").exists()


def test_verbs_that_write_remove_the_stale_seal_too(path):
    reference.save(path.with_name("y"), {"a": 1})
    convert(f"params::{path.with_name('y')}", f"params::{path}")
    assert not path.with_name("x.seal").exists()
    assert reference.load(path) == {"a": 1}


def test_a_checkpoint_that_is_named_like_a_seal_is_never_removed(tmp_path):
    """A sealed stream ends as a seal does."""
    reference.save(tmp_path / "x.seal", {"a": 1}, format="2.0")
    reference.save(tmp_path / "x", {"a": 2})
    assert reference.load(tmp_path / "x.seal") == {"a": 1}


def test_a_link_to_a_seal_is_not_followed_to_another_stream(path):
    """The seal of a file that is reached by a link stands beside the name that was given."""
    link = path.with_name("link")
    link.symlink_to(path)
    assert same(reference.load(link), TREE)
    with reference.open(link) as checkpoint:
        assert checkpoint.contents.seal is None
    reference.save(link, {"a": 1})
    assert reference.load(path) == {"a": 1}


def test_what_can_be_sealed_and_what_not(tmp_path):
    reference.save(tmp_path / "x", TREE, format="2.0")
    with pytest.raises(UsageError, match="is already sealed"):
        seal(tmp_path / "x")
    reference.save(f"flax::{tmp_path}/f", {"a": 1})
    with pytest.raises(FormatError, match="a standard flax file, not a stream"):
        seal(tmp_path / "f")
    reference.save(tmp_path / "y", {"a": 1, "b": 2})
    os.truncate(tmp_path / "y", (tmp_path / "y").stat().st_size - 1)
    with pytest.raises(FormatError, match="STREAM-2"):
        seal(tmp_path / "y")
    assert not list(tmp_path.glob("*.seal"))
    with pytest.raises(FileNotFoundError):
        seal(tmp_path / "none")
    reference.save(tmp_path / "z", {"a": 1})
    with pytest.raises(FormatError, match="META-1"):
        seal(tmp_path / "z", metadata={"a": object()})
    assert not list(tmp_path.glob("*.seal"))


# DETACHED-1: "The stream is a plain one, without mark, padding or parts, and is read by the clauses of 1.0"
def test_a_plain_stream_of_any_form_is_sealed_as_it_is(tmp_path):
    path = tmp_path / "x"
    blob = b"\xc7\x0d\x01\x93\x91\x02\xa5uint8\xc4\x02\x05\x06"
    path.write_bytes(
        record(("__part_0_of_2__",), b"\x07")  # CONF-9: "a key path like any other"
        + b"\xdc\x00\x02"
        + record(("b",), blob)[1:]
        + b"\xdd\x00\x00\x00\x02"
        + record(("c",), b"\xd3" + bytes(7) + b"\x05")[1:]
    )
    plain = reference.load(path)
    report = seal(path)
    assert report.leaves == 3
    assert same(reference.load(path), plain)
    with reference.open(path) as checkpoint:
        assert checkpoint.contents.seal is not None
    assert same(reference.load(path, mmap=True), plain)


def test_a_seal_can_be_made_again_and_of_a_chunked_array(tmp_path, monkeypatch):
    monkeypatch.setattr("reference.format.leaves.CHUNK", 64)
    monkeypatch.setattr("reference.format.chunked.CHUNK", 64)
    path = tmp_path / "x"
    reference.save(path, {"a": np.arange(100, dtype=np.int16)})
    for digests in (True, False):
        seal(path, digests=digests)
        assert ("digests" in index_of(path)) == digests
        assert index_of(path)["leaves"][0][4][0][1] is None
        assert reference.load(path)["a"].tolist() == list(range(100))
    data = bytearray(path.read_bytes())
    data[150] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="SUM-3"):
        reference.load(path)


def test_a_sealed_stream_that_has_a_seal_beside_it_goes_by_its_own(tmp_path):
    reference.save(tmp_path / "x", {"a": 1})
    seal(tmp_path / "x")
    stale = (tmp_path / "x.seal").read_bytes()
    reference.save(tmp_path / "x", {"a": 2}, format="2.0", metadata={"own": True})
    (tmp_path / "x.seal").write_bytes(stale)
    with reference.open(tmp_path / "x") as checkpoint:
        assert (checkpoint["a"], checkpoint.metadata) == (2, {"own": True})


def test_a_damaged_stream_is_named_and_zeros_at_its_end_are_told(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:9000])
    with pytest.raises(FormatError, match=r"x: the input ends too early.*the file has been cut off") as caught:
        seal(path)
    assert caught.value.file == str(path)
    path.write_bytes(whole[:9000] + bytes(len(whole) - 9000))
    with pytest.raises(FormatError, match=r"x: .*from byte \d+ on the file is nothing but zeros.*streamckpt salvage"):
        seal(path)


def test_a_seal_takes_little_memory_and_one_pass(tmp_path, monkeypatch):
    from reference.storage.local_files import FileSource

    reference.save(tmp_path / "x", {"a": np.zeros(20 << 20, np.uint8)})
    read, real = [], FileSource.read_at

    def counted(self, offset, n):
        read.append(n)
        return real(self, offset, n)

    monkeypatch.setattr(FileSource, "read_at", counted)
    seal(tmp_path / "x")
    assert sum(read) < 21 << 20
    assert max(read) <= 4 << 20


class FailingSeal:
    """A seal on a server that answers no more once it has been opened."""

    name, size, is_closed = "x.seal", 100, False

    def read_at(self, offset, n):
        raise ConnectionResetError("the server went away")

    def close(self):
        self.is_closed = True


def test_a_seal_that_cannot_be_read_is_closed(path, monkeypatch):
    found = FailingSeal()
    place = ReadOnlyPlace("https://host/x.seal", lambda: None, "")
    monkeypatch.setattr(place, "open", lambda: found)
    monkeypatch.setattr(seals_beside, "beside", lambda name, suffix: place)
    with pytest.raises(ConnectionResetError):
        reference.open(path)
    assert found.is_closed
