"""Parts of arrays: boxes, their pieces and runs, and reading no more than they need."""

import itertools
import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference.format.chunked
from fuzz.equality import same
from fuzz.strategies import arrays
from reference.checkpoints.leaf_items import item_of
from reference.devices.boxes import box_of, common, count, hull, pieces, runs, shape_of, whole, within
from reference.devices.slices import aligned_empty, read_boxes
from reference.format.dtypes import INSTALLED, dtype_of
from reference.format.leaves import read_leaf
from reference.format.payloads import write_steps
from reference.format.streams import stream_steps
from reference.format.wire import BytesSource, Cursor
from reference.storage import threads
from reference.tests.handmade import BytesSink


@st.composite
def boxed(draw):
    """A shape and a box in it."""
    shape = draw(st.lists(st.integers(1, 6), max_size=4).map(tuple))
    edges = [sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in shape]
    return shape, tuple(map(tuple, edges))


@given(boxed())
def test_runs_are_the_elements_of_the_box_in_c_order(boxed):
    shape, box = boxed
    numbers = np.arange(math.prod(shape)).reshape(shape)
    starts, length = runs(box, shape)
    found = [i for start in starts.tolist() for i in range(start, start + length)]
    assert found == numbers[within(box, whole(shape))].reshape(-1).tolist()


@given(boxed(), st.integers(1, 40))
def test_pieces_make_up_the_box_and_each_is_one_run_of_it(boxed, most):
    shape, box = boxed
    numbers = np.arange(math.prod(shape)).reshape(shape)
    found = []
    for piece in pieces(box, most):
        assert count(piece) <= most or count(box) == 0
        found += numbers[within(piece, whole(shape))].reshape(-1).tolist()
    assert found == numbers[within(box, whole(shape))].reshape(-1).tolist()


@given(boxed(), boxed())
def test_what_boxes_share_and_the_box_around_them(a, b):
    if len(a[0]) != len(b[0]):
        return
    a, b = a[1], b[1]
    inside = lambda point, box: all(i <= x < j for x, (i, j) in zip(point, box, strict=True))
    for point in np.ndindex(*(8,) * len(a)):
        both = inside(point, a) and inside(point, b)
        shared = common(a, b)
        assert both == (shared is not None and inside(point, shared))
        if inside(point, a) or inside(point, b):
            assert inside(point, hull([a, b]))


def test_an_index_of_open_slices_is_the_whole_axis():
    assert box_of((slice(None), slice(2, 4)), (3, 8)) == ((0, 3), (2, 4))


class Counting(BytesSource):
    """A source that knows which of its bytes have been read, and in how many calls."""

    def __init__(self, data):
        super().__init__(data)
        self.read = np.zeros(len(data), int)
        self.calls = 0

    def read_into(self, offset, view):
        self.read[offset : offset + len(view)] += 1
        self.calls += 1
        super().read_into(offset, view)


def stored(array):
    sink = BytesSink()
    write_steps(sink, stream_steps([item_of(("a",), array)]))
    cursor = Cursor(BytesSource(sink.data))
    at = sink.data.index(b"\xa1a") + 2
    cursor.skip(at)
    _, length = cursor.header()
    at = len(sink.data) - length
    return Counting(sink.data), at, read_leaf(cursor)


