"""Programs under judgement, run one at a time under limits of time and memory, and what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from .feeding import Feed
from .limits import MIB, Limits
from .plain_text import plain
from .processes import Effort, resident
from .strict_json import parsed

ACCEPTED, REJECTED, CRASHED = "accepted", "rejected", "crashed"
KEPT: Final = 1 << 20  # bytes of standard output that are kept, unless more are asked for
_KEPT_ERRORS: Final = 1 << 20
RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024  # bytes in which the system counts peak memory
_ERROR: Final = re.compile(r"[\w.: \t]*(Error|Exception|panicked|fatal)\b.*", re.IGNORECASE)
_SHOWN: Final = 200  # letters of a line of standard error
_LOOK: Final = 0.02  # seconds between two looks at what a program takes
# `ulimit` in a shell of its own, since a limit that is set after the start comes too late for a quick program. The
# limit of processor time is that of each process, and the one that holds where the system tells no more (processes.py).
_LIMITED: Final = 'ulimit -c 0; ulimit -S -t "$0"; ulimit -v "$1" && shift && exec "$@"'
_UNLIMITED: Final = 'ulimit -c 0; ulimit -S -t "$0"; shift; exec "$@"'


class Outcome(NamedTuple):
    """What came of a run. `output` is the beginning of what stood on standard output."""

    verdict: str  # accepted, rejected, crashed
    why: str  # of a crash or rejection
    rejection: dict[str, Any]  # what the program says of it
    output: bytes
    size: int  # of all of standard output
    sha256: str
    peak: int  # bytes of memory
    seconds: float


class Stopped(Exception):
    """No more programs are run: the run has been ended from outside."""


class Running:
    """The programs that run, so that all of them can be ended."""

    def __init__(self) -> None:
        self._lock, self._processes, self._stopped = threading.Lock(), set[subprocess.Popen[bytes]](), False

    def start(self, command: list[str], stdin: int) -> subprocess.Popen[bytes]:
        """In a group of its own, whose number is that of the process. Raises OSError, Stopped."""
        with self._lock:
            if self._stopped:
                raise Stopped
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, start_new_session=True)
            self._processes.add(process)
            return process

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)

    def stop(self) -> None:
        """End all programs, with those that they started, and start no more."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and those that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def run_program(
    command: list[str], limits: Limits, stdin: Path | None = None, kept: int = KEPT, running: Running | None = None
) -> Outcome:
    """Run a command to its end, or until it breaks a limit; keep `kept` bytes of what it prints.

    What is in the file `stdin` comes through a pipe, as from `cat`: the program cannot ask for its size or go back.
    Raises OSError, Stopped.
    """
    seconds, space = math.ceil(limits.seconds) + 1, (limits.address_space or 0) >> 10
    shell = ["sh", "-c", _LIMITED if space else _UNLIMITED, str(seconds), str(space)]
    running = running or Running()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb", buffering=0)) if stdin else None
        process = running.start(shell + command, subprocess.PIPE if source else subprocess.DEVNULL)
        watch = _Watch(process, limits, kept, source)
        try:
            watch.to_the_end()
        finally:
            watch.kill()
            running.ended(process)
    return watch.outcome()


