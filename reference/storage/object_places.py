"""Objects as places: in buckets, and files that can only be read, on web servers and the Hub."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ..format.errors import UsageError
from ..format.extras import how_to_install
from ..format.wire import Sink
from .local_files import Progress
from .object_errors import without_secrets
from .object_sources import ObjectReader, RemoteSource
from .object_uploads import Upload
from .shared_output import SharedOutput


class ObjectPlace:
    """An object in a store: what obstore has for each cloud, or any that has obspec's methods.

    `upload` gives that of several processes, as `object_uploads.s3_upload` does. A key that ends in / is that of a
    folder, of which the place has nothing but the name.
    """

    def __init__(self, store: Any, key: str, name: str, upload: Callable[[], Upload] | None = None) -> None:
        self.name, self._store, self._key, self._upload = name, store, key, upload

    def is_at(self, other: ObjectPlace) -> bool:
        """Whether it is the same object, whatever the scheme: a store is made once for its settings."""
        return self._store is other._store and self._key == other._key

    def open(self) -> RemoteSource:
        from .signed_objects import SignedObject  # here, as it takes the standard library's HTTP

        self._refuse_folder()
        return RemoteSource(SignedObject(self._store, self._key, self.name))

    def make_folder(self) -> None:
        """A bucket has no folders."""

    def check_output(self) -> None:
        self._outputs().check_output(self._store, self._key, self.name)

    def replace(
        self, progress: Progress | None = None, behind: bool = False, size: int = 0
    ) -> AbstractContextManager[Sink]:
        return self._outputs().replace(self._store, self._key, self.name, progress, behind, size)

    def shared_output(self) -> SharedOutput:
        """The object as one that several processes write. Raises UsageError, which says why, where it cannot be."""
        if self._upload is None:
            raise UsageError("objects that several processes write are those of s3://, gs:// and az://")
        self._outputs()
        from .shared_objects import SharedObject

        return SharedObject(self._upload(), self._store, self._key, self.name)

    def remove(self) -> None:
        """Have the object gone. Raises OSError."""
        self._outputs().remove(self._store, self._key, self.name)

    def remove_seal(self) -> None:
        """Have the seal beside the object gone, where there is one."""
        self._outputs().remove_seal(self._store, self._key)

    def beside(self) -> list[str]:
        """The names of the objects in the folder of this one. Raises OSError."""
        return self._outputs().names_in(self._store, self._key.rpartition("/")[0], self.name)

    def _refuse_folder(self) -> None:
        if not self._key or self._key.endswith("/"):
            raise UsageError(f"{self.name} does not name an object; drop the / at the end")

    def _outputs(self) -> Any:
        """The module that writes, which needs obstore: what only reads a store of somebody else's does not."""
        self._refuse_folder()
        try:
            from . import object_outputs
        except ImportError:
            text = f"is written with obstore, which is not installed: {how_to_install('remote')}"
            raise UsageError(f"{self.name} {text}") from None
        if not type(self._store).__module__.startswith("obstore"):
            raise UsageError(
                f"{self.name}: a {type(self._store).__name__} is read here, and only obstore's are written to"
            )
        return object_outputs


class ReadOnlyPlace:
    """A file that can be read, and is written some other way."""

    def __init__(self, url: str, reader: Callable[[], ObjectReader], advice: str) -> None:
        self.name = without_secrets(url)
        self._reader, self._advice = reader, advice

    def open(self) -> RemoteSource:
        return RemoteSource(self._reader())

    def make_folder(self) -> None:
        self.check_output()

    def check_output(self) -> None:
        raise UsageError(f"{self.name} can be read but not written to; {self._advice}")

    def replace(
        self, progress: Progress | None = None, behind: bool = False, size: int = 0
    ) -> AbstractContextManager[Sink]:
        self.check_output()
        raise OSError(errno.EROFS, self._advice, self.name)
