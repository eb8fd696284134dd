"""New files that have no name, or a hidden one, until they take the place of another."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .file_systems import changes_names_at_once
from .folders import sync_folder
from .hidden_names import Hidden

# What is answered where names cannot be made or changed at all, as on some file systems over object stores.
_NO_NAMES: Final = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EPERM, errno.EINVAL, errno.EMLINK}


HIDDEN_FILE: Final = Hidden(
    ".part",
    lambda entry: entry.is_file(follow_symlinks=False),
    os.O_RDWR | os.O_NONBLOCK,
    lambda path: os.unlink(path),  # as `os` has it when it is called
)


class NewFile:
    """A new file beside `target`, without a name, or with a hidden one where the file system needs that.

    With `private` it belongs to this process alone until its permissions are set. A name is noted before it exists, so
    that whatever fails, and wherever, `close` removes what is left of it.
    """

    def __init__(self, target: Path, private: bool) -> None:
        self._target = target
        self._mode = 0o600 if private else 0o666
        self._hidden: str | None = None
        self._file: io.FileIO | None = None  # closes its descriptor also where `close` is not come to

    @property
    def fd(self) -> int:
        assert self._file is not None
        return self._file.fileno()

    def open(self) -> None:
        """Make the file."""
        if not self.open_nameless():
            self.open_hidden()

    def open_hidden(self) -> str:
        """Make it with a hidden name, which is returned. Raises OSError."""
        self._file = io.FileIO(self._target, "w", opener=lambda *_: self._open_hidden())
        assert self._hidden is not None
        return self._hidden

    def open_nameless(self) -> bool:
        """Make it without a name; False where the file system has no such files. Raises OSError."""
        if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
            return False
        flags = os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC
        try:
            self._file = io.FileIO(self._target, "w", opener=lambda *_: os.open(self._target.parent, flags, self._mode))
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
            return False
        return True

    def _open_hidden(self) -> int:
        while True:
            with contextlib.suppress(FileExistsError):
                return os.open(self._new_name(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)

    def _new_name(self) -> str:
        self._hidden = os.fspath(self._target.parent / HIDDEN_FILE.name(self._target, os.urandom(6).hex()))
        return self._hidden

    def take_place(self) -> None:
        """Put the file, which has been synced, where the target is, and have that reach the disk. Raises OSError.

        A file that was synced without a name is deleted when the power fails, on ext2 and on ext4 without a journal:
        the disk holds that it has no names, and what checks the disk believes it. So it is synced once more with a
        name: there before the old file loses its own, else after it, when no time is left between two names.
        """
        folder = self._target.parent
        first = self._hidden is None and not changes_names_at_once(folder)
        with self._said("give a name to a new file"):
            placed = self._hidden is None and self._link()
        if first:
            os.fsync(self.fd)
        with contextlib.nullcontext() if placed else _two_names(self._target):
            if not placed:
                self._rename()
            os.fsync(self.fd)  # which also brings the names to a disk with a journal, where a folder cannot be synced
            sync_folder(folder)

    def _link(self) -> bool:
        """Give a nameless file its name where nothing has it, else a hidden one, from which it can be renamed."""
        descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(str(self.fd), self._target, src_dir_fd=descriptors, follow_symlinks=True)
                return True
            while True:
                with contextlib.suppress(FileExistsError):
                    os.link(str(self.fd), self._new_name(), src_dir_fd=descriptors, follow_symlinks=True)
                    return False
        finally:
            os.close(descriptors)

    def _rename(self) -> None:
        assert self._hidden is not None
        with self._said("rename a file"):
            os.replace(self._hidden, self._target)
        self._hidden = None

    @contextlib.contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Errors of names as one line about the target: the names of descriptors and hidden files say nothing."""
        try:
            yield
        except OSError as error:
            error.filename, error.filename2 = os.fspath(self._target), None
            if error.errno in _NO_NAMES:
                text = (
                    f"the system does not {what} here ({error.strerror}), so the finished file cannot be put in place; "
                    "write to another folder, such as one on a local disk, and copy the file from there"
                )
                raise OSError(error.errno, text, error.filename) from None
            raise

    def close(self) -> None:
        """Close the file, and remove it unless it has taken its place."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._hidden is not None:
                with contextlib.suppress(OSError):  # what has gone wrong before is to be told, and not this
                    os.unlink(self._hidden)


@contextlib.contextmanager
def _two_names(target: Path) -> Iterator[None]:
    """Give the old file a second name while its first is taken, where the disk may hold one half of that.

    On ext2, and on ext4 without a journal, it could otherwise hold that the old file has no names any more, and the
    folder that still names it: both files would be gone. So its last name goes when the new one's is on the disk.
    """
    if changes_names_at_once(target.parent):
        yield
        return
    second = os.fspath(target.parent / HIDDEN_FILE.name(target, os.urandom(6).hex()))
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # nothing is there, or this process may not
            old = stack.enter_context(io.FileIO(target, opener=_open_old))
            fcntl.flock(old.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)  # or it looks like what a killed save has left
        stack.callback(_remove, second)  # first: whatever comes between the two, it does not stay
        with contextlib.suppress(OSError):
            os.link(target, second, follow_symlinks=False)
        yield


def _open_old(path: str, _: int) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)
