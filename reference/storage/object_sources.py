"""Files that are far away as sources: few requests, several at once, each answer compared with what was asked for."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np

from ..format.errors import CUT_OFF, FormatError, UsageError
from ..format.wire import BytesSource
from .object_errors import PassingError, changed
from .range_requests import Request, requests_of
from .reading_ahead import Ahead
from .threads import Pool, Work

# Requests under way, of PIECE bytes each, which is what is held at most. One leaf of 100 MB out of 10 GB, from a server
# that takes 50 ms to answer, took 0.17 to 0.20 s; with pieces of 1, 2, 4 and 16 MiB 0.72, 0.41, 0.21 and 0.14; with 4
# and 16 at once 0.27 and 0.13. The server was on the same machine: a line of some Gbit/s is filled by fewer.
AT_ONCE: Final = 8
_FIRST: Final = 1 << 18  # bytes of the first request; most headers of safetensors files are within them
_NEAR: Final = 1 << 16  # bytes of a request for a header, in case the next one stands close behind it
_FAR: Final = 1 << 22  # and of one where many did
_ATTEMPTS: Final = 7  # for what a library has not tried again itself
_WAIT: Final = 0.05  # seconds, doubled for each attempt, before the next
_T = TypeVar("_T")


class Version(NamedTuple):
    """Which object an answer speaks of: its size in bytes, ETag, generation or version, and when it was written."""

    size: int
    etag: str | None = None
    number: str | None = None
    modified: str | None = None


class ObjectReader(Protocol):
    """What asks for ranges of one object. Errors are OSErrors that name it, PassingErrors where to ask again helps."""

    name: str

    def begin(self, n: int) -> tuple[bytes, Version]:
        """At most the first `n` bytes, and what the object is."""
        ...

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version | None:
        """Fill the views, one after the other, with the bytes from `offset` on, and give what the answer says of the
        object; None where it says nothing."""
        ...

    def look(self) -> Version | None:
        """What the object is now, where answers do not say it, and else None."""
        ...

    def close(self) -> None: ...


class RemoteSource:
    """An object in a bucket or on a web server. After `close` every call raises ValueError.

    `requests` counts what was asked for. What is read is of one version of the object: an answer that speaks of another
    is refused. Headers are read by windows that grow while many are within one.
    """

    def __init__(self, reader: ObjectReader) -> None:
        self.name = reader.name
        self.requests = 0
        self._reader = reader
        self._lock = threading.Lock()
        head, self._version = self._again(lambda: reader.begin(_FIRST))
        self.size = self._version.size
        self._windows = [(0, head)]  # the first bytes, and what was read last in advance
        self._hits = 2  # reads that the last window has served
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._ahead: Ahead | None = None
        self._pool = Pool(AT_ONCE)
        self._process = os.getpid()

    # --- reading ------------------------------------------------------------------------------------------

    def read_at(self, offset: int, n: int) -> bytes:
        self._check(offset, n)
        if n <= _FAR:
            for start, data in self._windows:
                if start <= offset and offset + n <= start + len(data):
                    self._hits += 1
                    return data[offset - start : offset - start + n]
        memory = np.empty(n, np.uint8)
        done = self._ahead.read(offset, memory.data) if self._ahead is not None else 0
        if done == 0 and 0 < n <= _NEAR * 4:
            return self._read_window(offset, n)
        if done < n:
            self._fill([(offset + done, memory.data[done:])])
        return memory.tobytes()

    def read_into(self, offset: int, view: memoryview) -> None:
        self._check(offset, len(view))
        done = self._ahead.read(offset, view) if self._ahead is not None else 0
        if done < len(view):
            self._fill([(offset + done, view[done:])])

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        """Fill many views, each with the bytes from an offset on, by several requests at once; see `read_at`."""
        left = []
        for offset, view in ranges:
            self._check(offset, len(view))
            done = self._ahead.read(offset, view) if self._ahead is not None else 0
            if done < len(view):
                left.append((offset + done, view[done:]))
        self._fill(left)

    def expect(self, extents: Iterable[tuple[int, int]]) -> None:
        """See `reading_ahead.expect`."""
        self._refuse_closed()
        self._ahead = Ahead(extents, self._fetch_piece, self._pool, AT_ONCE)

    def _check(self, offset: int, n: int) -> None:
        self._refuse_closed()
        if not 0 <= offset <= self.size - n:
            detail = f"{n} bytes at byte {offset} were asked for, and there are {self.size}"
            error = FormatError("STREAM-2", offset, None, detail, CUT_OFF)
            error.file = self.name
            raise error

    def _read_window(self, offset: int, n: int) -> bytes:
        """Small bytes, and as many behind them as the windows before were good for."""
        with self._lock:
            start, last = self._windows[-1]
            is_near = start <= offset <= start + 2 * max(len(last), _NEAR)
            size = min(2 * len(last), _FAR) if is_near and self._hits > 1 else _NEAR
            self._hits = 1
        data = bytearray(min(max(n, size), self.size - offset))
        self._fill([(offset, memoryview(data))])
        window = bytes(data)
        self._windows = [self._windows[0], (offset, window)]
        return window[:n]

    # --- requests -----------------------------------------------------------------------------------------

    def _fill(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        requests = requests_of(ranges)  # of which there may be none
        if len(requests) == 1:
            self._fetch(requests[0])
            return
        stopped: list[None] = []
        works = [self._pool.submit(self._fetch_unless, stopped, request) for request in requests]
        self._wait(works, stopped)

    def _wait(self, works: Sequence[Work[None]], stopped: list[None]) -> None:
        """Wait for all of them, whatever happens: the memory that they fill is the caller's."""
        first: BaseException | None = None
        for work in works:
            while not work.done():
                try:
                    work.wait()
                except BaseException as error:
                    first = first or error
                    stopped.append(None)
            try:
                work.result()
            except BaseException as error:
                first = first or error
                stopped.append(None)
        if first is not None:
            try:
                raise first
            finally:
                del first

    def _fetch_unless(self, stopped: list[None], request: Request) -> None:
        if not stopped:
            try:
                self._fetch(request, stopped)
            except BaseException:
                stopped.append(None)
                raise

    def _fetch_piece(self, offset: int, view: memoryview) -> None:
        if not self._closed:  # what is fetched ahead of nobody
            self._fetch(Request(offset, [view]))

    def _fetch(self, request: Request, stopped: Sequence[None] = ()) -> None:
        found = self._again(lambda: self._reader.fetch(request.offset, request.views, self._version), stopped)
        if found is not None and found != self._version:
            raise changed(self.name)

    def _again(self, ask: Callable[[], _T], stopped: Sequence[None] = ()) -> _T:
        """Make a request, and once more where that may help, unless it has been `stopped`. Raises OSError."""
        for attempt in itertools.count(1):
            with self._lock:
                self.requests += 1
            try:
                return ask()
            except PassingError:
                if attempt == _ATTEMPTS or stopped:
                    raise
            time.sleep(_WAIT * 2**attempt * (1 + os.urandom(1)[0] / 255))  # those that failed together come apart
        raise AssertionError

    # --- around it ----------------------------------------------------------------------------------------

    def refuse_changes(self) -> None:
        """Each answer has been compared with the first; where they do not say of what they are, that is asked now."""
        self._refuse_closed()
        found = self._reader.look()
        if found is not None and found != self._version:
            raise changed(self.name)

    def map(self) -> BytesSource:
        self._refuse_closed()
        raise UsageError(f"{self.name} cannot be mapped into memory: leave mmap out, or copy it to a local disk first")

    def close(self) -> None:
        self._closed = True
        self._ahead = None
        self._pool.close()
        self._reader.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"{self.name} is closed; open it again to read from it")
        if self._process != os.getpid():  # whose threads are not in this process, which was forked since
            self._lock = threading.Lock()
            self._begin()

    def __enter__(self) -> RemoteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
