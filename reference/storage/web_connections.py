"""Connections to web servers, kept for the next request: by any thread, through proxies, with certificates checked."""

from __future__ import annotations

import base64
import functools
import http.client
import os
import ssl
import urllib.request
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

_TIMEOUT: Final = 60.0  # seconds without a byte


class Exchange(NamedTuple):
    """An answer that has begun, and the connection on which it comes. It is ended or given back to `Connections`."""

    server: str
    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse

    def end(self) -> None:
        """Close both: of a server that keeps no connection (HTTP/1.0) the answer alone has the socket."""
        self.answer.close()
        self.connection.close()


class Connections:
    """Those of one file, to its server and to others that this one sends us to."""

    def __init__(self) -> None:
        self._idle: deque[tuple[str, http.client.HTTPConnection]] = deque()  # by the server to which they go
        self._proxies: dict[tuple[str, str], Any] = {}  # by server; to ask the environment takes over a millisecond
        self._process, self._closed = os.getpid(), False

    def ask(self, address: str, headers: Mapping[str, str]) -> Exchange:
        """Send a GET. Raises OSError and HTTPException for what goes wrong on the way."""
        parts = urlsplit(address)
        server, netloc = f"{parts.scheme}://{parts.netloc}", parts.netloc.rpartition("@")[2]
        sent = {"Accept-Encoding": "identity", "User-Agent": "streamckpt", **headers}
        via = self._proxy(parts.scheme, netloc)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        if via is not None and parts.scheme == "http":
            target, sent = f"http://{netloc}{target}", sent | basic(via, "Proxy-Authorization")
        while True:
            kept = self._kept(server)
            connection = kept or _connection(parts.scheme, netloc, via)
            try:
                connection.request("GET", target, headers=sent)
                return Exchange(server, connection, connection.getresponse())
            except (OSError, http.client.HTTPException):
                connection.close()
                if kept is None:  # else the server has closed what was idle
                    raise

    def give_back(self, exchange: Exchange) -> None:
        """Keep the connection of an answer that was read to its end, where the server keeps it, too."""
        answer = exchange.answer
        if not answer.isclosed() or answer.will_close or self._closed:
            return exchange.end()
        self._idle.append((exchange.server, exchange.connection))
        if self._closed:  # in between, by another thread
            self.close()
        return None

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop()[1].close()

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
        while self._idle:
            there, connection = self._idle.pop()
            if there == server:
                return connection
            connection.close()
        return None


def basic(parts: Any, header: str) -> dict[str, str]:
    """The header for the user and password in a parsed URL, if there are any."""
    user = unquote(parts.netloc.rpartition("@")[0])
    return {header: f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}


def _connection(scheme: str, netloc: str, via: Any) -> http.client.HTTPConnection:
    """A connection to a server, through a proxy where one is given."""
    goes_to = netloc if via is None else via.netloc.rpartition("@")[2]
    if scheme == "http":
        return http.client.HTTPConnection(goes_to, timeout=_TIMEOUT)
    if scheme != "https":
        raise http.client.UnknownProtocol(scheme)
    certificates = _certificates(os.environ.get("SSL_CERT_FILE"))
    connection = http.client.HTTPSConnection(goes_to, timeout=_TIMEOUT, context=certificates)
    if via is not None:
        connection.set_tunnel(netloc, headers=basic(via, "Proxy-Authorization"))
    return connection


@functools.lru_cache(4)
def _certificates(file: str | None) -> ssl.SSLContext:
    """Those of the system, or of the file that SSL_CERT_FILE names; to read them takes 20 ms."""
    return ssl.create_default_context()
