"""Saves that go on in the background, one at a time."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from .files import Path_

_earlier: list[Saving] = []


class Saving:
    """A file that is being written in the background. The program does not end before it is complete."""

    def __init__(self, path: Path_, write: Callable[[], None], finish: Callable[[BaseException | None], None]) -> None:
        self.path = os.fspath(path)
        self.error: BaseException | None = None
        self._write, self._finish = write, finish
        self._over = False
        self._thread = threading.Thread(target=self._run, name=f"save of {self.path}")
        _earlier.append(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._write()
        except BaseException as error:  # raised again by `wait`
            self.error = error

    def done(self) -> bool:
        """Whether the writing has ended, well or not."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Wait until the file is complete. Raises what went wrong: FormatError, OSError.

        Where arrays span processes, all of them make this call together.
        """
        self._thread.join()
        if self._over:
            if self.error is not None:
                raise self.error
            return
        self._over = True
        _earlier.remove(self)
        try:
            self._finish(self.error)
        except BaseException as error:
            self.error = error
            raise

    @contextlib.contextmanager
    def given_up_on_error(self) -> Iterator[None]:
        """Where the block raises, the save is over: its own error, a consequence, is told to nobody."""
        try:
            yield
        except BaseException:
            self._thread.join()
            self._over = True
            _earlier.remove(self)
            raise


def finish_earlier() -> None:
    """Wait for saves that nobody has waited for. Raises their errors."""
    while _earlier:
        _earlier[0].wait()


@atexit.register
def _tell() -> None:
    for saving in _earlier:
        if saving.done() and saving.error is not None:
            print(f"the save of {saving.path} failed, and nobody waited for it: {saving.error}", file=sys.stderr)
