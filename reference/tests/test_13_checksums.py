"""Checksums of the records that a writer has written: each by itself, and all of them together (INDEX-8)."""

import numpy as np
import pytest
from crc32c import crc32c

import reference
from reference.format.checksums import BLOCK
from reference.format.seals import read_seal
from reference.format.wire import BytesSource

# Where a payload is written, and summed, in another way: with its header, padded, in blocks, in steps.
SIZES = [0, 1, 4000, 4095, 4096, 4097, 5000, 65_000, 65_535, 65_536, BLOCK - 4096, BLOCK, 3 * BLOCK + 1]


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_the_checksums_are_those_of_the_bytes_that_stand_in_the_file(size, digests, tmp_path):
    tree = {"before": 1, "array": np.arange(size, dtype=np.uint8), "behind": np.float32(2)}
    reference.save(tmp_path / "x", tree, format="2.0", digests=digests)
    data = (tmp_path / "x").read_bytes()
    seal = read_seal(BytesSource(data))
    assert seal.index.checksum == crc32c(data[: seal.records_end])
    at = 0
    for length, sums in zip(seal.index.columns.sizes, seal.index.columns.sums, strict=True):
        record = data[at : at + length]
        blocks = [record[i : i + BLOCK] for i in range(0, length, BLOCK)]
        assert sums == b"".join(crc32c(block).to_bytes(4, "big") for block in blocks)
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
        with pytest.raises(reference.FormatError):
            reference.load(tmp_path / "x")
