"""How few reads a sealed stream takes, and what is read of one whose bytes change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.format.errors import FormatError
from reference.format.seals import read_seal
from reference.format.wire import BytesSource
from reference.tests.sealed import (
    MARK,
    CountingSource,
    an_int,
    crc,
    footer,
    opened,
    sealed,
    sealed_by_hand,
    taken_apart,
    values,
    with_index,
)
from reference.tests.sealed_in_memory import DATA, in_memory


def source_of(leaves, name="x" * 20, payload=5000):
    """A counting source of a sealed stream of so many arrays."""
    tree = {f"{name}{i:06}": np.full(payload, i % 251, np.uint8) for i in range(leaves)}
    return CountingSource(in_memory(tree))


# SEAL-8: "the last 64 KiB, and as much before them as the index takes. With the index at hand a leaf takes one more
#          read."
@pytest.mark.parametrize("leaves", [1, 50, 700, 5000])
def test_a_stream_is_opened_by_its_end(leaves):
    source = source_of(leaves, payload=300)
    contents = opened(source)
    index = contents.index_at[1]
    assert len(contents.records) == leaves
    large = [read for read in source.reads if read[1] > 512]
    assert len(large) <= (1 if index + 45 <= 1 << 16 else 2)
    assert len(source.reads) <= 4  # of them two that look at the first bytes
    assert sum(n for _, n in source.reads) <= index + (1 << 16) + 1024
    source.reads.clear()
    record = contents.records[leaves // 2]
    contents.checked.read_into(record.extents()[0][0], memoryview(bytearray(record.nbytes)))
    assert len(source.reads) <= 2
    assert sum(n for _, n in source.reads) <= record.end - record.offset


def test_many_leaves_that_are_not_arrays_are_read_on_opening_and_neighbours_together():
    tree = {f"{i:04}": i for i in range(2000)}
    source = CountingSource(in_memory(tree))
    assert len(opened(source).records) == 2000
    assert len(source.reads) < 20, len(source.reads)
    state = {"step": 7, "params": {str(i): np.zeros(1 << 16, np.uint8) for i in range(100)}, "seed": 3}
    source = CountingSource(in_memory(state))
    assert len(opened(source).records) == 102
    assert len(source.reads) <= 8, source.reads


def test_a_few_leaves_between_large_arrays_are_read_when_they_are_asked_for():
    tree = {f"{i:03}": (i if i % 2 else np.full(1 << 17, i, np.uint8)) for i in range(60)}
    source = CountingSource(in_memory(tree))
    contents = opened(source)
    assert len(source.reads) <= 2, source.reads
    record = contents.records[31]
    assert (record.kind, record.leaf.value) == ("int", 31)
    assert len(source.reads) <= 4, source.reads
    asked = len(source.reads)
    assert record.leaf.value == 31
    assert len(source.reads) == asked


def test_one_byte_of_a_large_leaf_reads_little():
    source = CountingSource(in_memory({"a": np.zeros(9_000_000, np.uint8), "b": np.zeros(9_000_000, np.uint8)}))
    contents = opened(source)
    source.reads.clear()
    contents.checked.read_at(contents.records[1].extents()[0][0] + 5_000_000, 1)
    assert sum(n for _, n in source.reads) < 1024


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_between_a_mark_and_a_footer_are_read_or_refused(junk, whole):
    data = MARK + junk
    data = with_index(data, junk) if whole else data + footer(len(data), b"")
    try:
        values(data)
    except FormatError as error:
        assert error.clause


@given(st.integers(0, len(DATA)), st.binary(max_size=8), st.integers(0, 8))
def test_records_that_change_are_refused_whatever_the_seal_says(at, junk, removed):
    """With every checksum made to fit, what is read is what a plain reader would read, or it is refused."""
    records, index = taken_apart(DATA)
    at %= len(records)
    records = records[:at] + junk + records[at + removed :]
    index["checksum"] = crc(records)
    position = 0
    for leaf in index["leaves"]:
        size = leaf[4][0][0]
        leaf[4][0][2] = crc(records[position : position + size])
        position += size
    try:
        found = values(with_index(records, index))
    except FormatError:
        return
    assert [path for path, _ in found] == [path for path, _ in values(DATA)]
    del index["digests"]
    assert read_seal(BytesSource(with_index(records, index))).records_end == len(records)


def test_a_row_made_by_hand_is_what_save_writes(tmp_path):
    assert sealed_by_hand([an_int()]) == sealed(tmp_path, {"a": 7})
