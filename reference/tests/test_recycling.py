"""Arrays whose memory is used again once nobody has them."""

import threading

import numpy as np
import pytest

from reference.format import recycling
from reference.format.recycling import empty

SIZE = 1 << 20


@pytest.fixture(autouse=True)
def anew():
    recycling._local.__dict__.clear()


def address(array):
    return array.__array_interface__["data"][0]


@pytest.mark.skipif(not recycling._COUNTS, reason="this Python has no global lock, and memory is not taken again")
def test_memory_that_nobody_has_is_taken_again():
    array = empty(SIZE, np.uint8)
    first = address(array)
    del array
    again = empty((4, SIZE // 16), np.float32)
    assert address(again) == first
    assert (again.shape, again.dtype, again.flags.writeable) == ((4, SIZE // 16), np.float32, True)


@pytest.mark.parametrize(
    "keep",
    [
        lambda array: array,
        lambda array: array[5:6],
        lambda array: array.view(np.uint32).reshape(-1, 4)[3],
        lambda array: memoryview(array)[7:9],
        lambda array: np.frombuffer(array, np.uint16)[:1],
        lambda array: iter(array),
        lambda array: [{"a": (array,)}],
    ],
)
def test_memory_that_is_held_in_any_way_is_not(keep):
    array = empty(SIZE, np.uint8)
    array[:] = 7
    held = keep(array)
    del array
    other = empty(SIZE, np.uint8)
    other[:] = 9
    del other
    for _ in range(40):
        empty(SIZE, np.uint8)[:] = 9
    found = held
    while isinstance(found, list | dict | tuple):
        found = next(iter(found.values())) if isinstance(found, dict) else found[0]
    found = next(found) if hasattr(found, "__next__") else found
    assert set(np.asarray(found).tobytes()) == {7}


def test_small_and_very_large_arrays_are_numpy_s_own():
    for size in (0, 1, 1000, (1 << 24) + 1):
        assert empty(size, np.uint8).base is None
    assert recycling._local.__dict__ == {}


def test_no_more_than_a_bounded_amount_is_kept():
    held = [empty(SIZE, np.uint8) for _ in range(50)]
    kept = recycling._local.kept
    assert sum(memory.size for memory in kept) <= recycling._KEPT
    assert len({address(array) for array in held}) == 50
    held.clear()
    for size in range(1 << 16, 1 << 24, 1 << 20):
        empty(size, np.uint8)
    assert sum(memory.size for memory in kept) <= recycling._KEPT


def test_each_thread_has_its_own():
    mine = empty(SIZE, np.uint8)
    first = address(mine)
    del mine
    found = []
    thread = threading.Thread(target=lambda: found.append(empty(SIZE, np.uint8)))
    thread.start()
    thread.join()
    assert address(found[0]) != first
