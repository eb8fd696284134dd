"""Which place a path or URL names: files of this machine, and whatever serves its scheme."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ..format.errors import UsageError
from ..format.wire import Sink
from . import atomic_files, folders, output_checks
from .local_files import FileSource, Path_, Progress
from .object_errors import without_secrets
from .object_places import ObjectPlace, ReadOnlyPlace
from .object_sources import ObjectReader
from .object_uploads import Upload, azure_upload, gcs_upload, s3_upload
from .open_descriptors import OpenDescriptor, descriptor_of
from .place import Place
from .shared_files import SharedFile
from .store_objects import StoredObject
from .stores import azure_object, gcs_object, s3_object


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

    def remove(self) -> None:
        """Have the file gone. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            os.unlink(self._target)

    def remove_seal(self) -> None:
        """Have the seal beside the file gone, where there is one."""
        atomic_files.remove_seal(Path(self._target))

    def beside(self) -> list[str]:
        """The names of the files in the folder of this one, none where it does not exist. Raises OSError."""
        with contextlib.suppress(FileNotFoundError), os.scandir(os.path.dirname(self._target)) as entries:
            return [entry.name for entry in entries if entry.is_file()]
        return []

    def check_output(self) -> None:
        output_checks.check_output(self._target)

    def replace(
        self, progress: Progress | None = None, behind: bool = False, size: int = 0
    ) -> AbstractContextManager[Sink]:
        return atomic_files.replace(self._target, progress, behind)

    def shared_output(self) -> SharedFile:
        """The file as one that several processes write."""
        return SharedFile(self._target)


def _local_place(path: Path_) -> Place:
    """The place of a path: a file, or what is open already where the path is that of a descriptor."""
    name = os.fspath(path)
    descriptor = descriptor_of(name)
    return LocalPlace(path) if descriptor is None else OpenDescriptor(descriptor, name)


def _file_of_url(url: str) -> Place:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise UsageError(f"{url} does not name a file on this machine; a file URL begins with file:///")
    return _local_place(unquote(parts.path))


def _object(find: Callable[[str], tuple[Any, str]], upload: Callable[[str], Upload]) -> Callable[[str], Place]:
    def place(url: str) -> Place:
        return ObjectPlace(*find(url), without_secrets(url), functools.partial(upload, url))

    return place


def _web_file(url: str) -> Place:
    name = without_secrets(url)
    if not urlsplit(url).netloc:
        raise UsageError(f"{name} does not name a server")

    def reader() -> ObjectReader:
        from .web_objects import WebObject  # here: the standard library's HTTP takes longer to import than this package

        return WebObject(url, name)

    return ReadOnlyPlace(name, reader, "save to a disk or a bucket, and upload it")


def _hub_file(url: str) -> Place:
    from .hub_files import HubFile, HubObject

    file = HubFile.of(url)

    def reader() -> ObjectReader:
        if file.is_folder:
            raise UsageError(f"{url} is a folder of the Hub; name a file in it")
        return HubObject(file, url)

    return ReadOnlyPlace(url, reader, "save it to a disk, and use `hf upload`")


def _other_file(url: str) -> Place:
    from .other_filesystems import other_place

    return other_place(url)


# What serves a scheme; any other is asked of fsspec, or refused by name, and never taken for a folder.
SCHEMES: Final[dict[str, Callable[[str], Place]]] = {
    "file": _file_of_url,
    **dict.fromkeys(("s3", "s3a", "r2"), _object(s3_object, s3_upload)),
    **dict.fromkeys(("gs", "gcs"), _object(gcs_object, gcs_upload)),
    **dict.fromkeys(("az", "azure", "abfs", "abfss", "adl"), _object(azure_object, azure_upload)),
    **dict.fromkeys(("http", "https"), _web_file),
    "hf": _hub_file,
}
_WEB: Final = re.compile("https?://", re.IGNORECASE)
_HUB: Final = re.compile("hf://", re.IGNORECASE)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# pathlib makes one slash of two: no folder is meant by what is left of such a URL.
_WITHOUT_A_SLASH: Final = re.compile(
    r"(gs|gcs|s3|s3a|az|abfs|abfss|adl|hf|https?|ftp|sftp|hdfs|file|memory|dbfs|oss|r2):/(?!/)"
)


def place_of(path: Path_) -> Place:
    """The place that a path or URL names. Raises UsageError for a scheme that is not supported here."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise UsageError(f"a path is a text or a pathlib.Path, not {type(text).__name__}")
    if found := _WITHOUT_A_SLASH.match(text):
        shown = text.partition("?")[0]
        raise UsageError(
            f"{shown} is not a path: it looks like a URL of {found[1]}:// that lost a slash, as in pathlib.Path; "
            f"give URLs as texts, and a folder of that name as ./{shown}"
        )
    if not (found := _URL.match(text)):
        return _local_place(os.path.expanduser(text))
    return SCHEMES.get(found[1].lower(), _other_file)(text)


def names_folder(path: Path_) -> bool:
    """Whether a path can be nothing but a folder: it ends in /, or is a repository of the Hub. Raises UsageError."""
    text = os.fspath(path)
    if _HUB.match(text):
        from .hub_files import HubFile

        return HubFile.of(text).is_folder
    return text.endswith("/")


def beside(path: Path_, suffix: str) -> Place | None:
    """The place of a file whose name is that of another with a suffix behind it.

    None for a URL with a query: what is signed is the one file alone.
    """
    text = os.fspath(path)
    return None if _WEB.match(text) and ("?" in text or "#" in text) else place_of(text + suffix)


def in_store(store: Any, key: str) -> str:
    """A URL for the object under a key of a store, good in every function of this program.

    `store` is one of obstore, or any object with obspec's `get`, or `head` and `get_range`. Only those of obstore are
    written to. Raises UsageError.
    """
    StoredObject(store, key, key)  # refuses what is neither
    number = next((i for i, each in _stores.items() if each is store), len(_stores) + 1)
    _stores[number] = store
    return f"{_STORE}://{type(store).__name__}-{number}/{key}"


_STORE: Final = "obspec"
_stores: Final[dict[int, Any]] = {}


def _stored(url: str) -> Place:
    place, _, key = url.partition("://")[2].partition("/")
    number = place.rpartition("-")[2]
    if not number.isdigit() or int(number) not in _stores:
        raise UsageError(f"{url} does not name a store of this process; `in_store` makes such URLs")
    return ObjectPlace(_stores[int(number)], key, url)


SCHEMES[_STORE] = _stored
