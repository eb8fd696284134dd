"""The exit status of a program that something has failed in which nobody looks at any more."""

from __future__ import annotations

import contextlib
import ctypes


def fail() -> None:
    """While Python ends: have the process end with exit status 1, whatever it was about to end with.

    A process that ends by a signal still does, as after an interrupt that nothing has caught.

    Nothing is skipped that others want done at the end, in Python or in C: the status is changed when all of Python has
    ended, and what C does after that goes on. Python itself tells nobody its status, nor lets anybody change it there:
    what an atexit function raises is printed and forgotten.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library, which has no such function
        library = ctypes.CDLL(None)
        # glibc lets a function that `exit` calls call `exit` again, with another status. Others may not.
        leave = library.exit if hasattr(library, "gnu_get_libc_version") else library._exit
        call_at_exit = library.__cxa_atexit
        call_at_exit.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        call_at_exit(ctypes.cast(leave, ctypes.c_void_p), 1, None)
