"""Leaves: every kind written as flax writes it, and every fault refused by its clause."""

import flax.serialization
import msgpack
import numpy as np
import pytest
from hypothesis import given

from fuzz.equality import same
from fuzz.strategies import any_layout, arrays, scalars
from reference.format import chunked, leaves, payloads
from reference.format.dtypes import BITS
from reference.format.errors import FormatError
from reference.format.leaves import describe, frame, read_leaf, read_value, view_value
from reference.format.payloads import MemoryPayload, array_payload
from reference.format.wire import BytesSource, Cursor
from reference.tests.handmade import BytesSink, array
from reference.tests.versions import flax_values


def encode(value):
    leaf, sink = describe(value), BytesSink()
    payload = None
    if leaf.dtype is not None:
        payload = array_payload(np.asarray(value))
    elif leaf.kind in ("str", "bin"):
        payload = MemoryPayload(memoryview(value.encode() if leaf.kind == "str" else value))
    for head, n in frame(leaf):
        sink.write(head)
        if n:
            payload.move(n, sink)
    return bytes(sink.data)


def decode(data):
    source = BytesSource(data)
    cursor = Cursor(source)
    leaf = read_leaf(cursor)
    assert cursor.tell() == len(data)
    return read_value(source, 0, leaf)


@given(arrays() | scalars | flax_values)
def test_a_leaf_is_written_as_flax_writes_it_and_reads_back(value):
    data = encode(value)
    assert data == flax.serialization.to_bytes(value)
    assert same(decode(data), value)


@given(any_layout())
def test_any_layout_is_written_in_c_order(value):
    assert encode(value) == flax.serialization.to_bytes(np.ascontiguousarray(value).reshape(value.shape))


@given(arrays())
def test_a_view_of_memory_equals_a_read(value):
    data = encode(value)
    source = BytesSource(data)
    leaf = read_leaf(Cursor(source))
    view = view_value(source, 0, leaf)
    assert same(view, value)
    is_copied = value.dtype == np.bool_ or value.dtype.name in BITS  # DTYPE-4, DTYPE-5
    assert not value.size or view.flags.writeable == is_copied


@pytest.mark.parametrize("dtype", [">f4", ">i2", ">u8", ">c8", ">c16", ">f2", "bfloat16", "complex32", "bcomplex32"])
def test_big_endian_arrays_are_swapped(dtype):
    little = np.arange(12).astype("=" + dtype[1:] if dtype.startswith(">") else leaves.dtype_of(dtype)).reshape(3, 4)
    width = little.dtype.itemsize // (2 if "c" in dtype else 1)  # not by `byteswap`, which ml_dtypes lacked until 0.5.3
    big = little.view(f"u{width}").byteswap().view(little.dtype.newbyteorder(">"))
    assert encode(big) == encode(little)


def test_rearranging_goes_by_bounded_pieces(monkeypatch):
    monkeypatch.setattr("reference.format.payloads.PIECE", 64)
    for value in (np.arange(600).reshape(10, 3, 20).T, np.arange(100.0)[::-3], np.broadcast_to(np.int8(7), (5, 300))):
        assert encode(value) == flax.serialization.to_bytes(value)
        longest = max(piece.nbytes for piece in payloads._pieces(value))
        assert longest <= 64


