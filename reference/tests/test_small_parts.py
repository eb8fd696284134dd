"""Parts in memory, with 64 bytes for 2^30 and 128 for the limit: read, refused, and through all verbs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.format.errors import FormatError
from reference.format.sealing import SealOptions, sealed_steps
from reference.tests.sealed import opened, taken_apart, tree_of

G = 1 << 30


@pytest.fixture
def small_parts(monkeypatch):
    """Arrays of over 128 bytes are in parts of at most 64, and those of 16 bytes are padded."""
    monkeypatch.setattr("reference.format.parts._ROWS", 64)
    monkeypatch.setattr("reference.format.parts.LARGEST_WHOLE", 128)
    monkeypatch.setattr("reference.format.aligned.LEAST", 16)
    monkeypatch.setattr("reference.format.sealing._SMALL", 16)


TREE = {"a": 1, "w": np.arange(60, dtype=np.int32).reshape(3, 4, 5), "z": np.arange(33, dtype=np.float32)}


@pytest.fixture
def data(small_parts, tmp_path):
    reference.save(tmp_path / "x", TREE, format="2.0", metadata={"step": 3}, digests=True)
    return (tmp_path / "x").read_bytes()


def rewritten(data, change):
    """The stream with its index changed by `change(leaves)`, which may give the records in another order."""
    from reference.tests.sealed import crc, rows_of, with_index

    _, index = taken_apart(data)
    rows = change(index["leaves"]) or rows_of(data)
    records = b"".join(rows)
    index["checksum"] = crc(records)
    return with_index(records, index)


# PART-4: "A reader MUST hand over the parts of an array as one leaf, under the key path of the leaf and in its own
#          shape."
def test_parts_are_one_leaf(data):
    assert len(taken_apart(data)[1]["leaves"][1][4]) == 6  # each (1, 3, 5) or (1, 1, 5)
    tree = tree_of(data)
    assert tree["w"].tolist() == TREE["w"].tolist()
    assert tree["z"].tolist() == TREE["z"].tolist()
    found = opened(data)
    assert [record.path for record in found.records] == [("a",), ("w",), ("z",)]
    assert found.records[1].shape == (3, 4, 5)
    assert len(found.records[1].extents()) == 6
    assert all(at % 64 == 0 for at, n in found.records[1].extents() if n >= 16)


def test_an_old_loader_sees_a_subtree_of_pieces(data, tmp_path):
    import io

    from fuzz.peers.loop import read

    tree = read(io.BytesIO(data))
    pieces = [tree["w"][f"__part_{i}_of_6__"] for i in range(6)]
    assert [piece.shape for piece in pieces] == [(1, 3, 5), (1, 1, 5)] * 3
    assert np.concatenate([piece.reshape(-1) for piece in pieces]).tolist() == list(range(60))


def test_a_flipped_bit_and_a_cut_of_parts_is_refused(data):
    for at in range(0, len(data), 7):
        spoiled = bytearray(data)
        spoiled[at] ^= 1 << at % 8
        with pytest.raises(FormatError):
            tree_of(bytes(spoiled)) if spoiled[0] == 0xDD else opened(bytes(spoiled))
        with pytest.raises(FormatError):
            opened(data[:at])


def test_parts_that_are_too_few_too_many_or_of_other_shapes_are_refused(data):
    from reference.tests.sealed import rows_of

    rows = rows_of(data)

    def one_less(leaves):
        leaves[1][4].pop()
        return rows[:6] + rows[7:]

    def one_more(leaves):
        leaves[1][4].append(leaves[1][4][-1])
        return [*rows[:7], rows[6], *rows[7:]]

    def joined(leaves):  # the sizes add up, and the second is in two
        a, b = leaves[1][4][:2]
        leaves[1][4][:2] = [[a[0] + b[0], a[1], a[2]]]

    def other_shape(leaves):
        leaves[1][3] = [4, 3, 5]

    def flat(leaves):
        leaves[1][3] = [60]

    def other_dtype(leaves):
        leaves[1][2] = "float32"

    def swapped(leaves):
        leaves[1][4][0], leaves[1][4][2] = leaves[1][4][2], leaves[1][4][0]
        return [rows[0], rows[3], rows[2], rows[1], *rows[4:]]

    for change in (one_less, one_more, joined, flat):
        with pytest.raises(FormatError) as caught:
            tree_of(rewritten(data, change))
        assert caught.value.clause == "PART-2", change
        assert caught.value.path == ("w",)
    for change in (other_shape, other_dtype, swapped):
        with pytest.raises(FormatError) as caught:
            tree_of(rewritten(data, change))
        assert caught.value.clause in ("PART-2", "INDEX-7", "ALIGN-5"), change
        assert caught.value.path == ("w",)


# PART-1: "A reader MUST refuse parts of an array that is not larger than this."
def test_parts_of_an_array_that_is_not_larger_than_the_limit_are_refused(data, monkeypatch):
    monkeypatch.setattr("reference.format.parts.LARGEST_WHOLE", 240)
    with pytest.raises(FormatError, match="PART-2") as caught:
        tree_of(data)
    assert caught.value.path == ("w",)


def test_a_payload_of_a_part_beyond_its_record_is_refused(data):
    def beyond(leaves):
        leaves[1][4][1][1] = leaves[1][4][1][0]

    def nil(leaves):
        leaves[1][4][1][1] = None

    def another(leaves):
        leaves[1][4][1][1] -= 1

    for change, clauses in ((beyond, {"INDEX-4"}), (nil, {"INDEX-3"}), (another, {"INDEX-7"})):
        with pytest.raises(FormatError) as caught:
            tree_of(rewritten(data, change))
        assert caught.value.clause in clauses, str(caught.value)


def test_parts_go_through_all_verbs(data, tmp_path, small_parts):
    from reference.convert import convert
    from reference.delta import compare, diff, recover
    from reference.salvage import salvage
    from reference.verify import verify

    path = tmp_path / "x"
    assert verify(path) == []
    convert(str(path), f"params::{tmp_path}/again")
    assert (tmp_path / "again").read_bytes() == data
    convert(str(path), f"params::{tmp_path}/plain", format="1.0")
    assert reference.load(tmp_path / "plain")["w"].tolist() == TREE["w"].tolist()
    convert(str(path), f"{tmp_path}/flax", streaming=False)
    assert reference.load(f"flax::{tmp_path}/flax")["w"].tolist() == TREE["w"].tolist()
    assert compare(f"{path}", f"{tmp_path}/plain").count("equal") == 3
    reference.save(tmp_path / "y", {**TREE, "w": TREE["w"] + 1}, format="2.0")
    diff(f"{path}", f"{tmp_path}/y", f"{tmp_path}/d")
    recover(f"{path}", f"{tmp_path}/d", f"{tmp_path}/r", format="2.0")
    assert (tmp_path / "r").read_bytes() == (tmp_path / "y").read_bytes()
    report = salvage(path, tmp_path / "s")
    assert (report.leaves, report.losses) == (3, [])
    assert (tmp_path / "s").read_bytes() == data
    spoiled = bytearray(data)
    spoiled[data.index(TREE["w"].tobytes()[100:140])] ^= 1
    path.write_bytes(spoiled)
    report = salvage(path, tmp_path / "s")
    assert report.leaves == 2
    assert str(report.losses[0].error.path) == "w"


@given(st.binary(max_size=40), st.integers(0, 2000))
def test_part_headers_are_read_or_refused_whatever_they_say(junk, at):
    """Bytes of an index with parts overwritten, and its checksums made right again."""
    from reference.tests.sealed import with_index

    with pytest.MonkeyPatch.context() as context:
        context.setattr("reference.format.parts._ROWS", 64)
        context.setattr("reference.format.parts.LARGEST_WHOLE", 128)
        records, index = taken_apart(_memory())
        import msgpack

        raw = bytearray(msgpack.packb(index))
        at %= len(raw)
        raw[at : at + len(junk)] = junk
        data = with_index(records, bytes(raw))
        try:
            tree_of(data)
        except FormatError as error:
            assert error.clause
            assert error.offset is None or 0 <= error.offset <= len(data)


def _memory():
    from reference.checkpoints.leaf_items import item_of
    from reference.format.payloads import write_steps
    from reference.tests.handmade import BytesSink

    sink = BytesSink()
    write_steps(sink, sealed_steps([item_of((key,), value) for key, value in TREE.items()], SealOptions()))
    return bytes(sink.data)
