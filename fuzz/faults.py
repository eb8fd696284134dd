"""Calls to the operating system that fail, and files that change under whoever reads them, at a moment that is chosen.

    with failing(3, "ENOSPC") as calls:
        reference.save(path, tree)      # its fourth call fails; `calls` lists those that were made

What is patched are functions of `os`, and the closing of files, so that the failure comes where a real one would.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple
from unittest import mock

WRITING: Final = ("open", "writev", "copy_file_range", "fsync", "fchmod", "link", "replace", "unlink", "close")
READING: Final = ("pread", "preadv", "copy_file_range")
LOOKING: Final = ("stat", "fstat", "scandir")
_WITH_NAMES: Final = ("open", "link", "replace", "unlink", "stat", "scandir")  # whose errors have that of the file
SHORT: Final = "short"  # less is moved than was asked for, which is not an error
DONE: Final = "EIO, done"  # the call is reported as failed, and has been made: an answer that a server lost
INTERRUPT: Final = "KeyboardInterrupt"
ERRORS: Final = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EXDEV", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EEXIST")
_ENDS_WITHIN: Final = 10.0  # seconds; a thread that takes longer has been left behind
FAULTS: Final = (*ERRORS, SHORT, DONE, INTERRUPT)


class Call(NamedTuple):
    """A call that was made: the function of `os`, and its arguments."""

    name: str
    arguments: tuple[Any, ...]


class Calls(list[Call]):
    """The calls in order; `failed` is the one that did, if there were so many."""

    failed: Call | None = None


@contextlib.contextmanager
def failing(k: int, fault: str, names: Sequence[str] = WRITING) -> Iterator[Calls]:
    """Make the k-th call (from 0) of these functions fail; a negative k lets all succeed."""
    calls, close = Calls(), os.close

    def act(call: Call, do: Callable[..., Any]) -> Any:
        calls.failed = call
        if fault == SHORT:
            return do(*_shorter(call))
        if call.name == "close" or fault == DONE:  # Linux closes the descriptor, whatever it answers
            done = do(*call.arguments)
            if call.name == "open":  # nobody will know it
                close(done)
            elif call.name == "scandir":
                done.close()
        if fault == INTERRUPT:
            raise KeyboardInterrupt
        code = getattr(errno, fault.split(",")[0])
        named = [call.arguments[0]] if call.name in _WITH_NAMES and call.arguments[0] else []
        raise OSError(code, os.strerror(code), *named)

    with _watching(k, names, calls, act):
        yield calls


@contextlib.contextmanager
def changing(k: int, change: Callable[[], None], names: Sequence[str] = READING) -> Iterator[Calls]:
    """Do something to the world just before the k-th call of these functions."""
    calls = Calls()

    def act(call: Call, do: Callable[..., Any]) -> Any:
        calls.failed = call
        change()
        return do(*call.arguments)

    with _watching(k, names, calls, act):
        yield calls


@contextlib.contextmanager
def _watching(k: int, names: Sequence[str], calls: Calls, act: Callable[[Call, Any], Any]) -> Iterator[None]:
    lock = threading.Lock()

    def watched(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            with lock:
                here = len(calls)
                calls.append(Call(name, arguments))
            if here != k:
                return do(*arguments, **more)
            return act(calls[here], lambda *changed: do(*changed, **more))

        return call

    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(os, name, watched(name, getattr(os, name))))
        if "close" in names:
            close = watched("close", io.FileIO.close)

            class File(io.FileIO):
                def close(self) -> None:
                    close(self) if not self.closed else None

            stack.enter_context(mock.patch.object(io, "FileIO", File))
        yield


def _shorter(call: Call) -> tuple[Any, ...]:
    """The arguments of a call that moves about half as much; those of another as they are."""
    arguments = call.arguments
    if call.name in ("writev", "preadv"):
        views = [view[: max(1, len(view) // 2)] for view in arguments[1][:1]]
        return (arguments[0], views, *arguments[2:])
    if call.name == "copy_file_range":
        return (*arguments[:2], max(1, arguments[2] // 2), *arguments[3:])
    if call.name == "pread":
        return (arguments[0], max(1, arguments[1] // 2), *arguments[2:])
    return arguments


@contextlib.contextmanager
def without_nameless_files() -> Iterator[None]:
    """Make the reference take the file system for one, such as that of a network, where each file has a name."""
    flag = os.O_TMPFILE
    del os.O_TMPFILE
    try:
        yield
    finally:
        os.O_TMPFILE = flag  # pyright: ignore[reportConstantRedefinition]


@contextlib.contextmanager
def interrupted(k: int, package: Path, calls: Calls) -> Iterator[None]:
    """Raise a KeyboardInterrupt before the k-th line (from 0) of a package that this thread comes to."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        caller = frame.f_back
        if not frame.f_code.co_filename.startswith(str(package)):
            return None
        if "__del__" in (frame.f_code.co_name, caller.f_code.co_name if caller else ""):
            return None  # Python raises nothing from there: it prints what an interrupt has kept from being done
        if event == "line" and next(lines) == k:
            calls.failed = Call(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}", ())
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


class State(NamedTuple):
    """What must not be left behind: descriptors, mappings of a folder's files, threads, names in it, no collector."""

    descriptors: set[str]
    mappings: set[str]
    threads: set[threading.Thread]
    names: set[str]
    collects: bool

    @classmethod
    def of(cls, folder: Path, before: State | None = None) -> State:
        """The state now. Threads that came since `before` may end first: what they do is done before they have."""
        if before is not None:
            for thread in set(threading.enumerate()) - before.threads:
                thread.join(_ENDS_WITHIN)
        descriptors = {f"{fd} {target}" for fd in os.listdir("/proc/self/fd") if (target := _target(fd)) is not None}
        mappings = {line for line in Path("/proc/self/maps").read_text().splitlines() if str(folder) in line}
        names = {path.name for path in folder.iterdir()}
        return cls(descriptors, mappings, set(threading.enumerate()), names, gc.isenabled())

    def left_since(self, before: State, output: str) -> str:
        """What is left behind, but for the output: a text for people, empty where there is nothing.

        What is gone is not a fault: in a process of many tests, a server of an earlier one may just have ended.
        """
        found = {
            "open": self.descriptors - before.descriptors,
            "mapped": self.mappings - before.mappings,
            "threads": self.threads - before.threads,
            "names": self.names - before.names - {output},
            "the garbage collector off": before.collects and not self.collects,
        }
        return ", ".join(f"{what}: {left}" for what, left in found.items() if left)


def _target(fd: str) -> str | None:
    """What a descriptor stands for, None for that of the listing itself, which is closed by now."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return None
