"""Work in several threads, and where there is only one."""

import functools
import threading

import pytest

from reference.storage.threads import LARGE, Pool, in_order, in_parallel, shared
from reference.tests.waiting import busy, opening

_start = threading.Thread.start


@pytest.fixture(params=["none", "the second", "all but the second"])
def scarce(request, monkeypatch):
    """Threads that the system refuses to start."""
    asked = []

    def start(self):
        asked.append(self)
        if request.param == "none" or (len(asked) == 2) == (request.param == "the second"):
            raise RuntimeError("can't start new thread")
        _start(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    return asked


def test_a_pool_does_all_of_it_once(scarce):
    done = []
    with Pool(3) as pool:
        futures = [pool.submit(lambda i: (busy(1), done.append(i), i)[2], i) for i in range(10)]
        assert [future.result() for future in futures] == list(range(10))
    assert sorted(done) == list(range(10))
    assert scarce


def test_one_thread_alone_works_in_order(scarce):
    done = []
    with Pool(1) as pool:
        for i in range(10):
            pool.submit(lambda i=i: (busy(9 - i), done.append(i)))
    assert done == list(range(10))
    assert scarce


def test_order_outlives_an_executor_that_is_shut_down():
    """As Python does with all executors before it waits for threads of its own."""
    done, gate = [], threading.Event()
    pool = Pool(1)
    pool.submit(lambda: (gate.wait(), done.append(0)))
    opening(gate)
    pool._executor.shutdown(wait=False)
    pool.submit(done.append, 1).result()
    assert done == [0, 1]


def test_results_come_in_order(scarce):
    tasks = (lambda i=i: (busy(9 - i), i)[1] for i in range(10))
    with Pool(2) as pool:
        assert list(in_order(pool, tasks, 10)) == list(range(10))


def test_in_parallel_does_all_of_it(scarce):
    done = []
    in_parallel([lambda i=i: done.append(i) for i in range(5)])
    assert sorted(done) == list(range(5))


def test_errors_are_told_wherever_they_are_made(scarce):
    with Pool(2) as pool, pytest.raises(ZeroDivisionError):
        [future.result() for future in [pool.submit(lambda: 1 / 0) for _ in range(4)]]
    with pytest.raises(ZeroDivisionError):
        in_parallel([lambda: None, lambda: None, lambda: 1 / 0])


@pytest.mark.parametrize("nbytes", [1, LARGE])
def test_work_is_shared_where_it_is_much(scarce, nbytes):
    done = []
    shared((functools.partial(done.append, i) for i in range(100)), nbytes)
    assert sorted(done) == list(range(100))
    assert bool(scarce) == (nbytes >= LARGE)


def test_nothing_is_begun_after_an_error():
    done = []
    with pytest.raises(ZeroDivisionError):
        shared([lambda: 1 / 0, *[lambda: (busy(10), done.append(1))] * 100], LARGE)
    assert len(done) < 100