class _Watch:
    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, kept: int, source: IO[bytes] | None) -> None:
        self._process, self._limits, self._kept = process, limits, kept
        self._feed = Feed(source, limits.seconds) if source else None
        self._output, self._errors = bytearray(), bytearray()
        self._size, self._digest = 0, hashlib.sha256()
        self._began = self._looked = time.monotonic()
        self._effort, self._moved = Effort(process.pid), False
        self._peak, self._status = 0, None
        self._broken = ""  # the limit that was broken
        self._filed = _bytes_in(limits.folder)

    def to_the_end(self) -> None:
        assert self._process.stdout
        assert self._process.stderr
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ, self._take_output)
            selector.register(self._process.stderr, selectors.EVENT_READ, self._take_errors)
            if self._process.stdin:
                Feed.prepare(self._process.stdin.fileno())
                selector.register(self._process.stdin, selectors.EVENT_WRITE, self._give)
            while selector.get_map() and not self._broken and self._status is None:
                ready = selector.select(_LOOK)
                self._moved = self._moved or bool(ready)
                for key, _ in ready:
                    if not key.data(key.fd):
                        selector.unregister(key.fileobj)
                        if key.events == selectors.EVENT_WRITE and self._process.stdin:
                            self._process.stdin.close()  # the end of the input
                self._look(may_wait=not ready)
            pause = 0.0005
            while self._status is None and not self._broken:
                self._look(may_wait=True)
                if self._status is None:
                    time.sleep(pause)
                    pause = min(2 * pause, _LOOK)
            for key in [*selector.get_map().values()]:  # what a program that has ended left in its pipes
                os.set_blocking(key.fd, False)
                with contextlib.suppress(BlockingIOError):
                    while key.events == selectors.EVENT_READ and not self._broken and key.data(key.fd):
                        pass

    # Each of these tells whether there may be more.

    def _give(self, fd: int) -> bool:
        assert self._feed
        return self._feed.give(fd, self._process.pid)

    def _take_output(self, fd: int) -> bool:
        chunk = os.read(fd, 1 << 20)
        self._size += len(chunk)
        self._digest.update(chunk)
        self._output += chunk[: self._kept - len(self._output)]
        if self._size > self._limits.printed:
            self._broken = f"printed more than {_bytes(self._limits.printed)}"
        return bool(chunk)

    def _take_errors(self, fd: int) -> bool:
        chunk = os.read(fd, 1 << 20)
        self._errors += chunk
        del self._errors[:-_KEPT_ERRORS]
        return bool(chunk)

    def _look(self, may_wait: bool) -> None:
        now = time.monotonic()
        if may_wait:
            self._reap(os.WNOHANG)
        if now - self._looked >= _LOOK and self._status is None:
            self._looked = now
            self._broken = self._broken or self._effort.beyond(self._limits.seconds, self._moved)
            self._moved = False
            if self._limits.folder and _bytes_in(self._limits.folder) - self._filed > self._limits.filed:
                self._broken = f"wrote files of more than {_bytes(self._limits.filed)}"
            self._peak = max(self._peak, resident(self._process.pid))
            self._check_memory()

    def _reap(self, flags: int) -> None:
        if self._status is not None:
            return
        pid, status, usage = os.wait4(self._process.pid, flags)
        if pid:
            self._status = self._process.returncode = os.waitstatus_to_exitcode(status)
            # A process begins with the peak of the one that started it: no more than that says nothing.
            if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
                self._peak = max(self._peak, usage.ru_maxrss * RSS_UNIT)
            self._check_memory()

    def _check_memory(self) -> None:
        if self._peak > self._limits.memory:
            self._broken = f"took more than {self._limits.memory >> 20} MiB of memory"

    def kill(self) -> None:
        end_group(self._process)
        self._reap(0)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def outcome(self) -> Outcome:
        verdict, why, rejection = self._judged()
        took = time.monotonic() - self._began
        digest = self._digest.hexdigest()
        return Outcome(verdict, why, rejection, bytes(self._output), self._size, digest, self._peak, took)

    def _judged(self) -> tuple[str, str, dict[str, Any]]:
        lines = bytes(self._errors).decode(errors="replace").rstrip().splitlines()
        last = lines[-1] if lines else ""
        if self._broken:
            return CRASHED, self._broken, {}
        if self._status == 0:
            return ACCEPTED, "", {}
        rejection = rejection_in(last) if self._status == 1 else None
        if rejection is not None:
            return REJECTED, rejection["rejected"], rejection
        assert self._status is not None
        if self._status == -signal.SIGXCPU:
            return CRASHED, f"took more than {self._limits.seconds:.3g} s of processor time", {}
        how = f"exit status {self._status}" if self._status >= 0 else f"signal {-self._status}"
        if self._status == 1:
            how += ", without a rejection on the last line of standard error"
        # Several languages print where an error came from after what it is, and their own version at last.
        error = next((line for line in reversed(lines) if _ERROR.match(line[:_SHOWN])), last)
        more = f"; before that, {error!r:.200}" if error != last else ""
        return CRASHED, f"ended with {how}: {last!r:.200}{more}", {}


def rejection_in(line: str) -> dict[str, Any] | None:
    """What a last line of standard error says, where it is a rejection."""
    with contextlib.suppress(ValueError, RecursionError):
        value = parsed(line.encode())
        if isinstance(value, dict) and isinstance(value.get("rejected"), str) and value["rejected"]:
            return {name: plain(told) if isinstance(told, str) else told for name, told in value.items()}
    return None


def _bytes(n: int) -> str:
    return f"{n >> 20} MiB" if n >= MIB else f"{n} bytes"


def _bytes_in(folder: Path | None) -> int:
    """The sizes of the files in a folder and below it."""
    total = 0
    for where, _, names in os.walk(folder) if folder else ():
        for name in names:
            with contextlib.suppress(OSError):  # it was there a moment ago
                total += os.lstat(os.path.join(where, name)).st_size
    return total
