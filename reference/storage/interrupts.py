"""Interrupts held back while a process does what others wait for, and answered between two pieces of that."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_came: list[tuple[int, FrameType | None]] = []  # an interrupt that has not been answered
_handlers: list[Any] = []  # what answers one, while they are held back


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Hold SIGINT back until `answer` is called, or the block ends; a second one is answered at once.

    An interrupt in the midst of a collective would leave the other processes waiting in it. In another thread than the
    main one, where no signals are answered, nothing is changed.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler) or _handlers:
        yield
        return
    _handlers.append(handler)
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        _handlers.clear()
        if _came:
            handler(*_came.pop())


def answer() -> None:
    """Answer an interrupt that has come, as the program would have without this: by KeyboardInterrupt, most often."""
    if _came and _handlers and threading.current_thread() is threading.main_thread():
        _handlers[0](*_came.pop())


def _note(number: int, frame: FrameType | None) -> None:
    if _came:
        _came.clear()
        _handlers[0](number, frame)
    _came.append((number, frame))
