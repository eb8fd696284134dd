"""Work in several threads, which is done in the thread that asks for it where the system gives no other."""

from __future__ import annotations

import functools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from ..format.errors import UsageError

_T = TypeVar("_T")

CORES: Final = min(4, os.cpu_count() or 1)  # more threads have nothing left to gain from memory
# Seconds after which a thread that waits looks up: an interrupt that comes just before it sleeps wakes nobody.
_LISTEN: Final = 1.0
LARGE: Final = 1 << 23  # bytes; what moves as many is shared by threads


class Work(Generic[_T]):
    """A call that is made once: by a thread that takes it, or by whoever could start none."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call = [call]
        self._value: list[_T] = []
        self._error: BaseException | None = None
        self._ended = threading.Event()  # and not the thread's own state, which a signal during a join upsets
        self._process = os.getpid()

    def start(self, name: str | None = None, daemon: bool = False) -> None:
        """Have it done by a thread of its own, for which Python waits at its end unless it is a `daemon`.

        Raises RuntimeError where none can be started. After an error, also an interrupt, `withdraw` says whether a
        thread has taken it all the same.
        """
        threading.Thread(target=self.do, name=name, daemon=daemon).start()

    def do(self) -> None:
        """Make the call, unless somebody has taken it."""
        if not self._call:
            return
        try:
            call = self._call.pop()
        except IndexError:  # another thread was faster
            return
        ended = self._ended
        try:
            self._value.append(call())
        except BaseException as error:  # raised again by `result`
            self._error = error
            del self  # the error holds this frame
        finally:
            del call  # and what it holds, before anybody goes on
            ended.set()

    def withdraw(self) -> bool:
        """Take the call, which nobody makes then. False where somebody has taken it."""
        try:
            self._call.pop()
        except IndexError:
            return False
        return True

    def done(self) -> bool:
        """Whether the call has ended, well or not."""
        return self._ended.is_set()

    def ends_within(self, seconds: float) -> bool:
        """Wait that long at most. Returns whether the call has ended."""
        return self._ended.wait(seconds)

    def wait(self) -> None:
        """Wait until the call has ended. Raises RuntimeError in a process that was forked while it was under way."""
        if self.done():
            return
        if self._process != os.getpid():
            text = "this is done by a thread of the process that this one was forked from; wait for it there"
            raise RuntimeError(text)
        while not self._ended.wait(_LISTEN):
            pass

    def result(self) -> _T:
        """What the call returns, when it has ended. Raises what the call raises."""
        self.wait()
        try:
            if self._error is not None:
                raise self._error
            return self._value[0]
        finally:
            del self  # the error holds this frame


def started(call: Callable[[], _T]) -> Work[_T]:
    """A call that a thread of its own makes, for which Python does not wait at its end."""
    work = Work(call)
    try:
        work.start(daemon=True)
    except RuntimeError:  # no thread can be started, as when the interpreter ends
        work.do()
    return work


class Pool:
    """At most so many threads, which take what is submitted in its order; one alone does it in that order.

    Where no thread can be started, `submit` does the work itself: at a limit of processes or of memory, or when the
    interpreter ends, which waits for a save in the background and yet may refuse it new threads.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._line: queue.SimpleQueue[Work[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._process = os.getpid()
        self._serving: list[Work[None]] = []  # one for each thread

    def submit(self, call: Callable[..., _T], *arguments: Any) -> Work[_T]:
        work = Work(functools.partial(call, *arguments))
        if len(self._serving) < self.threads and not self._closed:
            self._start_thread()
        if self._serving:
            self._line.put(work)
        else:
            work.do()
        return work

    def _start_thread(self) -> None:
        serving = Work(functools.partial(_serve, self._line))
        try:
            self._serving.append(serving)  # first: a thread that an interrupt leaves without a handle is waited for too
            serving.start(daemon=True)  # whoever uses it waits for it; a pool that an interrupt has left nobody does
        except BaseException as error:
            if serving.withdraw():
                self._serving[:] = [other for other in self._serving if other is not serving]
            if not isinstance(error, RuntimeError):
                raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all has been done, whatever interrupts that: memory that is read into is the caller's again."""
        if self._process != os.getpid():  # the threads are not in this process, which was forked meanwhile
            return
        self.close()
        interrupt: BaseException | None = None
        for thread in self._serving:
            while not thread.done():
                try:
                    thread.wait()
                except BaseException as error:
                    interrupt = error
        self._serving.clear()
        if interrupt is not None:
            raise interrupt

    def close(self) -> None:
        """Have the threads end when they have done what they were given."""
        self._closed = True
        for _thread in vars(self).get("_serving", ()):  # which an interrupt may have kept from being made
            self._line.put(None)

    def __del__(self) -> None:  # where an interrupt came before the end of a block did its work
        self.close()


def _serve(line: queue.SimpleQueue[Work[Any] | None]) -> None:
    """Do what stands in line; the pool itself is not held by its threads."""
    while (work := line.get()) is not None:
        work.do()
        del work  # and what came of it, which is its owner's


def workers(jobs: int | None) -> Pool:
    """As many threads as asked for, or as there are cores, up to four. Raises UsageError."""
    if jobs is not None and jobs < 1:
        raise UsageError("jobs must be 1 or more")
    return Pool(min(jobs, 4 * (os.cpu_count() or 1)) if jobs else CORES)


def in_order(pool: Pool, tasks: Iterator[Callable[[], _T]], count: int) -> Iterator[_T]:
    """The results of `count` tasks in their order, a few of them under way at a time."""
    if count < 2:  # nothing is gained by another thread
        yield from (task() for task in tasks)
        return
    under_way: deque[Work[_T]] = deque()
    for task in tasks:
        under_way.append(pool.submit(task))
        if len(under_way) > pool.threads:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def all_done(tasks: Iterable[Callable[[], None]], nbytes: int) -> None:
    """Do all tasks, which move `nbytes` bytes: here, and in other threads too if that is much.

    Raises the first error when all that were begun have ended; none is begun after it.
    """
    left = deque(tasks)

    def some() -> None:
        while left:
            try:
                task = left.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                task()
            except BaseException:
                left.clear()
                raise

    with Pool(min(CORES, len(left)) - 1 if nbytes >= LARGE else 0) as pool:
        others = [pool.submit(some) for _ in range(pool.threads)]
        some()
    for other in others:
        other.result()
