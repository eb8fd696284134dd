"""Work in several threads, which is done in the thread that asks for it where the system gives no other."""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, TypeVar

from ..format.errors import UsageError

_T = TypeVar("_T")

CORES: Final = min(4, os.cpu_count() or 1)  # more threads have nothing left to gain from memory
LARGE: Final = 1 << 23  # bytes; what moves as many is shared by threads


class Pool:
    """At most so many threads; one alone does its work in the order in which it is asked for.

    `submit` does the work itself where no thread can be started: at a limit of processes or of memory, or when the
    interpreter ends, which waits for a save in the background and yet refuses it new threads.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads)
        self._latest: Future[Any] | None = None

    def submit(self, call: Callable[..., _T], *arguments: Any) -> Future[_T]:
        future: Future[_T] = Future()
        left = [functools.partial(call, *arguments)]  # taken by the one that does it: an executor that has raised
        try:  # may have put it in line for a thread that it starts later
            self._executor.submit(_do, left, future)
        except RuntimeError:
            if self.threads == 1 and self._latest is not None:
                wait([self._latest])
            _do(left, future)
        self._latest = future
        return future

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()


def _do(left: list[Callable[[], _T]], future: Future[_T]) -> None:
    try:
        call = left.pop()
    except IndexError:
        return
    try:
        result = call()
    except BaseException as error:  # raised again by `result`
        future.set_exception(error)
    else:
        future.set_result(result)


def workers(jobs: int | None) -> Pool:
    """As many threads as asked for, or as there are cores, up to four. Raises UsageError."""
    if jobs is not None and jobs < 1:
        raise UsageError("jobs is a number of 1 or more")
    return Pool(min(jobs, 4 * (os.cpu_count() or 1)) if jobs else CORES)


def in_order(pool: Pool, tasks: Iterator[Callable[[], _T]], count: int) -> Iterator[_T]:
    """The results of `count` tasks in their order, a few of them under way at a time."""
    if count < 2:  # nothing is gained by another thread
        yield from (task() for task in tasks)
        return
    under_way: deque[Future[_T]] = deque()
    for task in tasks:
        under_way.append(pool.submit(task))
        if len(under_way) > pool.threads:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def shared(work: Iterable[Callable[[], None]], nbytes: int) -> None:
    """Do all of the work, which moves `nbytes` bytes: in several threads if that is much. Raises its first error."""
    left = deque(work)

    def some() -> None:
        while True:
            try:
                call = left.popleft()
            except IndexError:
                return
            try:
                call()
            except BaseException:
                left.clear()
                raise

    in_parallel([some] * (min(CORES, len(left)) if nbytes >= LARGE else 1))


def in_parallel(tasks: Sequence[Callable[[], None]]) -> None:
    """Run all tasks, the first here and each of the others in a thread; raise the first error when all have ended."""
    errors: list[BaseException] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    here = list(tasks[:1])
    threads = [(threading.Thread(target=run, args=(task,)), task) for task in tasks[1:]]
    started: list[threading.Thread] = []
    try:
        for thread, task in threads:
            try:
                thread.start()
                started.append(thread)
            except RuntimeError:  # no thread can be started
                here.append(task)
        for task in here:
            task()
    finally:  # memory that is read into is the caller's again when this is over, come what may
        for thread in started:
            thread.join()
    if errors:
        raise errors[0]
