"""Moments of a test that are told by what threads do, or by work, and never by a time."""

import hashlib
import os
import sys
import threading


def when_waiting(act):
    """Call `act` from another thread as soon as the main one waits for a lock, an event or a thread."""
    main = threading.main_thread().ident

    def is_waiting(frame):
        names = []
        while frame and frame.f_code.co_filename == threading.__file__:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        return names and names[0] in ("wait", "join", "_wait_for_tstate_lock") and "start" not in names

    def watch():
        while not is_waiting(sys._current_frames()[main]):
            os.sched_yield()
        act()

    threading.Thread(target=watch, daemon=True).start()


def opening(gate):
    """Set an event as soon as the main thread waits."""
    when_waiting(gate.set)


def busy(n):
    """Some milliseconds of work for each `n`, during which other threads have their turn."""
    for _ in range(n):
        hashlib.sha256(bytes(1 << 21))