@pytest.mark.parametrize("tag", ["uint8", "int16", "float32", "complex128", "bfloat16"])
@pytest.mark.parametrize("extra", [0, 1, 7])
def test_large_arrays_are_chunked_as_flax_does(monkeypatch, tag, extra):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 256)
    monkeypatch.setattr(chunked, "CHUNK", 256)
    monkeypatch.setattr(leaves, "CHUNK", 256)
    dtype = leaves.dtype_of(tag)
    value = np.arange(512 // dtype.itemsize + extra).astype(dtype)
    value = value.reshape(2, -1) if extra == 0 else value
    data = encode(value)
    assert data == flax.serialization.to_bytes(value)
    assert same(decode(data), value)
    assert same(flax.serialization.from_bytes(None, data), value)


FAULTS = {
    "LEAF-1": [b"\x90", b"\xd6\xff\0\0\0\1", b"\xc7\0\5", b"\x81\xa1x\1"],
    "LEAF-2": [array(b"\x91\1", "int8", b"a", elements=0x94) + b"", b"\xc7\1\1\xc0"],
    "LEAF-3": [
        array(b"\x91\xff", "int8", b"a"),
        array(b"\x91\xa1\4", "int8", b"a"),
        array(b"\xc0", "int8", b"a"),
        array(b"\4", "int8", b"aaaa"),
        array(b"\xdc\0\x41" + b"\1" * 65, "int8", b"a"),
        array(b"\x91\xcb\x40\0\0\0\0\0\0\0", "int8", b"aa"),
    ],
    "LEAF-4": [array(b"\x91\xcf" + b"\xff" * 8, "int8", b"a"), array(b"\x92\0\xcf\x40" + bytes(7), "int16", b"")],
    "LEAF-5": [array(b"\x91\2", "int8", b"a"), array(b"\x91\1", "int8", b"aa"), array(b"\x91\1", "int16", b"a")],
    "LEAF-6": [array(b"\x91\1", "int8", b"a", code=3)],
    "LEAF-7": [b"\xc7\2\2\x91\1", b"\xd6\2\x93\1\1\1", b"\xc7\3\2\x92\1\2", b"\xd4\2\xc0"],
    "DTYPE-1": [array(b"\x91\1", "f4", b"aaaa"), array(b"\x91\1", "", b"a")],
    "WIRE-6": [array(b"\x91\1", "int8", b"a").replace(b"\xc7\x0b", b"\xc7\x0c") + b"\0", b""],
    "WIRE-5": [b"\xa2\xc3\x28", b"\xa1\xff"],
}


LONG_TAG = b"\x93\x90\xd9\x41" + b"x" * 65 + b"\xc4\x00"
FAULTS["DTYPE-1"].append(b"\xc7" + bytes((len(LONG_TAG),)) + b"\x01" + LONG_TAG)
FAULTS["DTYPE-2"] = [array(b"\x90", "", b"").replace(b"\xa0", b"\xc0")]


@pytest.mark.parametrize(("clause", "blob"), [(clause, blob) for clause, blobs in FAULTS.items() for blob in blobs])
def test_a_fault_is_refused_by_its_clause(clause, blob):
    from reference.format.streams import read_stream
    from reference.tests.handmade import record

    with pytest.raises(FormatError) as caught:
        read_stream(BytesSource(record(("a",), blob)))
    assert caught.value.clause == clause, str(caught.value)
    assert caught.value.path == ("a",)
    assert caught.value.offset is not None


def chunked_leaf(
    marker=True, shape=None, chunks=None, extra=None, order=("__msgpack_chunked_array__", "shape", "chunks")
):
    def ext(values):
        return msgpack.ExtType(1, msgpack.packb(([len(values)], values.dtype.name, values.tobytes())))

    parts = {
        "__msgpack_chunked_array__": marker,
        "shape": {"0": 3} if shape is None else shape,
        "chunks": {"0": ext(np.int8([1, 2])), "1": ext(np.int8([3]))} if chunks is None else chunks(ext),
    }
    return msgpack.packb({**{key: parts[key] for key in order}, **(extra or {})})


def test_a_small_chunked_array_reads():
    assert same(decode(chunked_leaf()), np.int8([1, 2, 3]))
    assert same(decode(chunked_leaf(shape={"0": 1, "1": 3})), np.int8([[1, 2, 3]]))
    assert same(decode(chunked_leaf(shape={"0": 0}, chunks=lambda ext: {"0": ext(np.int8([]))})), np.int8([]))


@pytest.mark.parametrize(
    ("clause", "leaf"),
    [
        ("LEAF-10", chunked_leaf(marker=False)),
        ("LEAF-10", chunked_leaf(marker=None)),
        ("LEAF-10", chunked_leaf(extra={"x": 1})),
        ("LEAF-10", chunked_leaf(order=("__msgpack_chunked_array__", "chunks", "shape"))),
        ("LEAF-10", chunked_leaf(order=("__msgpack_chunked_array__", "shape"))),
        ("LEAF-1", chunked_leaf(order=("shape", "__msgpack_chunked_array__", "chunks"))),
        ("LEAF-11", chunked_leaf(shape={"1": 3})),
        ("LEAF-11", chunked_leaf(shape=[3])),
        ("LEAF-3", chunked_leaf(shape={"0": -3})),
        ("LEAF-3", chunked_leaf(shape={str(i): 1 for i in range(65)})),
        ("LEAF-4", chunked_leaf(shape={"0": 2**63})),
        ("LEAF-12", chunked_leaf(shape={"0": 4})),
        ("LEAF-12", chunked_leaf(shape={})),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: {})),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: [ext(np.int8([1, 2, 3]))])),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: {"1": ext(np.int8([3])), "0": ext(np.int8([1, 2]))})),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: {"0": ext(np.int8([1, 2])), "1": ext(np.uint8([3]))})),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: {"0": b"123"})),
        ("LEAF-12", chunked_leaf(chunks=lambda ext: {"0": msgpack.ExtType(3, ext(np.int8([1, 2, 3])).data)})),
    ],
)
def test_a_fault_in_a_chunked_array_is_refused_by_its_clause(clause, leaf):
    with pytest.raises(FormatError) as caught:
        decode(leaf)
    assert caught.value.clause == clause, str(caught.value)


@pytest.mark.parametrize(
    ("clause", "value"),
    [
        ("LEAF-1", {1, 2}),
        ("LEAF-1", {"a": 1}),
        ("LEAF-1", object()),
        ("LEAF-1", 2**64),
        ("LEAF-1", -(2**63) - 1),
        ("LEAF-1", np.ma.masked_array([1, 2], [True, False])),
        ("LEAF-1", __import__("enum").IntEnum("Colour", "RED").RED),
        ("DTYPE-7", np.array(["text"])),
        ("DTYPE-7", np.array([None])),
        ("DTYPE-7", np.datetime64("2020-01-01")),
        ("DTYPE-7", np.array([(1, 2)], dtype="i4,f4")),
        ("WIRE-5", "\ud800"),
    ],
)
def test_a_value_that_no_leaf_can_hold_is_refused(clause, value):
    with pytest.raises(FormatError) as caught:
        describe(value)
    assert caught.value.clause == clause


def test_an_array_that_fits_no_record_is_described_without_being_touched():
    leaf = describe(np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (1 << 33,), (0,)))
    assert leaf.nbytes == 1 << 33


def test_an_int_of_thousands_of_digits_is_refused_by_its_clause():
    """Python itself refuses to turn it into a text."""
    with pytest.raises(FormatError, match="the int of 16610 bits is outside") as caught:
        describe(10**5000)
    assert caught.value.clause == "LEAF-1"
