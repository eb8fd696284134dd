"""CRC-32C: compared with the text done bit by bit; block by block of a record, however its bytes come; combined."""

import functools
import random

import numpy as np
import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.format.checksums import BLOCK, RecordSums, checksum, combined, count, encoded, with_record, with_sums
from reference.format.errors import FormatError
from reference.format.seals import read_seal
from reference.format.wire import BytesSource
from reference.tests.sealed import bitwise, crc, rows_of, sealed, sums, taken_apart, tree_of, values, with_index


# SUM-1: "Of no bytes it is `00000000`; of the nine bytes `123456789` it is `e3069283`; of 32 zero bytes `8a9136aa`."
def test_the_checksums_of_the_text():
    for data, value in ((b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)):
        assert checksum(data) == bitwise(data) == value
    assert encoded(0xE3069283) == b"\xe3\x06\x92\x83"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_checksum_is_that_of_the_text_and_goes_on_behind_another(first, second):
    whole = bitwise(first + second)
    assert checksum(first + second) == whole
    assert checksum(memoryview(bytearray(first + second))) == whole
    assert checksum(second, checksum(first)) == whole
    # SUM-4: "The checksum of two ranges, one behind the other, follows from theirs and the length of the second."
    assert combined(bitwise(first), bitwise(second), len(second)) == whole


@pytest.mark.parametrize("length", [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20 + 3])
def test_large_pieces_have_the_same_checksum(length):
    """`checksum` takes them in steps of 2^18."""
    data = random.Random(length).randbytes(length)
    assert checksum(data) == crc32c(data)
    assert checksum(data, 0x1234) == crc32c(data, 0x1234)


@pytest.mark.parametrize("length", [2**32 - 1, 2**32, 5 * 2**40 + 7])
def test_a_length_of_terabytes_is_combined(length):
    """Zeros behind others, in two steps and in one."""
    zeros = functools.partial(combined, 0)
    assert combined(combined(0x1234, 0, length), 0, 5) == combined(0x1234, 0, length + 5)
    assert zeros(0x77, length) == 0x77


SIZES = [n + d for n in (0, BLOCK, 3 * BLOCK) for d in (-1, 0, 1, 5) if n + d > 0]


# SUM-2: "A record of *n* bytes has ceil(*n* / 2^22) checksums."
@pytest.mark.parametrize("size", SIZES)
def test_a_record_has_the_checksums_of_its_blocks_in_whatever_pieces_it_comes(size):
    assert BLOCK == 1 << 22
    data = random.Random(1).randbytes(size)
    wanted = b"".join(crc32c(data[at : at + 2**22]).to_bytes(4, "big") for at in range(0, size, 2**22))
    assert 4 * count(size) == len(wanted)
    for seed in range(3):
        pieces, split = RecordSums(), random.Random(seed)
        at = 0
        while at < size:
            n = split.choice((1, 1000, 2**21, 2**22 - 1, 2**22, 2**22 + 1, 2**23))
            pieces.update(memoryview(data)[at : at + n])
            at += n
        assert pieces.sums() == wanted
    assert with_sums(0, wanted, size) == with_record(0, b"", wanted, size) == crc32c(data)
    assert with_sums(crc32c(b"before"), wanted, size) == crc32c(b"before" + data)
    assert with_record(crc32c(b"before"), data, wanted, size) == crc32c(b"before" + data)


@given(st.lists(st.binary(max_size=30), max_size=30))
def test_any_split_of_small_bytes_gives_the_same_checksums(pieces):
    with pytest.MonkeyPatch.context() as context:
        context.setattr("reference.format.checksums.BLOCK", 16)
        found = RecordSums()
        for piece in pieces:
            found.update(piece)
        data = b"".join(pieces)
        wanted = b"".join(bitwise(data[at : at + 16]).to_bytes(4, "big") for at in range(0, len(data), 16))
        assert found.sums() == wanted
        assert with_sums(0, wanted, len(data)) == bitwise(data)


# INDEX-8: "The `checksum` of the index MUST be that of all records."
@pytest.mark.parametrize("about", [4096, 65_536, pytest.param(1 << 22, marks=pytest.mark.slow)])
def test_the_whole_checksum_is_right_for_records_of_every_size(tmp_path, about):
    """Arrays of sizes around where the writer changes its way: their records have all sizes there, headers included."""
    step = 1 if about < 1 << 22 else 7
    sizes = [about + d for d in range(-200, 20, step)] + [about + 1000]
    group = len(sizes) if about < 1 << 22 else 8
    for at in range(0, len(sizes), group):
        some = sizes[at : at + group]
        tree = {str(i): np.resize(np.arange(251, dtype=np.uint8), n) for i, n in enumerate(some)}
        tree["b"] = {str(i): bytes((i % 251,)) * n for i, n in enumerate(some[:5])}
        tree["s"] = {str(i): "x" * n for i, n in enumerate(some[:5])}
        data = sealed(tmp_path, tree)
        records, index = taken_apart(data)
        assert index["checksum"] == crc(records)
        rows = rows_of(data)
        assert [place[2] for leaf in index["leaves"] for place in leaf[4]] == [sums(row) for row in rows]


