"""Flax files: read as flax reads them, written byte for byte as flax writes them."""

import flax.serialization
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.equality import same
from fuzz.strategies import arrays, keys
from reference.checkpoints.leaf_items import item_of
from reference.format.errors import FormatError
from reference.format.flax_msgpack import flax_steps, read_flax
from reference.format.leaves import Leaf, read_value
from reference.format.payloads import write_steps
from reference.format.records import Item
from reference.format.trees import flatten, unflatten
from reference.format.wire import BytesSource
from reference.tests.handmade import BytesSink
from reference.tests.memory import Meter
from reference.tests.versions import flax_values

trees = st.dictionaries(
    keys,
    st.recursive(flax_values | arrays(), lambda inner: st.dictionaries(keys, inner, max_size=4), max_leaves=10),
    min_size=1,
    max_size=4,
)


def encode(tree):
    items = [item_of(*leaf) for leaf in flatten(tree, keep_empty_nodes=True)]
    sink = BytesSink()
    write_steps(sink, flax_steps(items))
    return bytes(sink.data)


def decode(data):
    source = BytesSource(data)
    return unflatten((r.path, read_value(source, r.leaf_offset, r.leaf)) for r in read_flax(source))


@given(trees)
def test_a_tree_is_written_as_flax_writes_it_and_reads_back(tree):
    data = encode(tree)
    assert data == flax.serialization.msgpack_serialize(tree, in_place=True)
    assert same(decode(data), tree)


def test_chunked_leaves_are_those_of_flax(monkeypatch):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 64)
    monkeypatch.setattr("reference.format.leaves.CHUNK", 64)
    monkeypatch.setattr("reference.format.chunked.CHUNK", 64)
    tree = {"a": {"b": np.arange(40, dtype=np.int16).reshape(5, 8)}, "c": np.arange(3)}
    data = encode(tree)
    assert data == flax.serialization.msgpack_serialize({"a": {"b": tree["a"]["b"]}, "c": tree["c"]}, in_place=True)
    assert same(decode(data), tree)
    assert same(flax.serialization.msgpack_restore(data), tree)


GOOD = encode({"a": {"x": 1, "y": np.int8([1, 2])}, "b": {}, "c": "text"})


def test_a_cut_anywhere_is_refused():
    for cut in range(len(GOOD)):
        with pytest.raises(FormatError) as caught:
            decode(GOOD[:cut])
        assert caught.value.clause in ("FLAX-6", "FLAX-1" if cut == 0 else "FLAX-6")
        assert "leaf ''" not in str(caught.value)  # at the root there is no leaf yet


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read(at, byte):
    try:
        decode(GOOD[:at] + bytes((byte,)) + GOOD[at + 1 :])
    except FormatError as error:
        assert error.offset is not None


@pytest.mark.parametrize(
    ("clause", "value"),
    [
        ("FLAX-1", 7),
        ("FLAX-1", {}),
        ("FLAX-2", {"a": {1: 2}}),
        ("FLAX-2", {"a": {b"x": 2}}),
        ("FLAX-4", {"a": {"x": [1, 2]}}),
        ("FLAX-3", {"a": {"x": 1, "__msgpack_chunked_array__": True}}),
        ("FLAX-3", {"__msgpack_chunked_array__": True}),
        ("LEAF-10", {"a": {"__msgpack_chunked_array__": True}}),
        ("LEAF-1", {"a": msgpack.Timestamp(1)}),
    ],
)
def test_a_fault_is_refused_by_its_clause(clause, value):
    with pytest.raises(FormatError) as caught:
        decode(msgpack.packb(value))
    assert caught.value.clause == clause, str(caught.value)


def test_a_depth_of_512_is_the_limit():
    def nested(depth):
        return b"\x81\xa1a" * depth + b"\xc0"

    assert len(read_flax(BytesSource(nested(512)))[0].path) == 512
    for depth in (513, 100_000):
        with pytest.raises(FormatError, match="KEY-3"):
            read_flax(BytesSource(nested(depth)))


def test_a_path_of_65535_bytes_is_the_limit():
    key = b"\xda\xff\xff" + b"x" * 65_535
    assert len(read_flax(BytesSource(b"\x81" + key + b"\xc0"))) == 1
    with pytest.raises(FormatError, match="KEY-4"):
        read_flax(BytesSource(b"\x81" + key + b"\x81\xa1a\xc0"))


def test_a_bin_that_fits_no_header_is_refused_by_name():
    with pytest.raises(FormatError) as caught:
        flax_steps([Item(("a", "b"), Leaf("bin", nbytes=1 << 32))])
    assert (caught.value.clause, caught.value.path) == ("WIRE-1", ("a", "b"))


def test_the_marker_of_chunks_cannot_be_a_key():
    with pytest.raises(FormatError, match="FLAX-3"):
        encode({"a": {"__msgpack_chunked_array__": 1}})


def test_a_small_file_cannot_hold_paths_out_of_proportion():
    meter = Meter()
    wide = b"\xde\xea\x60" + b"".join(b"\xa4%04x\xc0" % i for i in range(60_000))
    for data in (
        b"\x81\xa1a" * 511 + wide,
        b"\x81\xda\xff\xf0" + b"x" * 65_520 + wide,
    ):
        with pytest.raises(FormatError, match="FLAX-8"):
            read_flax(BytesSource(data))
    assert meter.peak() < 150_000  # kB
    items = [Item(("x" * 65_000, str(i)), Leaf("nil")) for i in range(1000)]
    with pytest.raises(FormatError, match="FLAX-8"):
        flax_steps(items)
