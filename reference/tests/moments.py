"""Moments of a block at which something may go wrong, counted, and one of them chosen."""

import itertools
import os
import signal
import sys
import threading
from pathlib import Path

import reference

SOURCES = f"{Path(reference.__file__).parent}{os.sep}"


class Moments:
    """A block in which what may go wrong is counted, and goes wrong the n-th time: by a signal, or an error number.

    A signal may come at any call of a function of `reference`, an error at a call of what is patched, (owner, name).
    """

    def __init__(self, kind, n=None, patched=()):
        self.kind, self.n, self.count = kind, n, itertools.count(1)
        self.patched = [] if isinstance(kind, signal.Signals) else patched
        self.seen, self.struck = 0, False

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
        if event == "call" and name.startswith(SOURCES) and not name.startswith(f"{SOURCES}tests"):
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
