"""An object of a store: what obspec names `get`, or `head` and `get_range`, as the reader of a remote source.

Every store of obstore is one, and so is any other class that has these methods.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..format.errors import UsageError
from .object_errors import PassingError, named
from .object_sources import Version

_CHUNK: Final = 1 << 18  # bytes taken at a time; a copy of them is still in the processor's cache


class StoredObject:
    """The object under a key. `name` is what errors call it."""

    def __init__(self, store: Any, key: str, name: str) -> None:
        self._store, self._key, self.name = store, key, name
        self._gets = callable(getattr(store, "get", None))
        if not self._gets and not all(callable(getattr(store, each, None)) for each in ("head", "get_range")):
            raise UsageError(f"{name}: a {type(store).__name__} has neither get nor head and get_range, as obspec says")

    def begin(self, n: int) -> tuple[bytes, Version]:
        """At most the first `n` bytes, and what the object is. Raises OSError."""
        with named(self.name):
            if not self._gets:
                return self._begin_by_head(n)
            try:
                answer = self._store.get(self._key, options={"range": (0, n)})
            except (FileNotFoundError, PermissionError):
                raise
            except Exception as error:
                if type(error).__name__ in ("NotFoundError", "PermissionDeniedError", "UnauthenticatedError"):
                    raise
                if self._is_empty():  # no range of nothing can be had
                    return b"", _version(self._store.head(self._key))
                raise error
            version = _version(answer.meta)
            memory = memoryview(bytearray(min(n, version.size)))
            self._take(answer, 0, [memory])
            return bytes(memory), version

    def _is_empty(self) -> bool:
        try:
            return self._store.head(self._key)["size"] == 0
        except Exception:  # what went wrong before is told
            return False

    def _begin_by_head(self, n: int) -> tuple[bytes, Version]:
        version = _version(self._store.head(self._key))
        n = min(n, version.size)
        return bytes(self._store.get_range(self._key, start=0, end=n)) if n else b"", version

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version | None:
        """Fill the views with the bytes from `offset` on, and give what the answer says of the object.

        None where it does not say anything. Raises OSError.
        """
        n = sum(map(len, views))
        with named(self.name):
            if not self._gets:
                data = self._store.get_range(self._key, start=offset, end=offset + n)
                _fill(views, iter([data]), n, self.name)
                return None
            options: dict[str, Any] = {"range": (offset, offset + n)}
            if expected.etag is not None and not expected.etag.startswith("W/"):  # RFC 9110: those never match
                options["if_match"] = expected.etag
            answer = self._store.get(self._key, options=options)
            self._take(answer, offset, views)
            return _version(answer.meta)

    def look(self) -> Version | None:
        """What the object is now, where answers do not say it; else None. Raises OSError."""
        if self._gets:
            return None
        with named(self.name):
            return _version(self._store.head(self._key))

    def close(self) -> None:
        """Connections are the store's, which others use as well."""

    def _take(self, answer: Any, offset: int, views: Sequence[memoryview]) -> None:
        n = sum(map(len, views))
        if tuple(answer.range) != (offset, offset + n):
            start, end = answer.range
            text = f"the server sent bytes {start} to {end}, and {offset} to {offset + n} were asked for"
            raise PassingError(errno.EIO, text, self.name)
        stream = getattr(answer, "stream", None)
        _fill(views, stream(_CHUNK) if stream is not None else iter(answer), n, self.name)


def _fill(views: Sequence[memoryview], chunks: Iterator[Any], n: int, name: str) -> None:
    """Put chunks into views, one after the other; they have to be of as many bytes."""
    left = iter(views)
    view = next(left, memoryview(b""))
    got = 0
    for chunk in chunks:
        data = memoryview(chunk).cast("B")
        got += len(data)
        if got > n:
            break
        while data:
            while not view:
                view = next(left)
            part = min(len(view), len(data))
            view[:part] = data[:part]
            view, data = view[part:], data[part:]
    if got != n:
        raise PassingError(errno.EIO, f"the server sent {'more' if got > n else got} bytes; expected {n}", name)


def _version(meta: Any) -> Version:
    return Version(meta["size"], meta.get("e_tag"), meta.get("version"), str(meta.get("last_modified")))
