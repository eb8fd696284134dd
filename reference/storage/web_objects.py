"""Files on web servers over the standard library's HTTP, whose bytes go from the socket into the final memory.

obstore serves them too, and copies each byte twice more. To have 1 GB from a server on the same machine in arrays that
had been touched took it 0.39 to 0.43 s of processor time (0.33 to throw it away), and takes 0.22 to 0.25 here.
"""

from __future__ import annotations

import base64
import errno
import functools
import http.client
import os
import re
import ssl
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from .object_errors import NO_RANGES, NO_SUCH_OBJECT, PassingError, changed
from .object_sources import Version

_TIMEOUT: Final = 60.0  # seconds without a byte
_MOVED, _MOST_MOVES = frozenset((301, 302, 303, 307, 308)), 5
_PASSING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_AS_IT_IS: Final = "%/:=&?~#+!$,;'@()*[]"  # in a URL


class WebObject:
    """A file on a web server. `headers` are sent to its own server, and to no other that this one sends us to.

    Where the file is kept elsewhere, that is remembered, and asked for again when the address expires.
    """

    def __init__(self, url: str, name: str, headers: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._url = self._address = quote(url.partition("#")[0], safe=_AS_IT_IS)
        self._own = {**_basic(urlsplit(self._url), "Authorization"), **(headers or {})}
        self._idle: deque[tuple[str, http.client.HTTPConnection]] = deque()  # by the server to which they go
        self._proxies: dict[tuple[str, str], Any] = {}  # by server; to ask the environment takes over a millisecond
        self._process, self._closed = os.getpid(), False

    def begin(self, n: int) -> tuple[bytes, Version]:
        server, connection, answer = self._ask({"Range": f"bytes=0-{n - 1}"})
        if answer.status == 416 and answer.headers.get("Content-Range", "").endswith("*/0"):
            _end(connection, answer)
            return b"", _version(answer, 0)
        version, start, size = self._compared(connection, answer)
        data = bytearray(min(n, version.size))
        self._take(server, connection, answer, (start, size), (0, len(data)), [memoryview(data)])
        return bytes(data), version

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version:
        n = sum(map(len, views))
        headers = {"Range": f"bytes={offset}-{offset + n - 1}"}
        if expected.etag is not None and not expected.etag.startswith("W/"):  # RFC 9110: those never match
            headers["If-Match"] = expected.etag
        server, connection, answer = self._ask(headers)
        version, start, size = self._compared(connection, answer)
        if not self.is_same(version, expected):
            _end(connection, answer)
            raise changed(self.name)
        self._take(server, connection, answer, (start, size), (offset, n), views)
        return version

    def is_same(self, found: Version, expected: Version) -> bool:
        """Whether an answer speaks of the object that was opened."""
        return found == expected

    def look(self) -> Version | None:
        return None

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop()[1].close()

    def told(self, headers: http.client.HTTPMessage) -> None:
        """Told of the headers of each answer."""

    # --- requests -------------------------------------------------------------------------------------------

    def _ask(self, headers: Mapping[str, str]) -> tuple[str, http.client.HTTPConnection, http.client.HTTPResponse]:
        """The answer, wherever it comes from: 206, 200 or 416. Raises OSError for what any other means."""
        address = first = self._address
        for _ in range(_MOST_MOVES + 1):
            server, connection, answer = self._send(address, headers)
            self.told(answer.headers)
            if answer.status in (200, 206, 416):
                self._address = address
                return server, connection, answer
            _end(connection, answer)
            if answer.status in _MOVED and (location := answer.headers.get("Location")):
                address = quote(urljoin(address, location), safe=_AS_IT_IS)
            elif answer.status in (401, 403) and first != self._url:  # the address has expired
                address = first = self._url
            else:
                raise self._refusal(answer.status)
        raise OSError(errno.ELOOP, "the server sends one from address to address", self.name)

    def _send(self, address: str, headers: Mapping[str, str]) -> tuple[str, Any, http.client.HTTPResponse]:
        parts = urlsplit(address)
        server, netloc = f"{parts.scheme}://{parts.netloc}", parts.netloc.rpartition("@")[2]
        sent = {"Accept-Encoding": "identity", "User-Agent": "streamckpt", **headers}
        if address.startswith(f"{'/'.join(self._url.split('/')[:3])}/"):
            sent |= self._own
        via = self._proxy(parts.scheme, netloc)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        if via is not None and parts.scheme == "http":
            target, sent = f"http://{netloc}{target}", sent | _basic(via, "Proxy-Authorization")
        while True:
            connection = self._kept(server)
            is_new = connection is None
            try:
                connection = connection or _connection(parts.scheme, netloc, via)
                connection.request("GET", target, headers=sent)
                return server, connection, connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                if is_new:  # else the server has closed what was idle
                    raise self._broken(error) from None

    def _proxy(self, scheme: str, netloc: str) -> Any:
        """The proxy through which a server is asked, as a parsed URL; None where it is asked itself."""
        if (scheme, netloc) not in self._proxies:
            proxy = urllib.request.getproxies().get(scheme)
            bypassed = proxy is None or urllib.request.proxy_bypass(netloc)
            self._proxies[scheme, netloc] = None if bypassed else urlsplit(proxy)
        return self._proxies[scheme, netloc]

    def _kept(self, server: str) -> http.client.HTTPConnection | None:
        if self._process != os.getpid():  # connections of a process that this one was forked from are its own
            self._process, self._idle = os.getpid(), deque()
        try:
            there, connection = self._idle.pop()
        except IndexError:
            return None
        if there == server:
            return connection
        connection.close()
        return self._kept(server)

    # --- answers --------------------------------------------------------------------------------------------

    def _compared(self, connection: Any, answer: http.client.HTTPResponse) -> tuple[Version, int, int]:
        """What an answer says of the file, and which of its bytes come, as (offset, bytes)."""
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == 206 and found is not None and not answer.headers.get("Content-Encoding"):
            start, last, size = map(int, found.groups())
            return _version(answer, size), start, last + 1 - start
        _end(connection, answer)
        if answer.status == 200:
            raise OSError(errno.ENOTSUP, NO_RANGES, self.name)
        raise OSError(errno.EIO, "the server does not say which part of the file it has sent", self.name)

    def _take(
        self,
        server: str,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
        sent: tuple[int, int],
        wanted: tuple[int, int],
        views: Sequence[memoryview],
    ) -> None:
        try:
            if sent != wanted or answer.length not in (None, wanted[1]):
                text = f"the server sent {answer.length} bytes from {sent[0]} on, not {wanted[1]} from {wanted[0]} on"
                raise PassingError(errno.EIO, text, self.name)
            for view in views:
                while view:
                    if not (n := answer.readinto(view)):
                        raise ConnectionError
                    view = view[n:]
            answer.read(1)  # the end of what comes in chunks
            if answer.isclosed() and not answer.will_close and not self._closed:
                self._idle.append((server, connection))
                if self._closed:  # it was closed in between, by another thread
                    self.close()
                return
        except PassingError:
            _end(connection, answer)
            raise
        except (OSError, http.client.HTTPException) as error:
            _end(connection, answer)
            raise self._broken(error) from None
        _end(connection, answer)

    def _refusal(self, status: int) -> OSError:
        if status in (404, 410):
            return FileNotFoundError(errno.ENOENT, NO_SUCH_OBJECT, self.name)
        if status in (401, 403):
            return PermissionError(errno.EACCES, "the server refuses access", self.name)
        if status == 412:
            return changed(self.name)
        text = f"the server answers with status {status} {http.client.responses.get(status, '')}".rstrip()
        return (PassingError if status in _PASSING else OSError)(errno.EIO, text, self.name)

    def _broken(self, error: Exception) -> OSError:
        """What went wrong on the way."""
        if isinstance(error, ssl.SSLCertVerificationError):
            text = f"the certificate of the server is not good: {error.verify_message}"
            return OSError(errno.EACCES, text, self.name)
        if type(error).__name__ == "gaierror":
            return OSError(errno.EHOSTUNREACH, "the name of the server is not known", self.name)
        if isinstance(error, TimeoutError):
            return PassingError(errno.ETIMEDOUT, "the server does not answer", self.name)
        is_there = isinstance(error, http.client.HTTPException | ConnectionError | ssl.SSLError)
        if isinstance(error, ConnectionRefusedError) or not is_there:
            return PassingError(errno.ECONNREFUSED, f"the server cannot be reached: {_reason(error)}", self.name)
        return PassingError(errno.EIO, "the connection was cut again and again", self.name)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _version(answer: http.client.HTTPResponse, size: int) -> Version:
    get = answer.headers.get
    return Version(size, get("ETag"), get("x-goog-generation") or get("x-amz-version-id"), get("Last-Modified"))


def _end(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
    """Close both: of a server that keeps no connection (HTTP/1.0) the answer alone has the socket."""
    answer.close()
    connection.close()


def _connection(scheme: str, netloc: str, via: Any) -> http.client.HTTPConnection:
    """A connection to a server, through a proxy where one is given."""
    goes_to = netloc if via is None else via.netloc.rpartition("@")[2]
    if scheme == "http":
        return http.client.HTTPConnection(goes_to, timeout=_TIMEOUT)
    if scheme != "https":
        raise http.client.UnknownProtocol(scheme)
    connection = http.client.HTTPSConnection(
        goes_to, timeout=_TIMEOUT, context=_certificates(os.environ.get("SSL_CERT_FILE"))
    )
    if via is not None:
        connection.set_tunnel(netloc, headers=_basic(via, "Proxy-Authorization"))
    return connection


@functools.lru_cache(4)
def _certificates(file: str | None) -> ssl.SSLContext:
    """Those of the system, or of the file that SSL_CERT_FILE names; to read them takes 20 ms."""
    return ssl.create_default_context()


def _basic(parts: Any, header: str) -> dict[str, str]:
    """The header for the user and password in a URL, if there are any."""
    user = unquote(parts.netloc.rpartition("@")[0])
    return {header: f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
