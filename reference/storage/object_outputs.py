"""Objects in buckets that appear whole or not at all (spec STREAM-8): large ones in parts, small ones in one piece."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import obstore
from obstore.exceptions import GenericError
from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

from ..format.errors import UsageError
from ..format.seals import DETACHED_SUFFIX, FOOTER, ends_as_detached
from ..format.wire import Source
from .copying import through_memory
from .local_files import Progress
from .object_errors import named
from .threads import Work

_T = TypeVar("_T")

# Bytes of a part. What is smaller is sent as one piece, with nothing to abort. 512 MiB to a server on the same machine
# took 0.65 to 0.75 s of processor time per GB with parts of 5, 8 and 16 MiB, most of it for their SHA-256. Over a
# network each request costs its delay, and S3 advises 8 to 16 MB.
PART: Final = 1 << 23
AT_ONCE: Final = 8  # parts under way; one connection to S3 carries some 90 MB/s, and eight fill 5 Gbit/s
_IN_FLIGHT: Final = PART * AT_ONCE  # bytes, with larger parts in fewer requests
_PARTS: Final = 5_000  # that an upload is planned for; S3 and GCS take 10,000, so that twice the size still fits
_MIB: Final = 1 << 20
_HELD: Final = 1 << 18  # small writes that are joined
_STORES: Final = S3Store | GCSStore | AzureStore | MemoryStore
_MARK: Final = "streamckptsave"  # no hyphens: Azure takes only what may be a name in C#
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
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
        _waited(lambda: obstore.get(store, key, options={"range": (0, 1)}))
    except Exception as error:
        text = str(error)
        if _one_of(_NO_BUCKET, text):
            raise _no_bucket(name) from None
        if _one_of(_WRONG_KEYS, text) or "status code: 401" in text:
            raise PermissionError(errno.EACCES, "the server does not accept these credentials", name) from None
        # One may be allowed to write and not to read; and of nothing, as of no object, no range can be had.
        if isinstance(error, FileNotFoundError) or _one_of(_NOT_READ, text):
            return
        with named(name):
            raise


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
        self._part = PART if size <= PART * _PARTS else -(-size // _PARTS // _MIB) * _MIB
        self._held = bytearray()
        self._writer: Any = None  # of an upload in parts, once there is more than one
        self._under_way: Work[Any] | None = None  # what an interrupt leaves to end by itself
        self._sent = 0
        # Says of an object that it is this save's, where objects have attributes.
        self._mark = os.urandom(12).hex() if isinstance(store, _STORES) else None
        self._attributes: Any = {_MARK: self._mark} if self._mark else None

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
        with _written(self._name):
            if self._writer is None:
                self._writer = obstore.open_writer(
                    self._store,
                    self._key,
                    buffer_size=self._part,
                    max_concurrency=max(2, min(AT_ONCE, _IN_FLIGHT // self._part)),
                    attributes=self._attributes,
                )
            held, self._held = self._held, bytearray()
            for view, is_kept in ((memoryview(held), True), (data, stays)):
                for at in range(0, len(view), self._part):  # it looks at how many are under way once for each call
                    part = view[at : at + self._part]
                    self._sent += self._waited(self._writer.write, part if is_kept else bytes(part))
                    self._progress(len(part))

    def _waited(self, call: Callable[..., _T], *arguments: Any) -> _T:
        self._under_way = _started(functools.partial(call, *arguments))
        return self._under_way.result()

    # --- the end ------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Have the object appear, and compare it with what was sent. Raises OSError."""
        if self._writer is not None and self._held:
            self._send(memoryview(b""), True)
        _waited(functools.partial(_remove_seal, self._store, self._key))
        try:
            with _written(self._name):
                if self._writer is None:
                    self._sent = len(self._held)
                    put = functools.partial(obstore.put, use_multipart=False, attributes=self._attributes)
                    self._waited(put, self._store, self._key, self._held)
                    self._progress(self._sent)
                else:
                    writer, self._writer = self._writer, None  # from here on it aborts what it cannot complete
                    self._waited(_close, writer)
        except OSError:
            if not self._stands():  # else the answer was lost, and not the object
                raise
        self._compare()

    def _stands(self) -> bool:
        """Whether what stands there is what was sent, whole."""
        try:
            found = self._look()
        except Exception:
            return False
        return self._mark is not None and found.attributes.get(_MARK) == self._mark and found.meta["size"] == self._sent

    def _look(self) -> Any:
        return _waited(lambda: obstore.get(self._store, self._key, options={"head": True}))

    def _compare(self) -> None:
        """Compare what the server says of the object with what was sent, unless another save came after this one."""
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
        if size != self._sent:
            text = f"the server has {size} bytes, and {self._sent} were sent; save it again"
            raise OSError(errno.EIO, text, self._name)

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
                _waited(lambda: writer.__exit__(*_ANY_ERROR))
        except (Exception, KeyboardInterrupt):
            text = "parts of the upload may be left on the server; a lifecycle rule of the bucket removes such parts"
            if isinstance(reason, OSError) and reason.filename == self._name and reason.strerror:
                reason.strerror = f"{reason.strerror}; {text}"
            else:
                warnings.warn(f"{self._name}: {text}", stacklevel=4)


def _waited(call: Callable[[], _T]) -> _T:
    """What a call of the library returns, made by another thread: it hears no interrupt while it waits for a server."""
    return _started(call).result()


def _started(call: Callable[[], _T]) -> Work[_T]:
    work = Work(call)
    try:
        work.start(daemon=True)
    except RuntimeError:  # no thread can be started, as when the interpreter ends
        work.do()
    return work


@contextlib.contextmanager
def _written(name: str) -> Iterator[None]:
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
        if _one_of(_NO_BUCKET, cause):
            raise _no_bucket(name) from None
        text = "the server has no such bucket, or has removed the upload before it was complete"
        raise FileNotFoundError(errno.ENOENT, text, name) from None


def _close(writer: Any) -> None:
    """Complete an upload. What goes wrong is raised as it is of any other request: here it is an OSError of none."""
    try:
        writer.close()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise GenericError(str(error)) from None


def _one_of(codes: tuple[str, ...], text: str) -> bool:
    return any(code in text for code in codes)


def _no_bucket(name: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "there is no such bucket; make it first", name)


# DETACHED-3: "a program that writes a stream SHOULD remove the seal of the file that it replaces."
def _remove_seal(store: Any, key: str) -> None:
    """Remove the seal beside an object that is about to be replaced; another object of that name is left alone."""
    if key.endswith(DETACHED_SUFFIX):
        return
    try:
        found = obstore.get(store, f"{key}{DETACHED_SUFFIX}", options={"range": {"suffix": FOOTER}})
        size = found.meta["size"]
        if ends_as_detached(bytes(found.bytes()), size):
            obstore.delete(store, f"{key}{DETACHED_SUFFIX}")
    except Exception:  # as for files: whoever opens a seal that does not fit is told
        return
