"""Headers: ours against msgpack's, both ways; lengths that lie; text that is not UTF-8."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.format import wire
from reference.format.errors import FormatError
from reference.format.wire import BytesSource, Cursor

LENGTHS = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536, 2**32 - 1]


@given(st.one_of(st.integers(-(2**63), 2**64 - 1), st.sampled_from([-33, -32, -1, 0, 127, 128, 255, 256, 2**64 - 1])))
def test_integers_are_written_as_msgpack_writes_them(value):
    assert wire.encode_int(value) == msgpack.packb(value)


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**64])
def test_integers_that_fit_no_header_are_refused(value):
    with pytest.raises(OverflowError):
        wire.encode_int(value)


@given(st.floats())
def test_floats_are_written_as_msgpack_writes_them(value):
    assert wire.encode_float(value) == msgpack.packb(value)


@pytest.mark.parametrize("n", LENGTHS)
def test_container_headers_are_those_of_msgpack(n):
    packer = msgpack.Packer()
    assert wire.array_header(n) == packer.pack_array_header(n)
    assert wire.map_header(n) == packer.pack_map_header(n)


@pytest.mark.parametrize("n", [n for n in LENGTHS if n <= 65_536] + [2, 4, 8, 17])
def test_headers_of_bytes_are_those_of_msgpack(n):
    assert wire.bin_header(n) == msgpack.packb(b"x" * n)[: -n or None]
    assert wire.str_header(n) == msgpack.packb("x" * n)[: -n or None]
    if n:
        assert wire.ext_header(n, 5) == msgpack.packb(msgpack.ExtType(5, b"x" * n))[:-n]


@pytest.mark.parametrize("header", [wire.bin_header, wire.str_header, wire.array_header, wire.map_header])
def test_a_length_of_4_gib_fits_no_header(header):
    with pytest.raises(OverflowError):
        header(2**32)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    st.binary(max_size=300),
)


@given(VALUES)
def test_what_msgpack_writes_reads_back(value):
    data = msgpack.packb(value)
    cursor = Cursor(BytesSource(data))
    kind, found = cursor.header()
    if kind == "str":
        found = cursor.text(found, 0)
    elif kind == "bin":
        found = cursor.take(found)
    assert (type(found), found) == (type(value), value)
    assert cursor.tell() == len(data)


@pytest.mark.parametrize(
    "data", ["cd0007", "ce00000007", "cf0000000000000007", "d007", "d10007", "d300000000000000" + "07"]
)
def test_longer_headers_read_as_the_shortest(data):
    assert Cursor(BytesSource(bytes.fromhex(data))).header() == ("int", 7)


@pytest.mark.parametrize(
    "code", ["c4ff", "c5ffff", "c6ffffffff", "d9ff", "dbffffffff", "c9ffffffff01", "ddffffffff", "dfffffffff"]
)
def test_a_length_beyond_the_input_is_refused_before_anything_is_read(code):
    with pytest.raises(FormatError) as caught:
        Cursor(BytesSource(bytes.fromhex(code))).header()
    assert (caught.value.clause, caught.value.offset) == ("STREAM-2", 0)


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"])
def test_text_that_is_not_utf8_is_refused(raw):
    with pytest.raises(FormatError) as caught:
        Cursor(BytesSource(raw)).text(len(raw), at=0)
    assert caught.value.clause == "WIRE-5"


def test_a_cursor_reads_past_its_window():
    data = b"\xc4\xff" + bytes(255) + b"\xc5\xff\xff" + bytes(65_535) + b"\x07"
    cursor = Cursor(BytesSource(data))
    for _ in range(2):
        _, n = cursor.header()
        cursor.skip(n)
    assert cursor.header() == ("int", 7)
    assert cursor.tell() == len(data)


class Counting(BytesSource):
    """A source that counts what is asked of it."""

    read = 0

    def read_at(self, offset, n):
        Counting.read += n
        return super().read_at(offset, n)


def test_skipped_payloads_are_not_read():
    from reference.format.records import read_records
    from reference.tests.handmade import record

    big = b"\xc6" + (1 << 20).to_bytes(4, "big") + bytes(1 << 20)
    data = b"".join(record((str(i),), big) for i in range(20))
    Counting.read = 0
    records, _ = read_records(Counting(data))
    assert len(records) == 20
    assert Counting.read < 20 * 2 * 4096
