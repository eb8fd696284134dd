"""Whole streams: cut anywhere, any byte changed, paths that clash, any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.peers.loop import written
from reference.format.errors import FormatError
from reference.format.leaves import read_value
from reference.format.streams import check_paths, read_stream
from reference.format.wire import BytesSource
from reference.tests.handmade import array, record
from reference.tests.memory import Meter

TREE = {
    "params": {
        "dense": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(3, np.float16)},
        "flags": np.array([True, False]),
    },
    "step": 7,
    "name": "é",
    "rate": 1.5,
    "z": 1 + 2j,
    "scalar": np.float64(2),
    "raw": b"bytes",
    "none": None,
}
STREAM = written(TREE)


def read_all(data):
    source = BytesSource(data)
    return [(r.path, r.leaf, read_value(source, r.leaf_offset, r.leaf)) for r in read_stream(source)]


def test_a_cut_anywhere_is_refused_save_between_records():
    boundaries = {record.end for record in read_stream(BytesSource(STREAM))}
    assert len(boundaries) == 10
    for cut in range(len(STREAM)):
        if cut in boundaries:
            assert read_all(STREAM[:cut])
            continue
        with pytest.raises(FormatError) as caught:
            read_all(STREAM[:cut])
        assert caught.value.clause == ("STREAM-2" if cut else "STREAM-3")
        assert caught.value.offset <= cut


@pytest.mark.slow
@pytest.mark.parametrize("quarter", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in (1, 2, 3))])
def test_a_changed_byte_is_refused_or_changes_one_value_or_name(quarter):
    """Each byte to a quarter of 255 others: a FormatError, or as many records, of the same kind save in one of them."""
    before = read_all(STREAM)
    meter = Meter()
    refused = 0
    for at in range(len(STREAM)):
        for byte in range((at + quarter) % 4, 256, 4):
            if byte == STREAM[at]:
                continue
            data = STREAM[:at] + bytes((byte,)) + STREAM[at + 1 :]
            try:
                after = read_all(data)
            except FormatError as error:
                assert error.offset is not None
                assert error.offset <= len(data)
                refused += 1
                continue
            assert len(after) == len(before)
            changed = [i for i in range(len(after)) if repr(tuple(after[i])) != repr(tuple(before[i]))]
            assert len(changed) <= 1
    assert refused > len(STREAM) * 64 // 2
    assert meter.peak() < 50_000  # kB


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        read_all(data)
    except FormatError as error:
        assert error.clause


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "", "a/b", "\x00"]), min_size=1, max_size=4).map(tuple), min_size=1)
)
def test_clashes_are_found_wherever_they_stand(paths):
    clash = any(a[: len(b)] == b for i, a in enumerate(paths) for j, b in enumerate(paths) if i != j)
    data = b"".join(record(path, b"\xc0") for path in paths)
    if not clash:
        assert [r.path for r in read_stream(BytesSource(data))] == paths
        check_paths(paths)
        return
    with pytest.raises(FormatError) as caught:
        read_stream(BytesSource(data))
    assert caught.value.clause in ("STREAM-4", "STREAM-5")
    assert caught.value.path in paths
    with pytest.raises(FormatError):
        check_paths(paths)


def test_a_clash_is_reported_at_the_second_record():
    first = record(("b", "c"), b"\xc0")
    data = record(("a",), b"\xc0") + first + record(("b",), b"\x80")
    with pytest.raises(FormatError) as caught:
        read_stream(BytesSource(data))
    assert (caught.value.clause, caught.value.path) == ("STREAM-5", ("b",))
    assert caught.value.offset == len(data) - len(record(("b",), b"\x80"))


def test_a_length_that_lies_allocates_nothing():
    meter = Meter()
    for code in (b"\xc6", b"\xdb", b"\xdd", b"\xdf", b"\xc9"):
        for where in (b"", b"\x92", b"\x92\x91", b"\x92\x91\xa1a", b"\x92\x91\xa1a\xc4\x08"):
            for length in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"):
                with pytest.raises(FormatError):
                    read_all(where + code + length + b"\x01\x02\x03")
    assert meter.peak() < 20_000


def test_a_million_tiny_values_in_one_leaf_do_not_swell():
    meter = Meter()
    blob = b"\xdd\x00\x7f\xff\xff" + b"\x90" * 0x7FFFFF
    with pytest.raises(FormatError, match="LEAF-1"):
        read_all(record(("a",), blob))
    nested = b"\x81\xa1a" * 100_000 + b"\xc0"
    with pytest.raises(FormatError, match="LEAF-1"):
        read_all(record(("a",), nested))
    assert meter.peak() < 100_000


def test_order_carries_no_meaning():
    a = record(("x", "b"), array(b"\x91\1", "int8", b"a"))
    b, c = record(("y",), b"\x01"), record(("x", "a"), b"\x02")
    assert len(read_all(a + b + c)) == len(read_all(c + b + a)) == 3


def test_what_is_damaged_behind_its_beginning_is_sent_to_salvage():
    whole = written({"a": np.zeros(300), "b": np.ones(300)})
    at = read_stream(BytesSource(whole))[1].offset
    for damaged in (whole[:at] + b"\0" + whole[at + 1 :], whole.replace(b"float64", b"fl\0at64")):
        with pytest.raises(FormatError, match="the file is damaged; get it again, or rescue the intact leaves with"):
            read_stream(BytesSource(damaged))
    with pytest.raises(FormatError) as caught:  # nothing says that it has ever been a stream
        read_stream(BytesSource(b"\0" + whole[1:]))
    assert "damaged" not in str(caught.value)
