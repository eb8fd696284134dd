"""Moments of a block at which something may go wrong, counted, and one of them chosen."""

import itertools
import os
import signal
import sys
import threading
from pathlib import Path

import reference
from reference.devices.job_store import Pulse

SOURCES = f"{Path(reference.__file__).parent}{os.sep}"


class Moments:
    """A block in which what may go wrong is counted, and goes wrong the n-th time: by a signal, or an error number.

    A signal may come at any call of a function of `reference`, once this process has given the others its first sign of
    life: they wait for one that has never come. An error may come at any call of what is patched, (owner, name).
    """

    def __init__(self, kind, n=None, patched=()):
        self.kind, self.n, self.count = kind, n, itertools.count(1)
        self.patched = [] if isinstance(kind, signal.Signals) else patched
        self.seen, self.struck, self.is_known = 0, False, False

    def come(self):
        self.seen = next(self.count)
        if self.seen == self.n:
            self.struck = True
            if isinstance(self.kind, signal.Signals):
                os.kill(os.getpid(), self.kind)
            else:
                raise OSError(self.kind, os.strerror(self.kind))

    def __enter__(self):
        if isinstance(self.kind, signal.Signals):
            threading.setprofile(self._called)
            sys.setprofile(self._called)
        for owner, name in self.patched:
            setattr(owner, name, self._counted(getattr(owner, name)))
        return self

    def _called(self, frame, event, _):
        name = frame.f_code.co_filename
        if event == "return" and frame.f_code is Pulse.start.__code__:
            self.is_known = True
        if event == "call" and self.is_known and name.startswith(SOURCES) and not name.startswith(f"{SOURCES}tests"):
            self.come()

    def _counted(self, function):
        def call(*arguments, **named):
            self.come()
            return function(*arguments, **named)

        call.real = function
        return call

    def __exit__(self, *_):
        sys.setprofile(None)
        threading.setprofile(None)
        for owner, name in self.patched:
            setattr(owner, name, getattr(owner, name).real)
