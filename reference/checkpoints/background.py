"""Saves that go on in the background, one at a time."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator

from ..format.keypaths import printable
from ..storage.local_files import Path_
from ..storage.threads import Work
from .exit_status import fail

_lock = threading.RLock()
_earlier: list[Saving] = []  # saves that nobody has waited for
_of_the_parent: list[Saving] = []  # those that were under way in the process that this one was forked from


class Saving:
    """A file that is being written in the background. The program does not end before it is complete.

    Where no thread can be started it is written at once, unless it `needs_thread`: then RuntimeError is raised.
    """

    def __init__(
        self,
        path: Path_,
        write: Callable[[], None],
        finish: Callable[[BaseException | None], None],
        needs_thread: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        self.error: BaseException | None = None
        self._finish: Callable[[BaseException | None], None] | None = finish
        self._work = Work(functools.partial(self._run, write))
        try:
            _earlier.append(self)  # first: a thread that an interrupt leaves without a handle is waited for too
            self._work.start(f"save of {self.path}")
        except BaseException as error:
            if isinstance(error, RuntimeError) and not needs_thread:
                self._work.do()
                return
            if self._work.withdraw():  # else a thread has taken it, and runs
                self._forget()
            raise

    def _run(self, write: Callable[[], None]) -> None:
        try:
            write()
        except BaseException as error:  # raised again by `wait`
            self.error = error.with_traceback(None)  # whose frames would hold the arrays

    def __repr__(self) -> str:
        state = "failed" if self.error is not None else "complete" if self.done() else "being written"
        return f"<Saving {printable(self.path)}: {state}>"

    def done(self) -> bool:
        """Whether the writing has ended, well or not."""
        return self._work.done()

    def wait(self) -> None:
        """Wait until the file is complete. Raises what went wrong: FormatError, OSError.

        Where arrays span processes, all of them make this call together. Raises RuntimeError in a process that was
        forked while the file was being written: the one that began the save goes on with it.
        """
        self._work.wait()
        finish = self._forget()
        if finish is None:  # somebody has waited before
            if self.error is not None:
                raise self.error
            return
        try:
            finish(self.error)
        except BaseException as error:
            self.error = error
            raise

    def _forget(self) -> Callable[[BaseException | None], None] | None:
        with _lock:
            finish, self._finish = self._finish, None
            if self in _earlier:
                _earlier.remove(self)
        return finish


@contextlib.contextmanager
def given_up_on_error(saving: Saving) -> Iterator[None]:
    """Where the block raises, the save is over. Its own error is a consequence, and is not raised anywhere."""
    try:
        yield
    except BaseException:
        saving._work.wait()
        saving._forget()
        raise


def finish_earlier() -> None:
    """Wait for saves that nobody has waited for. Raises their errors."""
    while saving := next(iter(_earlier), None):
        saving.wait()


def _begin_anew() -> None:
    """In a forked process: what the threads of the other one do is not waited for here."""
    global _lock
    _lock = threading.RLock()  # a thread that is not here may have held it
    _of_the_parent.extend(_earlier)  # kept, for to let go of device arrays may take a lock of such a thread
    _earlier.clear()


os.register_at_fork(after_in_child=_begin_anew)


@atexit.register
def _finish_at_exit() -> None:
    failed = False
    for saving in list(_earlier):
        error: BaseException | None
        try:
            saving._work.wait()
            error = saving.error
        except BaseException as interrupt:  # the file is not there, and the program goes on to its end
            error = interrupt
        if error is not None:
            failed = True
            reason = str(error) or type(error).__name__
            _say(f"the save of {saving.path} failed, and nobody waited for it: {reason}")
    if failed:
        fail()


def _say(text: str) -> None:
    if sys.stderr is not None:  # as in a program that was started without: `print` would take stdout for it
        with contextlib.suppress(OSError, ValueError):  # closed, or of an encoding that the path does not fit in
            print(text, file=sys.stderr, flush=True)
