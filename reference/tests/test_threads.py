"""Work in several threads, and where there is only one."""

import contextlib
import functools
import threading

import pytest

from reference.storage import threads
from reference.storage.threads import LARGE, Pool, Work, all_done, in_order
from reference.tests.waiting import busy

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


def test_a_thread_that_can_be_started_later_takes_no_turn_away(monkeypatch):
    """One alone works in order also where its thread starts after some has been done without it."""
    refused = iter([True, True, False])

    def start(self):
        if next(refused, False):
            raise RuntimeError("can't start new thread")
        _start(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    done = []
    with Pool(1) as pool:
        for i in range(6):
            pool.submit(lambda i=i: (busy(6 - i), done.append(i)))
    assert done == list(range(6))


def test_a_pool_that_is_closed_does_the_work_itself():
    with Pool(2) as pool:
        pool.submit(int)
    assert pool.submit(threading.get_ident).result() == threading.get_ident()


def test_results_come_in_order(scarce):
    tasks = (lambda i=i: (busy(9 - i), i)[1] for i in range(10))
    with Pool(2) as pool:
        assert list(in_order(pool, tasks, 10)) == list(range(10))


def test_errors_are_told_wherever_they_are_made(scarce):
    with Pool(2) as pool, pytest.raises(ZeroDivisionError):
        [future.result() for future in [pool.submit(lambda: 1 / 0) for _ in range(4)]]
    with pytest.raises(ZeroDivisionError):
        all_done([lambda: None, lambda: None, lambda: 1 / 0], LARGE)


@pytest.mark.parametrize("nbytes", [1, LARGE])
def test_work_is_shared_where_it_is_much(scarce, nbytes):
    done = []
    all_done((functools.partial(done.append, i) for i in range(100)), nbytes)
    assert sorted(done) == list(range(100))
    assert bool(scarce) == (nbytes >= LARGE)


def test_nothing_is_begun_after_an_error():
    done = []
    with pytest.raises(ZeroDivisionError):
        all_done([lambda: 1 / 0, *[lambda: (busy(10), done.append(1))] * 100], LARGE)
    assert len(done) < 100


def test_all_that_was_begun_has_ended_when_an_interrupt_comes_through(monkeypatch):
    """The memory that others read into is the caller's again, though it is interrupted while it waits for them."""
    monkeypatch.setattr(threads, "CORES", 3)
    begun, gate, ended = threading.Barrier(3), threading.Event(), []
    wait = Work.wait
    interrupts = iter([KeyboardInterrupt, KeyboardInterrupt])

    def interrupted(self):
        if error := next(interrupts, None):
            raise error
        gate.set()
        wait(self)

    def task():
        begun.wait(30)
        if threading.current_thread() is not threading.main_thread():
            assert gate.wait(30)
            ended.append(1)

    monkeypatch.setattr(Work, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        all_done([task] * 3, LARGE)
    assert len(ended) == 2


def test_no_thread_is_left_behind():
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), Pool(3) as pool:
        for _ in range(9):
            pool.submit(busy, 1)
        raise ZeroDivisionError
    for thread in set(threading.enumerate()) - before:
        thread.join()  # which has said that it ends
    assert set(threading.enumerate()) == before


def test_what_a_call_returned_is_its_owners_alone():
    """No thread that waits for more keeps the last result, and no error its own traceback's frames."""
    import gc
    import weakref

    class Result:
        pass

    def fails():
        held = Result()
        kept.append(weakref.ref(held))
        raise ZeroDivisionError

    kept = []
    gc.disable()
    try:
        with Pool(1) as pool:
            found = pool.submit(Result).result()
            kept.append(weakref.ref(found))
            del found
            with contextlib.suppress(ZeroDivisionError):
                pool.submit(fails).result()
            pool.submit(int).result()  # by then the thread has let go of what was before
            assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()
