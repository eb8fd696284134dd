"""The exit status of a program that something has failed in which nobody looks at any more."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from typing import Any

_asked: list[Any] = []  # what the main thread has last called `sys.exit` with


@functools.cache
def note_exits() -> None:
    """Note from now on what `sys.exit` is called with.

    Python tells nobody with which status it ends, and `fail` is to leave the one that the program has chosen.
    """
    leave = sys.exit

    @functools.wraps(leave)
    def exit(status: Any = None, /) -> Any:
        if threading.current_thread() is threading.main_thread():
            _asked[:] = [status]
        leave(status)

    sys.exit = exit


def fail() -> None:
    """While Python ends: have the process end with exit status 1, or with the one that `sys.exit` was called with.

    A process that ends by a signal still does, as after an interrupt that nothing has caught. A status given to
    `SystemExit` without `sys.exit` cannot be known, and becomes 1.

    Nothing is skipped that others want done at the end, in Python or in C: the status is changed when all of Python has
    ended, and what C does after that goes on.
    """
    status = _asked[0] if _asked and getattr(sys, "last_value", None) is None else 1
    status = status & 0xFF if isinstance(status, int) else 1  # as much of it as the system tells the parent
    with contextlib.suppress(OSError, AttributeError):  # another C library, which has no such function
        library = ctypes.CDLL(None)
        # glibc lets a function that `exit` calls call `exit` again, with another status. Others may not.
        leave = library.exit if hasattr(library, "gnu_get_libc_version") else library._exit
        call_at_exit = library.__cxa_atexit
        call_at_exit.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        call_at_exit(ctypes.cast(leave, ctypes.c_void_p), status or 1, None)
