"""A new file on a disk that several processes share: each writes its own bytes, and one has it take its place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from .atomic_files import remove_seal
from .file_attributes import attributes_of
from .local_files import Path_, Progress
from .new_files import HIDDEN_FILE, NewFile
from .object_parts import Ranges
from .shared_output import SharedOutput, Take
from .sinks import PlacedSink
from .threads import Pool


class SharedFile(SharedOutput):
    """The file that is to take the place of `path`, under a hidden name until then.

    One process makes it (`begin`), and the others open it by the name that it is told (`join`): so a folder is shared
    where they find it. It is opened to be written alone, by all of them: Linux's client of NFS then sends the bytes
    that were written, and not the rest of their pages, which others may have written meanwhile.

    What is said of `atomic_files.replace` holds: the old file stays as it was until the new one is whole and synced.
    """

    def __init__(self, path: Path_) -> None:
        self._path = path
        self._target = Path(os.path.realpath(path))
        self._old = attributes_of(self._target)
        self._new: NewFile | None = None
        self._file: io.FileIO | None = None
        self._size = 0

    def divide(self, ranges: Callable[[], Ranges], size: int, me: int) -> None:
        self._size = size

    def begin(self) -> str:
        """Make the file, of its final size."""
        with self._named():
            HIDDEN_FILE.sweep(self._target.parent, self._target)
            self._new = NewFile(self._target, private=self._old is not None)
            name = self._new.open_hidden()
            with contextlib.suppress(OSError):  # as in `atomic_files.replace`
                fcntl.flock(self._new.fd, fcntl.LOCK_EX)
            os.ftruncate(self._new.fd, self._size)
            return name

    def join(self, name: str) -> None:
        with self._named():
            path = os.fspath(self._target.parent / os.path.basename(name))
            self._file = io.FileIO(
                path, "w", opener=lambda *_: os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            )
            if os.fstat(self._file.fileno()).st_size != self._size:
                raise OSError(errno.ESTALE, "the file of another process does not have its size here", path)

    @contextlib.contextmanager
    def sink(self, progress: Progress) -> Iterator[PlacedSink]:
        with self._named(), Pool(1) as pool:
            sink = PlacedSink(self._fd, progress, pool)
            yield sink
            sink.flush()
            os.fsync(self._fd)

    def take_place(self, take: Take) -> None:
        assert self._new is not None
        with self._named():
            if (attributes := attributes_of(self._target) or self._old) is not None:
                attributes.give_to(self._new.fd)
            os.fsync(self._new.fd)
            remove_seal(self._target)
            self._new.take_place()

    def close(self) -> None:
        if self._new is not None:
            self._new.close()
        if self._file is not None:
            self._file.close()

    @property
    def _fd(self) -> int:
        if self._new is not None:
            return self._new.fd
        assert self._file is not None
        return self._file.fileno()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = error.filename or os.fspath(self._path)
            raise
