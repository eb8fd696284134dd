"""The calls by which a program changes files and their names, noted as they are made.

with noted(folder) as calls:
    reference.save(folder / "x", tree)
calls.check(folder)     # what was noted leads to what is there: no call was missed
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

CHANGE, SYNC, NAME = "change", "sync", "name"  # of contents; of a file or folder; of what a name stands for
ROOT: Final = 0  # the inode of the folder itself


class Event(NamedTuple):
    """What a call did.

    `inode` is changed or synced; or each of `names`, (folder, name), comes to stand for an inode, or for nothing: the
    names of one call together. `contents` are those of a file that is synced.
    """

    kind: str
    inode: int = -1
    names: tuple[tuple[tuple[int, str], int | None], ...] = ()
    contents: bytes = b""


class Calls:
    """The events in order, and the inodes and names that were there before them."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self.contents: dict[int, bytes] = {}  # of the files that were there
        self.names: dict[tuple[int, str], int] = {}
        self.folders: set[int] = {ROOT}
        self._now: dict[tuple[int, str], int] = {}
        self._inodes: dict[int, int] = {}  # by descriptor
        self._paths: dict[str, int] = {os.path.realpath(folder): ROOT}  # of folders
        self._next = 1
        self._lock = threading.RLock()
        self._take(folder, ROOT)
        self._now.update(self.names)

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _take(self, folder: Path, inode: int) -> None:
        for path in folder.iterdir():
            self.names[inode, path.name] = here = self._new()
            if path.is_dir():
                self.folders.add(here)
                self._paths[os.path.realpath(path)] = here
                self._take(path, here)
            else:
                self.contents[here] = path.read_bytes()

    def place(self, path: Any) -> tuple[int, str] | None:
        """The folder and name of a path, None outside."""
        parent, name = os.path.split(os.path.abspath(os.fspath(path)))
        inode = self._paths.get(os.path.realpath(parent))
        return None if inode is None else (inode, name)

    def _name(self, *names: tuple[tuple[int, str], int | None]) -> None:
        for place, inode in names:
            if inode is None:
                self._now.pop(place, None)
            else:
                self._now[place] = inode
        self.events.append(Event(NAME, names=names))

    def check(self, folder: Path) -> None:
        """Raise AssertionError where what is there is not what the events lead to."""
        found = Calls(folder)
        here = {"/".join(path) for path in _paths_of(found.names)}
        noted = {"/".join(path) for path in _paths_of(self._now)}
        if here != noted:
            raise AssertionError(f"a call was not noted: {sorted(here ^ noted)}")

    # --- what is noted of each function of os ---------------------------------------------------------------

    def open(self, do: Callable[..., int], path: Any, flags: int, *rest: Any, **more: Any) -> int:
        fd = do(path, flags, *rest, **more)
        with self._lock:
            nameless = getattr(os, "O_TMPFILE", 0)
            if nameless and flags & nameless == nameless:
                self._inodes[fd] = self._new()
            elif isinstance(path, str | os.PathLike) and (place := self.place(path)) is not None:
                if flags & os.O_CREAT and flags & os.O_EXCL:
                    self._inodes[fd] = self._new()
                    self._name((place, self._inodes[fd]))
                else:
                    self._inodes[fd] = self._now.get(place, -1)
            if (real := os.path.realpath(path)) in self._paths and not flags & nameless & ~os.O_DIRECTORY:
                self._inodes[fd] = self._paths[real]
        return fd

    def writev(self, do: Callable[..., int], fd: int, *rest: Any) -> int:
        return self._changed(do(fd, *rest), fd)

    def copy_file_range(self, do: Callable[..., int], source: int, fd: int, *rest: Any) -> int:
        return self._changed(do(source, fd, *rest), fd)

    def _changed(self, n: int, fd: int) -> int:
        with self._lock:
            if (inode := self._inodes.get(fd, -1)) >= 0:
                self.events.append(Event(CHANGE, inode))
        return n

    def fsync(self, do: Callable[..., None], fd: int) -> None:
        do(fd)
        with self._lock:
            if (inode := self._inodes.get(fd, -1)) >= 0:
                contents = b"" if inode in self.folders else Path(f"/proc/self/fd/{fd}").read_bytes()
                self.events.append(Event(SYNC, inode, contents=contents))

    def link(self, do: Callable[..., None], source: Any, target: Any, **more: Any) -> None:
        do(source, target, **more)
        with self._lock:
            by_descriptor = "src_dir_fd" in more
            inode = self._inodes[int(source)] if by_descriptor else self._now[self._known(source)]
            self._name((self._known(target), inode))

    def replace(self, do: Callable[..., None], source: Any, target: Any) -> None:
        do(source, target)
        with self._lock:
            place = self._known(source)
            self._name((self._known(target), self._now[place]), (place, None))

    def unlink(self, do: Callable[..., None], path: Any) -> None:
        do(path)
        with self._lock:
            if (place := self.place(path)) is not None:
                self._name((place, None))

    def mkdir(self, do: Callable[..., None], path: Any, *rest: Any, **more: Any) -> None:
        do(path, *rest, **more)
        with self._lock:
            inode = self._new()
            self.folders.add(inode)
            self._name((self._known(path), inode))
            self._paths[os.path.realpath(path)] = inode

    def _known(self, path: Any) -> tuple[int, str]:
        place = self.place(path)
        assert place is not None
        return place


def _paths_of(names: dict[tuple[int, str], int]) -> Iterator[tuple[str, ...]]:
    above = {inode: place for place, inode in names.items()}
    for folder, name in names:
        parts = [name]
        while folder != ROOT:
            folder, part = above[folder]
            parts.append(part)
        yield tuple(reversed(parts))


@contextlib.contextmanager
def noted(folder: Path) -> Iterator[Calls]:
    """Note what is done in a folder and those below it."""
    calls = Calls(folder)

    def through(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **more: getattr(calls, name)(do, *arguments, **more)

    with contextlib.ExitStack() as stack:
        for name in ("open", "writev", "copy_file_range", "fsync", "link", "replace", "unlink", "mkdir"):
            stack.enter_context(mock.patch.object(os, name, through(name, getattr(os, name))))
        yield calls
