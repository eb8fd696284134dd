"""What fsspec serves, as places: every scheme that has a file system of fsspec's, and no store of its own here."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..format.errors import UsageError
from ..format.wire import Source
from .copying import through_memory
from .local_files import Progress
from .object_errors import PassingError, changed, named, without_secrets
from .object_sources import RemoteSource, Version

_SAID: Final = ("ETag", "etag", "e_tag", "generation", "mtime", "LastModified", "last_modified", "modified", "created")


def other_place(url: str) -> FilesystemPlace:
    """The place of a URL whose scheme fsspec knows. Raises UsageError for any other, and without fsspec."""
    scheme = url.partition("://")[0].lower()
    name = without_secrets(url)
    try:
        fsspec = importlib.import_module("fsspec")
    except ImportError:
        text = f"{scheme}:// is not supported here; pip install fsspec, which may know it, or copy the file to a disk"
        raise UsageError(f"{name}: {text}") from None
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        text = f"{scheme}:// is not supported here, nor by fsspec; copy the file to a disk"
        raise UsageError(f"{name}: {text}") from None
    except ImportError as error:
        raise UsageError(f"{name}: {scheme}:// is served through fsspec, which lacks a package: {error}") from None
    return FilesystemPlace(url, name)


class FilesystemPlace:
    """A file of a file system of fsspec's."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self.name = url, name

    def _found(self) -> tuple[Any, str]:
        with _named(self.name):
            return importlib.import_module("fsspec.core").url_to_fs(self._url)

    def open(self) -> RemoteSource:
        return RemoteSource(_File(*self._found(), self.name))

    def make_folder(self) -> None:
        system, path = self._found()
        with _named(self.name), contextlib.suppress(FileExistsError):
            system.makedirs(os.path.dirname(path), exist_ok=True)

    def check_output(self) -> None:
        system, path = self._found()
        with _named(self.name):
            if system.isdir(path):
                raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", self.name)

    def remove(self) -> None:
        """Have the file gone. Raises OSError."""
        system, path = self._found()
        with _named(self.name), contextlib.suppress(FileNotFoundError):
            system.rm_file(path)

    @contextlib.contextmanager
    def replace(self, progress: Progress | None = None, behind: bool = False, size: int = 0) -> Iterator[_Output]:
        """The file is written under another name beside it, and moved over it when it is whole."""
        system, path = self._found()
        folder, name = os.path.split(path)
        hidden = f"{folder}/.streamckpt-{os.urandom(6).hex()}-{name[-40:]}.part"
        try:
            with _named(self.name):
                file = system.open(hidden, "wb")
            try:
                yield _Output(file, progress, self.name)
            finally:
                with _named(self.name):
                    file.close()
            with _named(self.name):
                system.mv(hidden, path)
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong before is told
                system.rm_file(hidden)
            raise


class _Output:
    """A sink over a file of fsspec's, whose buffers take what they are given."""

    def __init__(self, file: Any, progress: Progress | None, name: str) -> None:
        self._file, self._progress, self._name = file, progress or (lambda n: None), name

    def write(self, data: bytes | memoryview) -> None:
        with _named(self._name):
            self._file.write(bytes(data))
        self._progress(len(data))

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        through_memory(self, source, offset, n)


class _File:
    """A file as the reader of a remote source. What it is now is asked for at the end: answers do not say it."""

    def __init__(self, system: Any, path: str, name: str) -> None:
        self.name = name
        self._system, self._path = system, path
        # Those that are not made for it are asked by one thread at a time: ftp and sftp have one connection.
        self._lock = contextlib.nullcontext() if getattr(system, "async_impl", False) else threading.Lock()

    def begin(self, n: int) -> tuple[bytes, Version]:
        version = self.look()
        memory = memoryview(bytearray(min(n, version.size)))
        if memory:
            self.fetch(0, [memory], version)
        return bytes(memory), version

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> None:
        n = sum(map(len, views))
        with _named(self.name), self._lock:
            data = self._system.cat_file(self._path, start=offset, end=offset + n)
        if len(data) < n:
            now = self.look()
            if now != expected:
                raise changed(self.name)
        if len(data) != n:
            raise PassingError(errno.EIO, f"{len(data)} bytes came where {n} were asked for", self.name)
        done = 0
        for view in views:
            view[:] = data[done : done + len(view)]
            done += len(view)

    def close(self) -> None:
        """The file system keeps what it has."""

    def look(self) -> Version:
        with _named(self.name), self._lock:
            self._system.invalidate_cache()
            info = self._system.info(self._path)
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, "this is a directory; name a file in it", self.name)
        if info.get("size") is None:
            raise OSError(
                errno.ENOTSUP, "its size is not known, and it is read by ranges; download it first", self.name
            )
        return Version(info["size"], None, None, str([str(info[key]) for key in _SAID if key in info]))


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """`named`, where whatever goes wrong comes from a file system of somebody else's."""
    try:
        with named(name):
            yield
    except (OSError, UsageError):
        raise
    except ImportError as error:
        raise UsageError(f"{name}: a package is missing: {error}") from None
    except Exception as error:
        text = " ".join(str(error).split())[:300] or type(error).__name__
        raise OSError(errno.EIO, text, name) from None
