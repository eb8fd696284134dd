"""An object that was sent to a store: whether it stands there, whole, and what goes wrong with that."""

from __future__ import annotations

import contextlib
import errno
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import obstore

from ..format.seals import DETACHED_SUFFIX, FOOTER, ends_as_detached
from .object_errors import named
from .threads import started

_T = TypeVar("_T")

_MARK: Final = "streamckptsave"  # no hyphens: Azure takes only what may be a name in C#
NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")


class SentObject:
    """What is sent to the object under a key, marked as this save's where objects have attributes."""

    def __init__(self, store: Any, key: str, name: str, marked: bool = True) -> None:
        self._store, self._key, self._name = store, key, name
        self._mark = os.urandom(12).hex() if marked else None
        self.attributes = {_MARK: self._mark} if self._mark else None

    def stands(self, size: int) -> bool:
        """Whether what stands there is what was sent, whole."""
        try:
            found = self._look()
        except Exception:
            return False
        return self._mark is not None and found.attributes.get(_MARK) == self._mark and found.meta["size"] == size

    def _look(self) -> Any:
        return waited(lambda: obstore.get(self._store, self._key, options={"head": True}))

    def compare(self, sent: int) -> None:
        """Compare what the server says of it with the bytes that were sent, unless another save came after this one.

        Raises OSError.
        """
        try:
            with named(self._name):
                found = self._look()
        except PermissionError:  # one may be allowed to write and not to look
            return
        except FileNotFoundError:
            text = "the server took the object and does not have it; look whether something removes it there"
            raise FileNotFoundError(errno.ENOENT, text, self._name) from None
        if found.attributes.get(_MARK, self._mark) != self._mark:
            return
        size = found.meta["size"]
        if size != sent:
            text = f"the server has {size} bytes, and {sent} were sent; save it again"
            raise OSError(errno.EIO, text, self._name)


def waited(call: Callable[[], _T]) -> _T:
    """What a call of the library returns, made by another thread: it hears no interrupt while it waits for a server."""
    return started(call).result()


@contextlib.contextmanager
def written(name: str) -> Iterator[None]:
    """A block that writes: to say that there is no such object would mislead."""
    try:
        with named(name):
            yield
    except OSError as error:
        cause = str(error.__context__ or error)
        if "InvalidBlockList" in cause:  # Azure lets go of all parts that a save has sent when another is completed
            text = "another save of this object was completed while this one was under way; save it again"
            raise FileExistsError(errno.EEXIST, text, name) from None
        if not isinstance(error, FileNotFoundError):
            raise
        if one_of(NO_BUCKET, cause):
            raise no_bucket(name) from None
        text = "the server has no such bucket, or has removed the upload before it was complete"
        raise FileNotFoundError(errno.ENOENT, text, name) from None


def tell_of_parts(reason: BaseException, name: str) -> None:
    """Say of an upload that failed for a reason that it could not be removed."""
    text = "parts of the upload may be left on the server; a lifecycle rule of the bucket removes such parts"
    if isinstance(reason, OSError) and reason.filename == name and reason.strerror:
        reason.strerror = f"{reason.strerror}; {text}"
    else:
        warnings.warn(f"{name}: {text}", stacklevel=5)


def one_of(codes: tuple[str, ...], text: str) -> bool:
    return any(code in text for code in codes)


def no_bucket(name: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "there is no such bucket; make it first", name)


# DETACHED-3: "a program that writes a stream SHOULD remove the seal of the file that it replaces."
def remove_seal(store: Any, key: str) -> None:
    """Remove the seal beside an object that is about to be replaced; another object of that name is left alone."""
    if key.endswith(DETACHED_SUFFIX):
        return
    try:
        seal = f"{key}{DETACHED_SUFFIX}"
        size = obstore.head(store, seal)["size"]  # Azure gives no last bytes of an object without it
        if ends_as_detached(bytes(obstore.get_range(store, seal, start=max(0, size - FOOTER), end=size)), size):
            obstore.delete(store, seal)
    except Exception:  # as for files: whoever opens a seal that does not fit is told
        return
