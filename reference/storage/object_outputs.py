"""Objects in buckets that appear whole or not at all (spec STREAM-8): large ones in parts, small ones in one piece."""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import obstore
from obstore.exceptions import GenericError
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

from ..format.errors import UsageError
from ..format.wire import Source
from .copying import through_memory
from .local_files import Progress
from .object_errors import named
from .sent_objects import NO_BUCKET, SentObject, no_bucket, one_of, remove_seal, tell_of_parts, waited, written
from .threads import Work, started

_T = TypeVar("_T")

# Bytes of a part. What is smaller is sent as one piece, with nothing to abort. 512 MiB to a server on the same machine
# took 0.65 to 0.75 s of processor time per GB with parts of 5, 8 and 16 MiB, most of it for their SHA-256. Over a
# network each request costs its delay, and S3 advises 8 to 16 MB.
PART: Final = 1 << 23
AT_ONCE: Final = 8  # parts under way; one connection to S3 carries some 90 MB/s, and eight fill 5 Gbit/s
IN_FLIGHT: Final = PART * AT_ONCE  # bytes, with larger parts in fewer requests
_PARTS: Final = 5_000  # that an upload is planned for; S3 and GCS take 10,000, so that twice the size still fits
_MIB: Final = 1 << 20
_HELD: Final = 1 << 18  # small writes that are joined
_STORES: Final = S3Store | GCSStore | AzureStore | MemoryStore
_WRONG_KEYS: Final = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
)
_NOT_READ: Final = ("status code: 403", "status code: 416", "Wanted range", "non-partial response")
_ANY_ERROR: Final = (KeyError, KeyError(), None)  # whichever, it has obstore's writer abort its upload


@contextlib.contextmanager
def replace(
    store: Any, key: str, name: str, progress: Progress | None = None, behind: bool = False, size: int = 0
) -> Iterator[ObjectSink]:
    """Write an object that takes the place of the one under `key` when the block ends; `name` is what errors call it.

    Where the block raises, the upload is aborted, and the old object stays as it was, as it does where the process is
    killed; parts of that stay on the server, invisible, until a rule of the bucket removes them. Of two savers at once
    the one that completes last is what stands there, whole. `size` is about how many bytes there will be: 40 GB and
    more go in larger parts. Holds at most the parts that are under way, 64 MiB of them, and one that is being filled.
    Parts are on their way while more are made; with `behind` they are the caller's own memory, and else copies of it.

    What the server says of the object is compared with what was sent. Raises OSError, and UsageError for a store that
    takes no outputs.
    """
    _refuse_strange(store, name)
    sink = ObjectSink(store, key, name, progress, behind, size)
    try:
        yield sink
        sink.finish()
    except BaseException as error:
        sink.abort(error)
        raise


def check_output(store: Any, key: str, name: str) -> None:
    """Refuse an output that cannot be written, before any work is done: nothing is written to find that out.

    A bucket that is not there, keys that are not good, a server that does not answer. Whether one may write there only
    the first part tells. Raises OSError, UsageError.
    """
    _refuse_strange(store, name)
    try:
        waited(lambda: obstore.get(store, key, options={"range": (0, 1)}))
    except Exception as error:
        text = str(error)
        if one_of(NO_BUCKET, text):
            raise no_bucket(name) from None
        if one_of(_WRONG_KEYS, text) or "status code: 401" in text:
            raise PermissionError(errno.EACCES, "the server does not accept these credentials", name) from None
        # One may be allowed to write and not to read; and of nothing, as of no object, no range can be had.
        if isinstance(error, FileNotFoundError) or one_of(_NOT_READ, text):
            return
        with named(name):
            raise


def names_in(store: Any, folder: str, name: str) -> list[str]:
    """The names of the objects of a folder, "" for that of the whole store; not of those below it. Raises OSError."""
    with named(name):
        listed = waited(lambda: obstore.list_with_delimiter(store, folder or None))
    return [each["path"].rpartition("/")[2] for each in listed["objects"]]


def remove(store: Any, key: str, name: str) -> None:
    """Remove an object; where there is none nothing is done. Raises OSError."""
    with named(name), contextlib.suppress(FileNotFoundError):
        waited(lambda: obstore.delete(store, key))


