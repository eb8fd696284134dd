"""Files on web servers over the standard library's HTTP, whose bytes go from the socket into the final memory.

obstore serves them too, and copies each byte twice more. To have 1 GB from a server on the same machine in arrays that
had been touched took it 0.39 to 0.43 s of processor time (0.33 to throw it away), and takes 0.22 to 0.25 here.
"""

from __future__ import annotations

import errno
import http.client
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from .object_errors import NO_RANGES, NO_SUCH_OBJECT, UNKNOWN_SERVER, PassingError, changed
from .object_sources import Version
from .web_connections import Connections, Exchange, basic

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
        self._own = {**basic(urlsplit(self._url), "Authorization"), **(headers or {})}
        self._connections = Connections()

    def begin(self, n: int) -> tuple[bytes, Version]:
        exchange = self._ask({"Range": f"bytes=0-{n - 1}"})
        answer = exchange.answer
        if answer.status == 416 and answer.headers.get("Content-Range", "").endswith("*/0"):
            exchange.end()
            return b"", _version(answer, 0)
        version, start, size = self._compared(exchange)
        data = bytearray(min(n, version.size))
        self._take(exchange, (start, size), (0, len(data)), [memoryview(data)])
        return bytes(data), version

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version:
        n = sum(map(len, views))
        headers = {"Range": f"bytes={offset}-{offset + n - 1}"}
        if expected.etag is not None and not expected.etag.startswith("W/"):  # RFC 9110: those never match
            headers["If-Match"] = expected.etag
        exchange = self._ask(headers)
        version, start, size = self._compared(exchange)
        if not self.is_same(version, expected):
            exchange.end()
            raise changed(self.name)
        self._take(exchange, (start, size), (offset, n), views)
        return version

    def is_same(self, found: Version, expected: Version) -> bool:
        """Whether an answer speaks of the object that was opened."""
        return found == expected

    def look(self) -> Version | None:
        return None

    def close(self) -> None:
        self._connections.close()

    def told(self, headers: http.client.HTTPMessage) -> None:
        """Told of the headers of each answer."""

    def _ask(self, headers: Mapping[str, str]) -> Exchange:
        """The answer, wherever it comes from: 206, 200 or 416. Raises OSError for what any other means."""
        address = first = self._address
        for _ in range(_MOST_MOVES + 1):
            is_own = address.startswith(f"{'/'.join(self._url.split('/')[:3])}/")
            try:
                exchange = self._connections.ask(address, {**headers, **self._own} if is_own else headers)
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error) from None
            answer = exchange.answer
            self.told(answer.headers)
            if answer.status in (200, 206, 416):
                self._address = address
                return exchange
            exchange.end()
            if answer.status in _MOVED and (location := answer.headers.get("Location")):
                address = quote(urljoin(address, location), safe=_AS_IT_IS)
            elif answer.status in (401, 403) and first != self._url:  # the address has expired
                address = first = self._url
            else:
                raise self._refusal(answer.status)
        raise OSError(errno.ELOOP, "the server sends one from address to address", self.name)

    def _compared(self, exchange: Exchange) -> tuple[Version, int, int]:
        """What an answer says of the file, and which of its bytes come, as (offset, bytes)."""
        answer = exchange.answer
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == 206 and found is not None and not answer.headers.get("Content-Encoding"):
            start, last, size = map(int, found.groups())
            return _version(answer, size), start, last + 1 - start
        exchange.end()
        if answer.status == 200:
            raise OSError(errno.ENOTSUP, NO_RANGES, self.name)
        raise OSError(errno.EIO, "the server does not say which part of the file it has sent", self.name)

    def _take(
        self, exchange: Exchange, sent: tuple[int, int], wanted: tuple[int, int], views: Sequence[memoryview]
    ) -> None:
        answer = exchange.answer
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
        except PassingError:
            exchange.end()
            raise
        except (OSError, http.client.HTTPException) as error:
            exchange.end()
            raise self._broken(error) from None
        self._connections.give_back(exchange)

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
            return OSError(errno.EHOSTUNREACH, UNKNOWN_SERVER, self.name)
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
