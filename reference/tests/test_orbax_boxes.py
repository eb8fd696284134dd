"""Runs of elements as boxes of an array in chunks, and boxes as runs."""

import numpy as np

from reference.containers.orbax_boxes import box_of_runs, boxes_of_run, chunk_of, chunks


def test_runs_of_elements_are_boxes():
    for shape in [(5,), (3, 4), (2, 3, 4), (2, 2, 2, 2), (1, 5, 1)]:
        n = int(np.prod(shape))
        places = np.arange(n).reshape(shape)
        for first in range(n):
            for stop in range(first + 1, n + 1):
                found = [
                    places[tuple(slice(*side) for side in box)].reshape(-1) for box in boxes_of_run(first, stop, shape)
                ]
                assert np.concatenate(found).tolist() == list(range(first, stop))
                assert len(found) <= 2 * len(shape)


def test_the_runs_of_a_box_are_that_box():
    from reference.devices.boxes import runs

    for shape in [(5,), (3, 4), (2, 3, 4), (2, 1, 2, 3)]:
        for seed in range(40):
            random = np.random.default_rng(seed)
            box = tuple((int(a), int(random.integers(a + 1, n + 1))) for n in shape for a in [random.integers(0, n)])
            starts, length = runs(box, shape)
            found = box_of_runs(starts, np.full(len(starts), length), shape)
            assert found is not None
            assert found[0] == box
    # two runs that leave a hole, one that goes over the end of a row, and two that overlap
    assert box_of_runs(np.array([0, 5]), np.array([2, 2]), (3, 4)) is None
    assert box_of_runs(np.array([3]), np.array([3]), (3, 4)) is None
    assert box_of_runs(np.array([0, 1]), np.array([2, 2]), (8,)) is None


def test_chunks_are_runs_that_fill_the_array():
    for shape in [(), (1000,), (7, 999), (3, 5, 4000), (64, 64, 64)]:
        chunk = chunk_of(shape, 1 << 16)
        at = 0
        for box in chunks(shape, chunk):
            first = np.ravel_multi_index([a for a, _ in box], shape) if shape else 0
            assert first == at
            at += int(np.prod([b - a for a, b in box]))
        assert at == int(np.prod(shape))