@given(st.data())
def test_boxes_are_read_as_numpy_slices_them(data):
    shape, box = data.draw(boxed())
    _, other = data.draw(boxed().filter(lambda pair: len(pair[0]) == len(shape)))
    other = tuple((min(i, n), min(j, n)) for (i, j), n in zip(other, shape, strict=True))
    array = data.draw(arrays(shapes=st.just(shape)))
    if data.draw(st.booleans()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reference.format.chunked, "CHUNK", 16)
            patch.setattr(reference.format.leaves, "CHUNK", 16)
            source, at, leaf = stored(array)
    else:
        source, at, leaf = stored(array)
    found = read_boxes(source, at, leaf, [box, other], array.dtype)
    for part, wanted in zip(found, (box, other), strict=True):
        assert same(part, np.ascontiguousarray(array[within(wanted, whole(shape))]).reshape(shape_of(wanted)))
        assert part.flags.c_contiguous
    assert source.read.max() <= 2


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("cast", [False, True])
def test_a_quarter_of_an_array_takes_a_quarter_of_its_bytes(axis, cast):
    array = np.arange(16 * 32 * 512, dtype=np.float32).reshape(16, 32, 512)
    source, at, leaf = stored(array)
    box = tuple((n // 4, n // 2) if i == axis else (0, n) for i, n in enumerate(array.shape))
    dtype = dtype_of("bfloat16") if cast else array.dtype
    (found,) = read_boxes(source, at, leaf, [box], dtype)
    assert same(found, np.ascontiguousarray(array[within(box, whole(array.shape))].astype(dtype)))
    assert source.read.max() == 1
    assert source.read.sum() == array.nbytes // 4


@pytest.mark.parametrize("axis", [0, 1])
def test_boxes_that_fill_an_array_are_read_in_one_go(axis):
    array = np.arange(64 * 1024, dtype=np.int16).reshape(64, 1024)
    source, at, leaf = stored(array)
    quarter = array.shape[axis] // 4
    boxes = [
        tuple((i * quarter, (i + 1) * quarter) if k == axis else (0, n) for k, n in enumerate(array.shape))
        for i in range(4)
    ]
    found = read_boxes(source, at, leaf, boxes, array.dtype)
    assert same(np.concatenate(found, axis), array)
    assert source.read.max() == 1
    assert source.calls <= 4


def test_short_runs_are_read_together():
    array = np.arange(4096 * 8, dtype=np.int32).reshape(4096, 8)
    source, at, leaf = stored(array)
    (found,) = read_boxes(source, at, leaf, [((0, 4096), (2, 4))], array.dtype)
    assert same(found, np.ascontiguousarray(array[:, 2:4]))
    assert source.calls == 1


@pytest.mark.parametrize("tag", sorted(INSTALLED))
def test_memory_for_devices_is_aligned(tag):
    shapes = [(3, 5), (0,), (), (7, 1, 2)]
    arrays = aligned_empty(shapes, dtype_of(tag))
    assert all(array.ctypes.data % 64 == 0 for array in arrays if array.size)
    assert [array.shape for array in arrays] == shapes
    assert all(array.dtype == dtype_of(tag) for array in arrays)
    assert not any(np.may_share_memory(a, b) for a, b in itertools.combinations(arrays, 2))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtypes", ["bfloat16 bfloat16", "float32 bfloat16", "complex128 complex128"])
def test_large_arrays_are_read_by_several_threads(axis, dtypes, monkeypatch):
    old, new = map(dtype_of, dtypes.split())
    monkeypatch.setattr(threads, "CORES", 3)
    seen, all_here = set(), threading.Barrier(3)

    class Meeting(BytesSource):
        def read_into(self, offset, view):
            if threading.current_thread() not in seen:
                seen.add(threading.current_thread())
                all_here.wait(1800)
            super().read_into(offset, view)

    array = (np.arange(5 << 20) % 251).reshape(1024, -1).astype(old)
    source, at, leaf = stored(array)
    part = array.shape[axis] // 8
    boxes = [
        tuple((i * part, (i + 1) * part) if k == axis else (0, n) for k, n in enumerate(array.shape)) for i in range(8)
    ]
    found = read_boxes(Meeting(source.view), at, leaf, boxes, new)
    assert same(np.concatenate(found, axis), array.astype(new))
    assert len(seen) == 3


def test_integers_change_their_dtype_only_where_they_fit():
    source, at, leaf = stored(np.array([1, 300], np.int64))
    (found,) = read_boxes(source, at, leaf, [((0, 2),)], np.dtype(np.int16))
    assert same(found, np.array([1, 300], np.int16))
    with pytest.raises(OverflowError, match="1 to 300 do not fit in int8"):
        read_boxes(source, at, leaf, [((0, 2),)], np.dtype(np.int8))
