"""Records: two elements, a path, a blob; and the short cut for small records agrees with the long way."""

import gc
import weakref

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.format.collector import no_collection
from reference.format.errors import FormatError
from reference.format.leaves import Leaf
from reference.format.records import Item, read_record, read_records, record_step
from reference.format.wire import BytesSource, Cursor
from reference.tests.handmade import array, record


def read_the_long_way(data):
    cursor, found = Cursor(BytesSource(data)), []
    while cursor.tell() < len(data):
        found.append(read_record(cursor))
    return found


def outcome(read, data):
    try:
        return [(r.path, str(r.leaf), r.offset, r.leaf_offset, r.end) for r in read(data)]
    except FormatError as error:
        return error.clause, error.offset, error.path


def short(data):
    return read_records(BytesSource(data))[0]


SEED = b"".join(
    record((a, b), blob)
    for a in "xyz"
    for b in ("kernel", "é", "")
    for blob in (
        array(b"\x91\2", "int8", b"ab"),
        array(b"\x91\1", "float32", b"abcd"),
        b"\xc0",
        b"\7",
        b"\xa1a",
        b"\xc4\1a",
    )
)


@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), max_size=3), st.integers(0, len(SEED)))
def test_the_short_cut_accepts_and_refuses_what_the_long_way_does(changes, cut):
    data = bytearray(SEED)
    for at, byte in changes:
        data[at] = byte
    data = bytes(data[:cut] if cut % 3 == 0 else data)
    assert outcome(short, data) == outcome(read_the_long_way, data)


@given(st.binary(max_size=60))
def test_any_bytes_after_good_records_give_one_outcome_by_both_ways(tail):
    data = SEED[:200] * 3 + tail
    assert outcome(short, data) == outcome(read_the_long_way, data)


@pytest.mark.parametrize("value", [None, 7, "text", b"bin", {}, [], [["a"]], [["a"], b"\xc0", 1]])
def test_what_is_no_record_is_refused(value):
    with pytest.raises(FormatError) as caught:
        short(SEED + msgpack.packb(value))
    assert (caught.value.clause, caught.value.offset) == ("REC-1", len(SEED))


@pytest.mark.parametrize("value", [None, 7, "text", [1], {"a": 1}, msgpack.ExtType(1, b"abc")])
def test_a_leaf_without_its_bin_is_refused(value):
    with pytest.raises(FormatError) as caught:
        short(SEED + msgpack.packb((("a",), value)))
    assert (caught.value.clause, caught.value.path) == ("REC-2", ("a",))


def test_a_blob_of_4_gib_cannot_be_written():
    most = (1 << 32) - 1
    head = record_step(Item(("a",), Leaf("bin", nbytes=most - 5))).parts[0][0]
    assert head[4:9] == b"\xc6" + most.to_bytes(4, "big")
    for leaf in (Leaf("bin", nbytes=most - 4), Leaf("ndarray", np.dtype("int8"), (1 << 32,), 1 << 32)):
        with pytest.raises(FormatError) as caught:
            record_step(Item(("a",), leaf))
        assert (caught.value.clause, caught.value.path) == ("REC-3", ("a",))


def test_the_split_leaves_of_another_dialect_are_recognised():
    with pytest.raises(FormatError, match="--dialect=split-leaves"):
        short(record(("a", "chunk_0"), array(b"\x91\7", "int8", b"abcdefg")[:-3]))


class Node:
    pass


def test_the_collector_does_not_look_at_what_was_made_and_goes_on_after_it():
    looked = []
    gc.unfreeze()  # what the tests have frozen: where a program has, nothing is moved out of the collector's way
    gc.collect()
    gc.callbacks.append(lambda phase, info: looked.append(info["generation"]))
    try:
        with no_collection():
            kept = [[] for _ in range(20_000)]
            node = Node()
            node.itself = node
        kept += [[] for _ in range(100)]
        assert not looked
        assert gc.isenabled()
        gone = weakref.ref(node)
        del node
        gc.collect()
        assert gone() is None
        assert looked
    finally:
        gc.callbacks.pop()


def test_what_a_program_has_done_to_the_collector_stays_so():
    gc.disable()
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with no_collection():
            kept = [[] for _ in range(20_000)]
        assert not gc.isenabled()
        gc.enable()
        with no_collection():
            kept += [[] for _ in range(20_000)]
        assert gc.isenabled()
        # Some of what is frozen may have been let go meanwhile; all of it would be gone, or more be frozen.
        assert 0 <= frozen - gc.get_freeze_count() < 1000
    finally:
        gc.enable()
        gc.unfreeze()
