"""Operations that all processes of a `jax.distributed` job do together: an error of one is the error of all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from .meetings import GoneError, Meetings, meet

LOOK: Final = 1 << 28  # bytes gathered, or written by each, between two looks at whether all processes are well


def is_shared(shardings: Iterator[Any] | list[Any]) -> bool:
    """Whether an operation on arrays with these shardings takes more than this process."""
    return any(not sharding.is_fully_addressable for sharding in shardings)


@contextlib.contextmanager
def together(shared: bool, what: str) -> Iterator[None]:
    """Do something in all processes, and leave the block when all have: an error in any is raised in all.

    `what` says what is done; processes that do different things are told so. Without `shared` nothing is added.
    """
    try:
        yield
    except BaseException as error:
        if shared and not isinstance(error, GoneError):
            meet(what, error)
        raise
    if shared:
        meet(what)


class Joint:
    """Long work that takes collectives all along, and of which one process does more than the others.

    `collectives` are done as it is iterated, by all processes in the same order. It calls `look` now and then, and
    goes on after a failure, of which it tells by `fail`: the others wait for this process in those that follow.
    Without `meetings` no other process takes part.
    """

    def __init__(self, meetings: Meetings | None, collectives: Iterator[Any]) -> None:
        self.error: BaseException | None = None  # since which this process does the collectives and nothing else
        self._meetings, self._collectives = meetings, collectives
        self._parted = False  # all processes know of an error

    def fail(self, error: BaseException) -> None:
        """Note what has gone wrong here. Raises it at once where no other process waits for this one."""
        if self._meetings is None:
            raise error
        self.error = self.error or error

    def look(self) -> None:
        """See whether all processes are well. Raises the error of the one that is not."""
        if self._meetings is None:
            return
        try:
            self._meetings.meet("work under way", self.error)
        except BaseException:
            self._parted = True
            raise

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Leave the block when all processes have: an error in any is raised in all."""
        try:
            yield
            self._finish()
        except BaseException as error:
            if self._meetings is not None and not self._parted:
                self.error = self.error or error
                with contextlib.suppress(Exception):
                    self._finish()
                if not self._parted:
                    self.look()
            raise
        self.look()

    def _finish(self) -> None:
        if self._meetings is not None:
            for _ in self._collectives:
                pass
            if self.error is not None:
                raise self.error
