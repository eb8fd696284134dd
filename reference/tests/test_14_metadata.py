"""Metadata: what goes round, the one form of its bytes, its limits, and every refusal with its place."""

import math
import struct
from types import MappingProxyType

import ml_dtypes
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.strategies import integers, texts
from reference.format.errors import FormatError, UsageError
from reference.format.index_rows import CanonicalCursor
from reference.format.metadata import MAX_BYTES, MAX_DEPTH, encode_metadata, read_metadata
from reference.format.wire import BytesSource
from reference.tests.memory import Meter
from reference.tests.sealed import an_int, opened, sealed, sealed_by_hand, taken_apart, with_index

values = st.recursive(
    st.none() | st.booleans() | integers | st.floats() | texts | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
metadata = st.dictionaries(texts, values, max_size=5)


def read(data):
    cursor = CanonicalCursor(BytesSource(data))
    cursor.canonical = "META-2"
    found = read_metadata(cursor)
    assert cursor.tell() == len(data)
    return found


def in_order(value):
    """The value with the entries of its maps in the order of META-2."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=str.encode)}
    return [in_order(child) for child in value] if isinstance(value, list) else value


def sealed_with(raw):
    """A sealed stream whose index has these bytes in the place of its metadata."""
    records, index = taken_apart(sealed_by_hand([an_int()]))
    return with_index(records, msgpack.packb(index).replace(b"\xa8metadata\x80", b"\xa8metadata" + raw))


@given(metadata)
def test_metadata_goes_round_in_the_one_form_of_its_bytes(value):
    data = encode_metadata(value)
    assert data == msgpack.packb(in_order(value))
    assert msgpack.packb(read(data)) == msgpack.packb(opened(sealed_with(data)).metadata) == data


# META-2: "So the same content always gives the same bytes."
@given(metadata, st.randoms())
def test_the_order_in_which_it_was_made_does_not_show(value, random):
    def shuffled(value):
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(child) for child in value] if isinstance(value, list) else value

    assert encode_metadata(shuffled(value)) == encode_metadata(value)


def test_keys_are_in_the_order_of_their_bytes():
    """Not in that of their lengths, nor of UTF-16: there U+10000 comes before U+FFFF."""
    keys = ["", "a", "a\0", "aa", "b", "z", "é", "中", "\uffff", "\U00010000"]
    assert list(read(encode_metadata(dict.fromkeys(reversed(keys))))) == keys
    assert encode_metadata({"\U00010000": 1, "\uffff": 2}).index(b"\xef\xbf\xbf") == 2


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.int64(-5), -5),
        (np.float32(0.5), 0.5),
        (np.float16(np.inf), math.inf),
        (ml_dtypes.bfloat16(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        ((1, (2, "3")), [1, [2, "3"]]),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        (MappingProxyType({"b": 1, "a": 2}), {"a": 2, "b": 1}),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        ([], []),
        ({}, {}),
        (-0.0, -0.0),
    ],
)
def test_what_is_taken_for_what(tmp_path, value, found):
    reference.save(tmp_path / "x", {"a": 1}, format="2.0", metadata={"v": value})
    with reference.open(tmp_path / "x") as checkpoint:
        assert same(checkpoint.metadata, {"v": found})


def test_a_nan_keeps_its_bits(tmp_path):
    (nan,) = struct.unpack(">d", bytes.fromhex("fff8000000000123"))
    data = sealed(tmp_path, {"a": 1}, metadata={"v": nan})
    assert bytes.fromhex("cbfff8000000000123") in data
    assert struct.pack(">d", opened(data).metadata["v"]).hex() == "fff8000000000123"


class Odd:
    pass


@pytest.mark.parametrize(
    ("clause", "where", "given"),
    [
        ("META-1", "metadata a/1: a value of type complex", {"a": [0, 1j]}),
        ("META-1", "metadata a: a value of type Odd", {"a": Odd()}),
        ("META-1", "metadata a: a value of type ndarray", {"a": np.zeros(2)}),
        ("META-1", "metadata a: a value of type set", {"a": {1}}),
        ("META-1", "metadata a: a value of type datetime64", {"a": np.datetime64("2026-01-01", "ns")}),
        ("META-1", "metadata a: a value of type timedelta64", {"a": np.timedelta64(5, "s")}),
        ("META-1", "metadata a: a value of type longdouble", {"a": np.longdouble(1)}),
        ("META-1", "metadata a: a key is of type int", {"a": {1: 2}}),
        ("META-1", "a key is of type bytes", {b"a": 2}),
        ("META-1", "metadata a: the int 18446744073709551616 is outside", {"a": 2**64}),
        ("META-1", "metadata a: the int -9223372036854775809 is outside", {"a": -(2**63) - 1}),
        ("META-1", "metadata a: the int of 16610 bits is outside", {"a": 10**5000}),
        ("WIRE-5", "metadata a/b: a text cannot be encoded", {"a": {"b": "\ud800"}}),
        ("WIRE-5", "metadata a: a text cannot be encoded", {"a": {"\udfff": 1}}),
        ("META-1", "metadata is a map, not a list", [1]),
        ("META-1", "metadata is a map, not a list", []),
        ("META-1", "metadata is a map, not a str", ""),
        ("META-1", "metadata is a map, not an int", 0),
    ],
)
def test_what_cannot_stand_in_metadata_is_refused_with_its_place(tmp_path, clause, where, given):
    with pytest.raises(FormatError, match=where) as caught:
        reference.save(tmp_path / "x", {"a": 1}, format="2.0", metadata=given)
    assert caught.value.clause == clause
    assert not (tmp_path / "x").exists()


def test_metadata_of_a_plain_stream_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"a stream of version 1.0 holds no metadata; write version 2.0"):
        reference.save(tmp_path / "x", {"a": 1}, metadata={"step": 1})
    with pytest.raises(UsageError, match="cannot be sealed"):
        reference.save(f"flax::{tmp_path}/x", {"a": 1}, format="2.0", metadata={"step": 1})


# META-3: "The encoded metadata has at most 2^24 bytes, and its values are nested at most 64 deep."
def nested(depth, leaf=7):
    for i in range(depth):
        leaf = [leaf] if i % 2 else {"a": leaf}
    return leaf


@pytest.mark.parametrize("innermost", [7, [], {}])
def test_values_are_nested_at_most_64_deep(innermost):
    deep = 63 if innermost == 7 else 62
    good = {"m": nested(deep, innermost)}
    assert MAX_DEPTH == 64
    assert read(encode_metadata(good)) == good
    bad = {"m": nested(deep + 1, innermost)}
    with pytest.raises(FormatError, match="META-3"):
        encode_metadata(bad)
    with pytest.raises(FormatError, match="META-3") as caught:
        opened(sealed_with(msgpack.packb(bad)))
    assert caught.value.offset > len(an_int()[0])


def test_a_map_that_holds_itself_is_refused():
    loop = {}
    loop["again"] = loop
    with pytest.raises(FormatError, match="META-3"):
        encode_metadata(loop)


def test_a_map_nested_a_million_deep_is_refused_in_reading():
    with pytest.raises(FormatError, match="META-3"):
        opened(sealed_with(b"\x81\xa1a" + b"\x91" * 1_000_000 + b"\xc0"))


def test_16_mib_are_the_limit():
    frame = len(encode_metadata({"a": bytes(1 << 16)})) - (1 << 16)
    most = {"a": bytes(MAX_BYTES - frame)}
    raw = encode_metadata(most)
    assert len(raw) == MAX_BYTES == 1 << 24
    assert read(raw) == most
    for more in ({"a": most["a"] + b"x"}, {**most, "b": None}, {"a": ["x" * 1000] * 20_000}):
        with pytest.raises(FormatError, match="META-3"):
            encode_metadata(more)
        with pytest.raises(FormatError, match="META-3"):
            read(msgpack.packb(more))


def test_counts_that_lie_allocate_nothing():
    meter = Meter()
    for header in (b"\xdf", b"\xdd", b"\xc6", b"\xdb"):
        for where in (b"", b"\x81\xa1a", b"\x81\xa1a\x91"):
            with pytest.raises(FormatError):
                read(where + header + b"\x7f\xff\xff\xff" + bytes(100))
    assert meter.peak() < 20_000  # kB


@pytest.mark.parametrize(
    ("clause", "raw", "at"),
    [
        ("META-1", b"\x90", 0),
        ("META-1", b"\xc0", 0),
        ("META-1", b"\x81\xa1t\xd6\xff\0\0\0\1", 3),
        ("META-1", b"\x81\xa1t\xc7\x00\x01", 3),
        ("META-1", b"\x81\xa1t\xca\0\0\0\0", 3),
        ("META-1", b"\x81\xa1t\x91\xca\0\0\0\0", 4),
        ("META-1", b"\x81\xc4\x01a\xc0", 1),
        ("META-1", b"\x81\x01\xc0", 1),
        ("META-1", b"\x81\xa1a\x81\xc0\xc0", 4),
        ("META-2", b"\x82\xa1a\x01\xa1a\x02", 4),
        ("META-2", b"\x82\xa1b\x01\xa1a\x02", 4),
        ("META-2", b"\x82\xa2aa\x01\xa1a\x02", 5),
        ("META-2", b"\x81\xa1a\x82\xa1b\x01\xa1a\x02", 7),
        ("META-2", b"\x81\xd9\x01a\xc0", 1),
        ("META-2", b"\x81\xa1a\xcc\x07", 3),
        ("META-2", b"\x81\xa1a\xcd\x00\xff", 3),
        ("META-2", b"\x81\xa1a\xd0\x07", 3),
        ("META-2", b"\x81\xa1a\xd0\xe0", 3),
        ("META-2", b"\x81\xa1a\xd1\xff\x80", 3),
        ("META-2", b"\x81\xa1a\xd3\0\0\0\0\x80\0\0\0", 3),
        ("META-2", b"\x81\xa1a\xc5\x00\x01a", 3),
        ("META-2", b"\x81\xa1a\xda\x00\x01a", 3),
        ("META-2", b"\x81\xa1a\xdc\x00\x00", 3),
        ("META-2", b"\x81\xa1a\xde\x00\x00", 3),
        ("META-2", b"\xde\x00\x01\xa1a\xc0", 0),
        ("WIRE-5", b"\x81\xa1\xff\xc0", 1),
        ("WIRE-5", b"\x81\xa1a\xa3\xed\xa0\x80", 3),
        ("WIRE-4", b"\x81\xa1a\xc1", 3),
    ],
)
def test_every_other_form_is_refused_at_its_place(clause, raw, at):
    with pytest.raises(FormatError) as caught:
        read(raw)
    assert (caught.value.clause, caught.value.offset) == (clause, at), str(caught.value)
    data = sealed_with(raw)
    with pytest.raises(FormatError) as caught:
        opened(data)
    place = data.index(b"\xa8metadata") + 9
    assert (caught.value.clause, caught.value.offset) == (clause, place + at), str(caught.value)


@given(metadata, st.integers(0, 1 << 16), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_gives_other_metadata_in_canonical_form(value, at, byte):
    """So there are no two ways to write the same."""
    raw = bytearray(encode_metadata(value))
    at %= len(raw)
    raw[at] = byte
    try:
        cursor = CanonicalCursor(BytesSource(bytes(raw)))
        cursor.canonical = "META-2"
        found = read_metadata(cursor)
    except FormatError as error:
        assert error.offset is not None
        return
    assert encode_metadata(found) == raw[: cursor.tell()]


# META-4: "A reader that does not know an entry keeps it or leaves it, and MUST NOT refuse it."
def test_unknown_entries_are_kept(tmp_path):
    from reference.convert import convert

    given = {"step": "not even an int", "x.y": {"deep": [None]}, "safetensors": 5}
    reference.save(tmp_path / "x", {"a": 1}, format="2.0", metadata=given)
    convert(f"{tmp_path}/x", f"params::{tmp_path}/y", metadata={"step": 3})
    with reference.open(tmp_path / "y") as checkpoint:
        assert checkpoint.metadata == {**given, "step": 3}


def test_what_a_caller_does_with_the_metadata_changes_nothing_in_the_checkpoint(tmp_path):
    reference.save(tmp_path / "x", {"a": 1}, format="2.0", metadata={"step": 1})
    with reference.open(tmp_path / "x") as checkpoint:
        checkpoint.metadata["step"] = 2
        assert checkpoint.metadata == {"step": 1}