def _refuse_strange(store: Any, name: str) -> None:
    if not isinstance(store, _STORES | LocalStore):
        kind = type(store).__name__
        raise UsageError(f"{name} can be read but not written to: a {kind} is not one of obstore's stores of objects")


class ObjectSink:
    """A sink over an object of a store."""

    def __init__(self, store: Any, key: str, name: str, progress: Progress | None, behind: bool, size: int) -> None:
        self._store, self._key, self._name = store, key, name
        self._progress = progress or (lambda n: None)
        self._behind = behind
        self._part = part_size(size)
        self._held = bytearray()
        self._writer: Any = None  # of an upload in parts, once there is more than one
        self._under_way: Work[Any] | None = None  # what an interrupt leaves to end by itself
        self._sent = 0
        self._object = SentObject(store, key, name, marked=isinstance(store, _STORES))
        self._attributes: Any = self._object.attributes

    # --- writing ------------------------------------------------------------------------------------------

    def write(self, data: bytes | memoryview) -> None:
        if len(self._held) + len(data) <= (self._part if self._writer is None else _HELD):
            self._held += data
            return
        self._send(memoryview(data).cast("B"), self._behind or type(data) is bytes)

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        """Put `n` bytes of a source into the object."""
        through_memory(self, source, offset, n)

    def _send(self, data: memoryview, stays: bool) -> None:
        """Hand over what is held, and `data` behind it. Waits while as many parts are under way as there may be.

        The library copies nothing: it has the memory itself until it is sent, so that what does not stay is copied.
        """
        with written(self._name):
            if self._writer is None:
                self._writer = obstore.open_writer(
                    self._store,
                    self._key,
                    buffer_size=self._part,
                    max_concurrency=max(2, min(AT_ONCE, IN_FLIGHT // self._part)),
                    attributes=self._attributes,
                )
            held, self._held = self._held, bytearray()
            for view, is_kept in ((memoryview(held), True), (data, stays)):
                for at in range(0, len(view), self._part):  # it looks at how many are under way once for each call
                    part = view[at : at + self._part]
                    self._sent += self._waited(self._writer.write, part if is_kept else bytes(part))
                    self._progress(len(part))

    def _waited(self, call: Callable[..., _T], *arguments: Any) -> _T:
        self._under_way = started(functools.partial(call, *arguments))
        return self._under_way.result()

    # --- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Have the object appear, and compare it with what was sent. Raises OSError."""
        if self._writer is not None and self._held:
            self._send(memoryview(b""), True)
        waited(functools.partial(remove_seal, self._store, self._key))
        try:
            with written(self._name):
                if self._writer is None:
                    self._sent = len(self._held)
                    put = functools.partial(obstore.put, use_multipart=False, attributes=self._attributes)
                    self._waited(put, self._store, self._key, self._held)
                    self._progress(self._sent)
                else:
                    writer, self._writer = self._writer, None  # from here on it aborts what it cannot complete
                    self._waited(_close, writer)
        except OSError:
            if not self._object.stands(self._sent):  # else the answer was lost, and not the object
                raise
        self._object.compare(self._sent)

    def abort(self, reason: BaseException) -> None:
        """Remove from the server what was sent for nothing. Never raises an error of the server's.

        What is under way is waited for first, so that nothing changes there afterwards; another interrupt ends that.
        """
        writer, self._writer = self._writer, None
        self._held = bytearray()
        try:
            if self._under_way is not None:
                self._under_way.wait()
            if writer is not None:
                waited(lambda: writer.__exit__(*_ANY_ERROR))
        except (Exception, KeyboardInterrupt):
            tell_of_parts(reason, self._name)


def part_size(size: int) -> int:
    """The bytes of a part of an object of so many bytes."""
    return PART if size <= PART * _PARTS else -(-size // _PARTS // _MIB) * _MIB


def _close(writer: Any) -> None:
    """Complete an upload. What goes wrong is raised as it is of any other request: here it is an OSError of none."""
    try:
        writer.close()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GenericError(str(error)) from None
