"""Programs under judgement, run one at a time under limits of time and memory, and what came of it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from .processes import Effort, resident

ACCEPTED, REJECTED, CRASHED = "accepted", "rejected", "crashed"
KEPT: Final = 1 << 20  # bytes of standard output that are kept, unless more are asked for
_KEPT_ERRORS: Final = 1 << 20
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024  # bytes in which the system counts peak memory
_PIPE: Final = 1 << 20  # bytes of standard input that are given at a time
_LOOK: Final = 0.02  # seconds between two looks at what a program takes
# `ulimit` in a shell of its own, since a limit that is set after the start comes too late for a quick program.
_LIMITED: Final = 'ulimit -c 0; ulimit -v "$0" && exec "$@"'
_UNLIMITED: Final = 'ulimit -c 0; exec "$@"'


class Limits(NamedTuple):
    """What a run may take: seconds of processor time, and of waiting; bytes of resident memory, of address space."""

    seconds: float
    memory: int
    address_space: int | None = None


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


def run_program(command: list[str], limits: Limits, stdin: Path | None = None, kept: int = KEPT) -> Outcome:
    """Run a command to its end, or until it breaks a limit; keep `kept` bytes of what it prints.

    What is in the file `stdin` comes through a pipe, as from `cat`: the program cannot ask for its size or go back.
    Raises OSError where there is no such program.
    """
    shell = ["sh", "-c", _UNLIMITED, "sh"]
    if limits.address_space is not None:
        shell = ["sh", "-c", _LIMITED, str(limits.address_space >> 10)]
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb", buffering=0)) if stdin else None
        pipe, none = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(
            shell + command, stdin=pipe if source else none, stdout=pipe, stderr=pipe, start_new_session=True
        )
        watch = _Watch(process, limits, kept, source)
        try:
            watch.to_the_end()
        finally:
            watch.kill()
    return watch.outcome()


class _Watch:
    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, kept: int, source: IO[bytes] | None) -> None:
        self._process, self._limits, self._kept = process, limits, kept
        self._source = source
        self._due: memoryview | None = memoryview(b"")  # what of it the pipe has not taken yet; None at the end
        self._output, self._errors = bytearray(), bytearray()
        self._size, self._digest = 0, hashlib.sha256()
        self._began = self._looked = time.monotonic()
        self._effort, self._moved = Effort(process.pid), False
        self._peak, self._status = 0, None
        self._broken = ""  # the limit that was broken

    def to_the_end(self) -> None:
        assert self._process.stdout
        assert self._process.stderr
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ, self._take_output)
            selector.register(self._process.stderr, selectors.EVENT_READ, self._take_errors)
            if self._process.stdin:
                _widen(self._process.stdin.fileno())
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
                    while key.events == selectors.EVENT_READ and key.data(key.fd):
                        pass

    # Each of these tells whether there may be more.

    def _give(self, fd: int) -> bool:
        if not self._due:
            assert self._source
            self._due = memoryview(self._source.read(_PIPE))
        with contextlib.suppress(BlockingIOError):
            try:
                self._due = self._due[os.write(fd, self._due) :] if self._due else None
            except BrokenPipeError:  # the program has read all that it wants to
                self._due = None
        return self._due is not None

    def _take_output(self, fd: int) -> bool:
        chunk = os.read(fd, 1 << 20)
        self._size += len(chunk)
        self._digest.update(chunk)
        self._output += chunk[: self._kept - len(self._output)]
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
            self._broken = self._effort.beyond(self._limits.seconds, self._moved)
            self._moved = False
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
                self._peak = max(self._peak, usage.ru_maxrss * _RSS_UNIT)
            self._check_memory()

    def _check_memory(self) -> None:
        if self._peak > self._limits.memory:
            self._broken = f"took more than {self._limits.memory >> 20} MiB of memory"

    def kill(self) -> None:
        """End what is left of the program and of those that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
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
        errors = bytes(self._errors).decode(errors="replace").rstrip()
        last = errors.splitlines()[-1] if errors else ""
        if self._broken:
            return CRASHED, self._broken, {}
        if self._status == 0:
            return ACCEPTED, "", {}
        if self._status == 1:
            rejection = _rejection(last)
            if rejection is not None:
                return REJECTED, rejection["rejected"], rejection
            said = f"ended with exit status 1 and no `rejected` on the last line of standard error: {last!r:.200}"
            return CRASHED, said, {}
        assert self._status is not None
        how = f"exit status {self._status}" if self._status >= 0 else f"signal {-self._status}"
        return CRASHED, f"ended with {how}: {last!r:.200}", {}


def _rejection(line: str) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(line)
        if isinstance(value, dict) and isinstance(value.get("rejected"), str) and value["rejected"]:
            return {name: _plain(told) for name, told in value.items()}
    return None


def _plain(told: Any) -> Any:
    """What reports can hold: a lone surrogate, which JSON can spell, as an escape."""
    return told.encode(errors="backslashreplace").decode() if isinstance(told, str) else told


def _widen(fd: int) -> None:
    """Make a pipe that is written to without waiting, and as wide as the system lets it be."""
    os.set_blocking(fd, False)
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)


# --- what a program takes for the smallest file -------------------------------------------------------------

_MIB: Final = 1 << 20
_MARGIN: Final = 256 * _MIB
_RESERVED: Final = 1024 * _MIB  # of address space, above what the smallest file takes


class Baseline(NamedTuple):
    """What the smallest run takes: bytes of memory, and of address space where that can be limited."""

    memory: int
    address_space: int | None

    def limits(self, size: int, largest: int, is_large: bool, timeout: float) -> Limits:
        """For a case whose input or output has `size` bytes and whose largest leaf has `largest`."""
        held = 5 * largest if largest > 16 * _MIB else 0
        space = None if is_large or self.address_space is None else self.address_space + _RESERVED + held
        return Limits((10 + size / 40e6) * timeout, self.memory + _MARGIN + held, space)


def baseline(command: list[str], stdin: Path | None, timeout: float) -> Baseline:
    """Measure a command on the smallest file. Raises OSError."""
    free = Limits(10 * timeout, 1 << 60)
    smallest = run_program(command, free, stdin)
    # Of a program that takes less than the runner itself, and is quick, no more is known than that.
    memory = max(smallest.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT)
    if smallest.verdict == ACCEPTED:
        for space in _spaces():
            if run_program(command, free._replace(address_space=space), stdin).verdict == ACCEPTED:
                return Baseline(memory, space)
    return Baseline(memory, None)


def _spaces() -> Iterator[int]:
    """Address spaces to try, each half as much again as the one before."""
    space = 64 * _MIB
    while space < 1 << 37:
        yield space
        space = space * 3 // 2
