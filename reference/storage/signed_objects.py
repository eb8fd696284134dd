"""Objects of buckets, large ranges of them by signed URLs: obstore signs, and `web_objects` reads without a copy.

Whatever goes wrong with that is left to obstore: a bucket may refuse such URLs, keys may not sign, a request may want
headers that no URL has. What it saves stands in `web_objects`; by S3's protocol, over a plain connection, it is the
same.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from .object_errors import PassingError
from .object_sources import Version
from .store_objects import StoredObject
from .stores import is_open
from .web_objects import WebObject

_LARGE: Final = 1 << 20  # bytes; for less than that a copy costs nothing beside the request
_GOOD_FOR: Final = 3600.0  # seconds


def _can_sign(store: Any) -> bool:
    """Whether the keys of a store sign by themselves: those of Google, and most of Azure, take requests for that."""
    config = getattr(store, "config", {})
    if not type(store).__module__.startswith("obstore") or config.get("skip_signature"):
        return False
    return "account_key" in config or (type(store).__name__ == "S3Store" and not is_open("AWS"))


class _SignedUrl(WebObject):
    def is_same(self, found: Version, expected: Version) -> bool:
        return (found.size, found.etag) == (expected.size, expected.etag)  # all that both say in the same words


class SignedObject(StoredObject):
    """A `StoredObject` whose large ranges are read by a signed URL, where the store and its keys can sign."""

    def __init__(self, store: Any, key: str, name: str) -> None:
        super().__init__(store, key, name)
        self._signs = _can_sign(store)
        self._web: _SignedUrl | None = None
        self._ends = 0.0
        self._signing = threading.Lock()  # ranges are fetched by several threads, which share one URL

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version | None:
        if self._signs and expected.etag is not None and sum(map(len, views)) >= _LARGE:
            try:
                self._signed().fetch(offset, views, expected)
                return expected
            except OSError as error:
                self._signs = isinstance(error, PassingError)
            except Exception:  # an error of obstore's: these keys cannot sign
                self._signs = False
        return super().fetch(offset, views, expected)

    def _signed(self) -> _SignedUrl:
        with self._signing:
            if self._web is None or time.monotonic() > self._ends:
                self.close()  # what is under way by the old URL goes on, and closes its own connection
                ends = time.monotonic() + _GOOD_FOR * 0.8
                span = timedelta(seconds=_GOOD_FOR)
                url = importlib.import_module("obstore").sign(self._store, "GET", self._key, span)
                self._web = _SignedUrl(url, self.name)
                self._ends = ends
            return self._web

    def close(self) -> None:
        if self._web is not None:
            self._web.close()