def test_a_converted_stream_has_the_checksums_of_a_saved_one(tmp_path):
    """What is copied from a file to a file is summed up on the way."""
    from reference.convert import convert

    tree = {"a": np.arange(3_000_000, dtype=np.float32), "b": np.arange(5000, dtype=np.int8), "c": "x" * 70_000, "d": 1}
    data = sealed(tmp_path, tree)
    reference.save(tmp_path / "plain", tree)
    convert(f"{tmp_path}/plain", f"params::{tmp_path}/y", format="2.0")
    assert (tmp_path / "y").read_bytes() == data


# SUM-3: "The first byte of the block is at fault."
@pytest.mark.parametrize("block", [0, 1, 2])
@pytest.mark.parametrize("kind", ["array", "bin", "str"])
def test_a_flipped_bit_is_told_by_its_block(tmp_path, block, kind):
    n = 9_000_000
    value = {"array": np.zeros(n, np.uint8), "bin": bytes(n), "str": "a" * n}[kind]
    data = bytearray(sealed(tmp_path, {"before": 1, "w": value}))
    start = len(rows_of(bytes(data))[0])
    data[start + block * BLOCK + 300_000] ^= 1
    with pytest.raises(FormatError, match="SUM-3") as caught:
        values(bytes(data))
    assert (caught.value.offset, caught.value.path) == (start + block * BLOCK, ("w",))
    assert f"block {block} of 3" in str(caught.value)
    assert dict(values(bytes(data), check=False))["before",] == 1


def test_a_checksum_that_is_wrong_in_the_index_is_refused_though_no_byte_has_changed(tmp_path):
    records, index = taken_apart(sealed(tmp_path, {"a": np.zeros(9_000_000, np.uint8), "b": "text", "c": np.int8(3)}))
    for leaf in range(3):
        good = index["leaves"][leaf][4][0][2]
        for i in range(0, len(good), 4):
            wrong = bytearray(good)
            wrong[i + 3] ^= 1
            index["leaves"][leaf][4][0][2] = bytes(wrong)
            with pytest.raises(FormatError, match="SUM-3") as caught:
                tree_of(with_index(records, index))
            assert caught.value.path == ("abc"[leaf],)
            if leaf == 0:
                assert caught.value.offset == i // 4 * BLOCK
        index["leaves"][leaf][4][0][2] = good
    assert tree_of(with_index(records, index))["b"] == "text"


def test_a_checksum_is_compared_with_the_bytes_in_its_own_order(tmp_path):
    """Blocks that have changed places have the right checksums, each at the other's."""
    array = np.zeros(3 * BLOCK, np.uint8)
    array[BLOCK : 2 * BLOCK] = 1
    data = bytearray(sealed(tmp_path, {"a": array}))
    one, two = data[BLOCK : 2 * BLOCK], data[2 * BLOCK : 3 * BLOCK]
    data[BLOCK : 2 * BLOCK], data[2 * BLOCK : 3 * BLOCK] = two, one
    with pytest.raises(FormatError, match="SUM-3") as caught:
        tree_of(bytes(data))
    assert caught.value.offset == BLOCK


# Where a payload is written, and summed, in another way: with its header, padded, in blocks, in steps.
WRITTEN = [0, 1, 4000, 4095, 4096, 4097, 5000, 65_000, 65_535, 65_536, BLOCK - 4096, BLOCK, 3 * BLOCK + 1]


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("size", WRITTEN)
def test_the_checksums_are_those_of_the_bytes_that_stand_in_the_file(size, digests, tmp_path):
    tree = {"before": 1, "array": np.arange(size, dtype=np.uint8), "behind": np.float32(2)}
    reference.save(tmp_path / "x", tree, format="2.0", digests=digests)
    data = (tmp_path / "x").read_bytes()
    seal = read_seal(BytesSource(data))
    assert seal.index.checksum == crc32c(data[: seal.records_end])
    at = 0
    for length, said in zip(seal.index.columns.sizes, seal.index.columns.sums, strict=True):
        record = data[at : at + length]
        blocks = [record[i : i + BLOCK] for i in range(0, length, BLOCK)]
        assert said == b"".join(crc32c(block).to_bytes(4, "big") for block in blocks)
        at += length


@pytest.mark.parametrize("leaf", [7, 1j, np.zeros((0, 3), np.float32)], ids=["int", "complex", "array"])
@pytest.mark.parametrize("keys", [("k",), ("k" * 65_000, *"l" * 500)], ids=["short", "long"])
def test_what_has_no_payload_is_compared_when_the_file_is_opened(leaf, keys, tmp_path):
    """Nothing of it is read later: not the elements that an array does not have, and not a value known by then."""
    tree = leaf
    for key in reversed(keys):
        tree = {key: tree}
    reference.save(tmp_path / "x", tree, format="2.0")
    data = bytearray((tmp_path / "x").read_bytes())
    end = read_seal(BytesSource(data)).records_end
    for at in (0, 6, 7, *range(end - 24, end)):
        changed = data.copy()
        changed[at] ^= 1
        (tmp_path / "x").write_bytes(changed)
        with pytest.raises(FormatError):
            reference.load(tmp_path / "x")
