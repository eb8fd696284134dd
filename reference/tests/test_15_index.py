"""The index: what stands around its rows, and in which form."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.format.errors import FormatError
from reference.format.indexes import read_index
from reference.tests.memory import Meter

BLOCK = 1 << 22


GOOD = {"alignment": 64, "checksum": bytes(4), "leaves": [[["a"], "int", None, None, [[9, None, bytes(4)]]]]}
GOOD["metadata"] = {}


def with_entry(key, value):
    return {**GOOD, key: value}


INDEXES = [
    ("INDEX-1", b"\x94" + msgpack.packb(GOOD)[1:], 0),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "checksum", "leaves")}, 0),
    ("INDEX-1", {**GOOD, "digests": bytes(64), "more": 1}, 0),
    ("INDEX-1", {**GOOD, "digest": bytes(64)}, None),
    ("INDEX-1", {key: GOOD[key] for key in ("checksum", "alignment", "leaves", "metadata")}, 1),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "leaves", "checksum", "metadata")}, None),
    ("INDEX-1", {key: GOOD[key] for key in ("alignment", "checksum", "metadata", "leaves")}, None),
    ("INDEX-1", {b"alignment" if key == "alignment" else key: value for key, value in GOOD.items()}, 1),
    ("ALIGN-5", with_entry("alignment", "64"), 11),
    ("ALIGN-5", with_entry("alignment", 1), 11),
    ("INDEX-1", with_entry("checksum", bytes(3)), None),
    ("INDEX-1", with_entry("checksum", bytes(5)), None),
    ("INDEX-1", with_entry("checksum", "abcd"), None),
    ("INDEX-1", with_entry("leaves", {}), None),
    ("STREAM-3", with_entry("leaves", []), None),
    ("INDEX-4", with_entry("leaves", [[["a"], "int", None, None, [[8, None, bytes(4)]]]]), None),
    ("INDEX-4", with_entry("leaves", [[["a"], "int", None, None, [[10, None, bytes(4)]]]]), None),
    ("META-1", with_entry("metadata", []), None),
    ("INDEX-9", with_entry("digests", bytes(63)), None),
    ("INDEX-9", with_entry("digests", bytes(65)), None),
    ("INDEX-9", with_entry("digests", bytes(32)), None),
    ("INDEX-9", with_entry("digests", bytes(96)), None),
    ("INDEX-9", with_entry("digests", "x" * 64), None),
    ("WIRE-6", msgpack.packb(GOOD) + b"\xc0", None),
    ("WIRE-6", msgpack.packb(GOOD) + b"\n", None),
    ("INDEX-5", b"\xde\x00\x04" + msgpack.packb(GOOD)[1:], 0),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\xa9alignment", b"\xd9\x09alignment"), 1),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"alignment\x40", b"alignment\xcc\x40"), 11),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"alignment\x40", b"alignment\xd0\x40"), 11),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\xc4\x04\0\0\0\0\xa6", b"\xc5\x00\x04\0\0\0\0\xa6"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"leaves\x91", b"leaves\xdc\x00\x01"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x91\xa1a", b"\x91\xd9\x01a"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x93\x09\xc0", b"\x93\xcc\x09\xc0"), None),
    ("INDEX-5", msgpack.packb(GOOD).replace(b"\x93\x09\xc0", b"\x93\xd1\x00\x09\xc0"), None),
    ("INDEX-5", msgpack.packb({**GOOD, "digests": bytes(64)}).replace(b"\xc4\x40", b"\xc5\x00\x40"), None),
]


@pytest.mark.parametrize(("clause", "index", "at"), INDEXES, ids=range(len(INDEXES)))
def test_an_index_that_is_not_as_it_should_be_is_refused(clause, index, at):
    raw = index if isinstance(index, bytes) else msgpack.packb(index)
    if raw == msgpack.packb(GOOD):
        assert read_index(raw, 100, 9).columns.paths == [("a",)]
        return
    with pytest.raises(FormatError) as caught:
        read_index(raw, 100, 9)
    assert caught.value.clause == clause, str(caught.value)
    assert caught.value.offset == 100 + at if at is not None else 100 < caught.value.offset <= 100 + len(raw)


@given(st.integers(0, 1 << 16), st.integers(0, 255))
def test_an_index_with_another_byte_is_refused_or_is_the_one_form_of_what_it_says(at, byte):
    raw = bytearray(msgpack.packb({**GOOD, "metadata": {"a": [1, "b"]}, "digests": bytes(64)}))
    raw[at % len(raw)] = byte
    try:
        found = read_index(bytes(raw), 0, 9)
    except FormatError as error:
        assert 0 <= error.offset <= len(raw)
        return
    assert msgpack.packb(msgpack.unpackb(raw)) == raw
    assert found.columns.sizes == [9]


def test_a_cut_in_an_index_is_refused():
    raw = msgpack.packb({**GOOD, "metadata": {"a": [1, "b"]}, "digests": bytes(64)})
    for cut in range(len(raw)):
        with pytest.raises(FormatError):
            read_index(raw[:cut], 0, 9)


def test_counts_that_lie_allocate_nothing():
    meter = Meter()
    good = msgpack.packb(GOOD)
    for old, new in (
        (b"leaves\x91", b"leaves\xdd\x00\x00\x00\x02"),
        (b"leaves\x91", b"leaves\xdd\x7f\xff\xff\xff"),
        (b"\x91\xa1a", b"\xdd\x7f\xff\xff\xff\xa1a"),
        (b"\xc4\x04\0\0\0\0\xa8", b"\xc6\x7f\xff\xff\xff\xa8"),
    ):
        assert old in good
        with pytest.raises(FormatError):
            read_index(good.replace(old, new), 0, 9)
    many = msgpack.packb([[["w"], "ndarray", "uint8", [2**62], [[1, 1, bytes(4)]] * 50_000]])
    with pytest.raises(FormatError):
        read_index(b"\x84\xa9alignment\x40\xa8checksum\xc4\4\0\0\0\0\xa6leaves" + many + b"\xa8metadata\x80", 0, 50_000)
    assert meter.peak() < 50_000  # kB
