"""The seal: the file as a whole, cut anywhere and flipped anywhere, its footer, its versions; and its few reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.strategies import trees
from reference.checkpoints.leaf_items import item_of
from reference.containers.registry import kind_of
from reference.containers.stream import STREAM, planned
from reference.devices.states import flax_expansion
from reference.format.errors import FormatError
from reference.format.payloads import write_steps
from reference.format.trees import flatten, unflatten
from reference.tests.handmade import BytesSink
from reference.tests.memory import Meter
from reference.tests.sealed import (
    MARK,
    an_int,
    crc,
    footer,
    opened,
    rows_of,
    taken_apart,
    tree_of,
    values,
    with_index,
)
from reference.tests.sealed_in_memory import DATA, TREE, in_memory


@given(trees(), st.booleans())
def test_any_tree_goes_round(tree, digests):
    data = in_memory(tree, digests=digests)
    # As a plain stream gives it back (TREE-2: lists and tuples become maps).
    items = [item_of(*leaf) for leaf in flatten(tree, True, flax_expansion())]
    sink = BytesSink()
    write_steps(sink, planned(items, None))
    assert same(tree_of(data), unflatten(values(bytes(sink.data))))


# SEAL-5: "A file that begins with the mark and does not end with a footer has been cut off, and MUST be refused."
def test_a_cut_anywhere_is_refused():
    for cut in range(5, len(DATA)):
        with pytest.raises(FormatError) as caught:
            opened(DATA[:cut])
        assert (caught.value.clause, caught.value.offset) == ("SEAL-5", cut)


def test_a_flip_of_any_bit_is_refused_and_told_by_its_leaf():
    ends = np.cumsum([len(row) for row in rows_of(DATA)])
    paths = [path for path, _ in values(DATA)]
    payload = range(300, 4500)  # of the first leaf, where one is as another
    for at in (at for at in range(len(DATA)) if at not in payload or at % 100 == 0):
        for bit in range(8) if at % 50 == 0 else (at % 8,):
            data = bytearray(DATA)
            data[at] ^= 1 << bit
            with pytest.raises(FormatError) as caught:
                values(bytes(data))
            if 5 <= at < ends[-1]:
                assert caught.value.path == paths[int(np.searchsorted(ends, at, side="right"))], (at, bit)


def test_every_flip_is_found_by_verify(tmp_path):
    from reference.verify import verify

    path = tmp_path / "x"
    for at in range(5, len(DATA), 23):
        data = bytearray(DATA)
        data[at] ^= 1 << at % 8
        path.write_bytes(data)
        with pytest.raises(FormatError):
            verify(path)
    path.write_bytes(DATA)
    assert verify(path) == []


# SEAL-2: "What stands behind the footer, be it a line feed or another file, is refused."
@pytest.mark.parametrize("more", [b"\n", b"\0", b"x" * 40, DATA, DATA[-40:], b"\x92\x91\xa1z\xc4\x01\x07"])
def test_what_stands_behind_or_before_is_refused(more):
    with pytest.raises(FormatError) as caught:
        opened(DATA + more)
    ends_well = more.endswith(b"streamckpt-seal\n")
    assert caught.value.clause == ("SEAL-4" if ends_well else "SEAL-5")
    assert caught.value.offset == len(DATA + more) - (40 if ends_well else 0)
    if more[:1] != MARK[:1]:
        with pytest.raises(FormatError):
            values(more + DATA)


def test_bytes_between_the_records_and_the_seal_are_refused():
    records, index = taken_apart(DATA)
    with pytest.raises(FormatError, match="INDEX-4"):
        opened(with_index(records + b"\0", index))
    with pytest.raises(FormatError, match="INDEX-4"):
        opened(with_index(records[:-1], index))


def test_a_seal_alone_is_refused():
    body = b"\x80"
    for data in (MARK, MARK + footer(5, b""), MARK + b"\xc6\0\0\0\x29" + footer(5, b"")):
        with pytest.raises(FormatError):
            opened(data)
    with pytest.raises(FormatError):
        opened(with_index(MARK, body))


# SEAL-3: "the length is one more than the bytes of index and footer"
@pytest.mark.parametrize("by", [-1, 1, 2, -41, 1000])
def test_another_length_is_refused(by):
    data = bytearray(DATA)
    at = len(taken_apart(DATA)[0])
    data[at + 1 : at + 5] = (int.from_bytes(data[at + 1 : at + 5], "big") + by).to_bytes(4, "big")
    with pytest.raises(FormatError, match="SEAL-3") as caught:
        opened(bytes(data))
    assert caught.value.offset == at


@pytest.mark.parametrize("head", [b"\xc5", b"\xc4", b"\xdb", b"\xc9", b"\x92"])
def test_another_first_byte_is_refused(head):
    data = bytearray(DATA)
    at = len(taken_apart(DATA)[0])
    data[at : at + 1] = head
    with pytest.raises(FormatError, match="SEAL-3") as caught:
        opened(bytes(data))
    assert caught.value.offset == at


# SEAL-9, in the order of the table
def changed_footer(place, value, mend=True):
    data = bytearray(DATA)
    at = len(data) - 40
    data[at + place : at + place + len(value)] = value
    if mend:
        data[at + 20 : at + 24] = crc(bytes(data[at : at + 20]))
    return bytes(data)


FAULTS = {
    "no signature": ("SEAL-5", changed_footer(39, b"\r"), len(DATA)),
    "offset without a checksum": ("SEAL-4", changed_footer(0, b"\1", mend=False), len(DATA) - 40),
    "checksum of the footer": ("SEAL-4", changed_footer(20, b"abcd", mend=False), len(DATA) - 40),
    "major 3": ("SEAL-6", changed_footer(16, b"\0\3"), len(DATA) - 40),
    "major 1": ("SEAL-6", changed_footer(16, b"\0\1"), len(DATA) - 40),
    "minor 1": ("SEAL-6", changed_footer(18, b"\0\1"), len(DATA) - 40),
    "offset beyond": ("SEAL-4", changed_footer(0, b"\xff" * 8), len(DATA) - 40),
    "offset too small": ("SEAL-4", changed_footer(0, bytes(8)), len(DATA) - 40),
    "bytes of the index": ("SEAL-4", changed_footer(8, b"\xff\xff\xff\xff"), len(DATA) - 40),
    "checksum of the index": ("SEAL-4", changed_footer(12, b"abcd"), len(taken_apart(DATA)[0]) + 5),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_by_its_clause_and_place(fault):
    clause, data, at = FAULTS[fault]
    with pytest.raises(FormatError) as caught:
        opened(data)
    assert (caught.value.clause, caught.value.offset) == (clause, at), str(caught.value)
    assert caught.value.advice


def test_a_newer_version_is_named():
    with pytest.raises(FormatError, match=r"this stream has version 2\.1, and the newest known here is 2\.0"):
        opened(with_index(*taken_apart(DATA), version=(2, 1)))
    # The version is what is at fault, whatever else a newer one does.
    with pytest.raises(FormatError, match="SEAL-6"):
        opened(MARK + bytes(100) + footer(2**40, b"another form", (3, 0)))


class Hollow:
    """A source of any size, of zeros but for its first and last bytes, which refuses to be read as a whole."""

    name = "hollow"

    def __init__(self, size, head, tail):
        self.size, self._head, self._tail = size, head, tail

    def read_at(self, offset, n):
        assert n < 1 << 20, "far too much is read"
        data = bytearray(n)
        for at, part in ((0, self._head), (self.size - len(self._tail), self._tail)):
            begin, end = max(at, offset), min(at + len(part), offset + n)
            if begin < end:
                data[begin - offset : end - offset] = part[begin - at : end - at]
        return bytes(data)


# SEAL-3: "The length is at most 2^31 - 1. A reader MUST refuse another length."
@pytest.mark.parametrize("length", [2**31 - 1 - 40, 2**31, 2**32 - 42, 2**32 - 41, 2**32 - 1])
def test_a_seal_longer_than_2_gib_is_refused_before_it_is_read(length):
    """A length that is one byte short of 2^32 has no header at all."""
    fields = (1000).to_bytes(8, "big") + length.to_bytes(4, "big") + bytes(4) + b"\0\2\0\0"
    tail = fields + crc(fields) + b"streamckpt-seal\n"
    with pytest.raises(FormatError, match="SEAL-3") as caught:
        opened(Hollow(1000 + 5 + length + 40, MARK, tail))
    assert caught.value.offset == 1000


# CONF-9: "every other input as version 1.0 says"
def test_a_plain_stream_is_what_it_was(tmp_path):
    reference.save(tmp_path / "x", TREE)
    with reference.open(tmp_path / "x") as checkpoint:
        assert (checkpoint.version, checkpoint.metadata, checkpoint.contents.seal) == ("1.0", {}, None)
    reference.save(tmp_path / "y", TREE, format="2.0", metadata={"a": 1})
    with reference.open(tmp_path / "y") as checkpoint:
        assert (checkpoint.version, checkpoint.metadata) == ("2.0", {"a": 1})
        assert kind_of(checkpoint.source) == STREAM
    for wrong in ("2", "2.1", 2.0, "3.0"):
        with pytest.raises(
            ValueError, match=r"is not a version of the stream, which is a text: write '1\.0' or '2\.0'"
        ):
            reference.save(tmp_path / "z", TREE, format=wrong)


def test_a_stream_with_the_mark_and_no_seal_is_refused_by_every_door(tmp_path):
    from reference.convert import convert
    from reference.verify import verify

    (tmp_path / "x").write_bytes(an_int()[0])
    for door in (reference.load, reference.open, reference.scan, verify, lambda x: convert(str(x), f"{tmp_path}/y")):
        with pytest.raises(FormatError, match="SEAL-5") as caught:
            door(tmp_path / "x")
        assert "salvage" in str(caught.value)


def test_nothing_is_allocated_on_the_word_of_a_footer():
    meter = Meter()
    for length in (2**31 - 100, 2**32 - 1):
        with pytest.raises(FormatError):
            opened(changed_footer(8, length.to_bytes(4, "big")))
    assert meter.peak() < 10_000
