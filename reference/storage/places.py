"""Which place a path or URL names: files of this machine, and whatever serves its scheme."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import unquote, urlsplit

from ..format.errors import UsageError
from ..format.wire import Sink
from . import atomic_files, folders, output_checks
from .local_files import FileSource, Path_, Progress
from .open_descriptors import OpenDescriptor, descriptor_of
from .place import Place


class LocalPlace:
    """A file of this machine's file systems."""

    def __init__(self, path: Path_) -> None:
        self.name = os.fspath(path)
        # Now: a program may change its folder while it saves in the background. A slash at the end names a folder.
        self._target = os.path.abspath(path) + ("/" if self.name.endswith("/") else "")

    def open(self) -> FileSource:
        return FileSource(self.name)

    def make_folder(self) -> None:
        folders.make_folder(os.path.dirname(self._target))

    def check_output(self) -> None:
        output_checks.check_output(self._target)

    def replace(self, progress: Progress | None = None, behind: bool = False) -> AbstractContextManager[Sink]:
        return atomic_files.replace(self._target, progress, behind)


def _local_place(path: Path_) -> Place:
    """The place of a path: a file, or what is open already where the path is that of a descriptor."""
    name = os.fspath(path)
    descriptor = descriptor_of(name)
    return LocalPlace(path) if descriptor is None else OpenDescriptor(descriptor, name)


def _file_of_url(url: str) -> Place:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise UsageError(f"{url} names no file of this machine; a file URL begins with file:///")
    return _local_place(unquote(parts.path))


# What serves a scheme. A scheme that is not here is refused by name, and never taken for a folder.
SCHEMES: Final[dict[str, Callable[[str], Place]]] = {"file": _file_of_url}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# pathlib makes one slash of two: no folder is meant by what is left of such a URL.
_WITHOUT_A_SLASH: Final = re.compile(
    r"(gs|gcs|s3|s3a|az|abfs|abfss|adl|hf|https?|ftp|sftp|hdfs|file|memory|dbfs|oss|r2):/(?!/)"
)


def place_of(path: Path_) -> Place:
    """The place that a path or URL names. Raises UsageError for a scheme that is not served here."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise UsageError(f"a path is a text or a pathlib.Path, not {type(text).__name__}")
    if found := _WITHOUT_A_SLASH.match(text):
        raise UsageError(
            f"{text} is not a path: it looks like a URL of {found[1]}:// that lost a slash, as in pathlib.Path; "
            f"give URLs as texts, and a folder of that name as ./{text}"
        )
    if not (found := _URL.match(text)):
        return _local_place(path)
    scheme = found[1].lower()
    if scheme not in SCHEMES:
        raise UsageError(f"{text}: {scheme}:// is not served here; copy the file to a disk, or mount what holds it")
    return SCHEMES[scheme](text)
