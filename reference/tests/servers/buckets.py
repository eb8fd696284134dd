"""What the tests know of a bucket that a server on loopback has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Bucket(NamedTuple):
    """A bucket: what its URLs begin with, what the environment has to say, and where the server is.

    `uploads` gives how many uploads have been begun and neither completed nor aborted, and `abort_uploads` aborts them.
    Azure has no such thing: what was sent of a block blob is dropped there after a week.
    """

    url: str
    environment: Mapping[str, str]
    address: str
    uploads: Callable[[], int] = lambda: 0
    abort_uploads: Callable[[], None] = lambda: None

    def through(self, address: str) -> Bucket:
        """The same bucket, asked for at another address: that of a proxy."""
        environment = {name: value.replace(self.address, address) for name, value in self.environment.items()}
        return self._replace(environment=environment, address=address)

    @contextlib.contextmanager
    def known(self) -> Iterator[str]:
        """A block in which the environment says where the bucket is, and nothing of other clouds; gives its URL."""
        old = dict(os.environ)
        for name in list(os.environ):
            if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "STORAGE_EMULATOR")):
                del os.environ[name]
        os.environ.update(self.environment)
        try:
            yield self.url
        finally:
            os.environ.clear()
            os.environ.update(old)


def object_bytes(store: Any, key: str) -> bytes:
    """The bytes of an object, as obstore alone gives them."""
    import obstore

    return bytes(obstore.get(store, key).bytes())
