"""Saves that go on in the background, one at a time."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from ..storage.local_files import Path_

_lock = threading.RLock()
_earlier: list[Saving] = []  # saves that nobody has waited for


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
        self._write = [write]  # taken by the thread, or by the call that cannot start it
        self._finish: Callable[[BaseException | None], None] | None = finish
        self._ended = threading.Event()  # and not the thread's own state, which a signal during a join upsets
        thread = threading.Thread(target=self._run, name=f"save of {self.path}")
        with _lock:
            try:
                _earlier.append(self)  # first: a thread that an interrupt leaves without a handle is waited for too
                thread.start()
            except BaseException as error:
                if isinstance(error, RuntimeError) and not needs_thread:
                    return self._run()
                with contextlib.suppress(IndexError):  # which says that the thread has taken it, and runs
                    self._write.pop()
                    self._ended.set()
                    _earlier[:] = [saving for saving in _earlier if saving is not self]
                raise

    def _run(self) -> None:
        try:
            self._write.pop()()
        except BaseException as error:  # raised again by `wait`
            self.error = error.with_traceback(None)  # whose frames would hold the arrays
        finally:
            self._ended.set()

    def done(self) -> bool:
        """Whether the writing has ended, well or not."""
        return self._ended.is_set()

    def wait(self) -> None:
        """Wait until the file is complete. Raises what went wrong: FormatError, OSError.

        Where arrays span processes, all of them make this call together.
        """
        self._ended.wait()
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
    def given_up_on_error(self) -> Iterator[None]:
        """Where the block raises, the save is over: its own error, a consequence, is told to nobody."""
        try:
            yield
        except BaseException:
            self._ended.wait()
            self._forget()
            raise


def finish_earlier() -> None:
    """Wait for saves that nobody has waited for. Raises their errors."""
    while saving := next(iter(_earlier), None):
        saving.wait()


@atexit.register
def _finish_at_exit() -> None:
    for saving in list(_earlier):
        saving._ended.wait()
        if saving.error is not None:
            print(f"the save of {saving.path} failed, and nobody waited for it: {saving.error}", file=sys.stderr)
