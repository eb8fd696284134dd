"""Moments of a test that are told by what threads do, or by work, and never by a time."""

import hashlib
import sys
import threading
import time


def when_waiting(act, within=None, after=None):
    """Call `act` from another thread as soon as the main one waits for a lock, an event or a thread.

    With `within`, the name of a function, it has to be one that this one has called. With `after`, an event, it has
    to wait then, or later.
    """
    main = threading.main_thread().ident

    def is_waiting(frame):
        names = []
        while frame and frame.f_code.co_filename == threading.__file__:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        if not names or names[0] not in ("wait", "join", "_wait_for_tstate_lock") or "start" in names:
            return False
        while frame and within is not None and frame.f_code.co_name != within:
            frame = frame.f_back
        return frame is not None

    def watch():
        if after is not None:
            after.wait()
        while not is_waiting(sys._current_frames()[main]):
            time.sleep(0.001)  # others need the interpreter, the servers of tests too: a yield would keep it
        act()

    threading.Thread(target=watch, daemon=True).start()


def opening(gate):
    """Set an event as soon as the main thread waits."""
    when_waiting(gate.set)


def busy(n):
    """Some milliseconds of work for each `n`, during which other threads have their turn."""
    for _ in range(n):
        hashlib.sha256(bytes(1 << 21))
