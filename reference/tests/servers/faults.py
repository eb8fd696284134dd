"""A proxy that does wrong when it is told to: any request may be refused, cut, answered with something else, or kept.

A fault is a function of what was asked for and of how to ask the server for it; it gives an answer, or None to close
the connection without one. Nothing here waits: a server that never answers is, to a client, one that closes.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import itertools
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit


class Asked(NamedTuple):
    """A request; `number` counts from 1 for each proxy, or from when it was told to `begin` anew."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def what(self) -> str:
        """Which step of reading or writing it is, as far as its URL says."""
        query = urlsplit(self.path).query
        if "uploads" in query:
            return "begin"
        if self.method == "PUT" and re.search("partNumber|comp=block&", query):
            return "part"
        if "uploadId" in query or "comp=blocklist" in query:
            return "abort" if self.method == "DELETE" else "complete"
        return {"PUT": "put", "HEAD": "look", "GET": "read"}.get(self.method, self.method)


class Answer(NamedTuple):
    """What is sent back: `cut` bytes of the body alone, where it is given, and `piece` bytes at a time."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: int | None = None
    piece: int = 1 << 20

    def changed(self, **headers: str) -> Answer:
        """With other headers; underscores stand for hyphens."""
        new = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return self._replace(headers={k: v for k, v in self.headers.items() if k.lower() not in new} | new)


Ask = Callable[[Asked], Answer]
Fault = Callable[[Asked, Ask], "Answer | None"]


# --- faults -------------------------------------------------------------------------------------------------


def refused(status: int = 503, code: str = "SlowDown") -> Fault:
    """The proxy answers by itself, with an error in the form that S3 gives."""
    body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
    return lambda asked, ask: Answer(status, {"content-type": "application/xml"}, body)


def cut(asked: Asked, ask: Ask) -> None:
    """The connection is closed, and the server does not hear of it."""


def lost(asked: Asked, ask: Ask) -> None:
    """The server does what it is asked for, and its answer is lost."""
    ask(asked)


def kept(gate: threading.Event, reached: threading.Event) -> Fault:
    """No answer comes before the gate is open. `reached` is set as the first of these requests comes."""

    def wait(asked: Asked, ask: Ask) -> Answer:
        reached.set()
        gate.wait()
        return ask(asked)

    return wait


def truncated(asked: Asked, ask: Ask) -> Answer:
    """Half of the body comes, and then the connection is closed."""
    answer = ask(asked)
    return answer._replace(cut=len(answer.body) // 2)


def shortened(asked: Asked, ask: Ask) -> Answer:
    """A body that lacks its last byte, as a whole: no header says that there was one more."""
    answer = ask(asked)
    return answer._replace(body=answer.body[:-1])


def whole(asked: Asked, ask: Ask) -> Answer:
    """The whole object with status 200, whichever part of it was asked for."""
    return ask(asked._replace(headers={k: v for k, v in asked.headers.items() if k.lower() != "range"}))


def shifted(asked: Asked, ask: Ask) -> Answer:
    """The bytes one further on, and a header that says so."""
    headers = dict(asked.headers)
    for name in headers:
        if name.lower() == "range" and (found := re.fullmatch(r"bytes=(\d+)-(\d+)", headers[name])):
            headers[name] = f"bytes={int(found[1]) + 1}-{int(found[2]) + 1}"
    return ask(asked._replace(headers=headers))


def mistaken(asked: Asked, ask: Ask) -> Answer:
    """The bytes one further on, and headers that say that they are those that were asked for."""
    answer, other = ask(asked), shifted(asked, ask)
    return answer._replace(body=(other.body + answer.body)[: len(answer.body)])


def stale(asked: Asked, ask: Ask) -> Answer:
    """An answer of another object, as far as its ETag says."""
    return ask(asked).changed(ETag='"0123456789abcdef0123456789abcdef"')


def dribbled(asked: Asked, ask: Ask) -> Answer:
    """The body comes in many small pieces."""
    answer = ask(asked)
    return answer._replace(piece=max(1, len(answer.body) // 64))


# --- when ---------------------------------------------------------------------------------------------------


def once(number: int, fault: Fault) -> Fault:
    """Of the n-th request alone."""
    return lambda asked, ask: fault(asked, ask) if asked.number == number else ask(asked)


def since(number: int, fault: Fault) -> Fault:
    """Of the n-th request and of all after it."""
    return lambda asked, ask: fault(asked, ask) if asked.number >= number else ask(asked)


def none(asked: Asked, ask: Ask) -> Answer:
    return ask(asked)


def of(what: str, fault: Fault, others: Fault = none) -> Fault:
    """Of each request that is such a step (see `Asked.what`); `others` is what happens to the others."""
    return lambda asked, ask: (fault if asked.what() == what else others)(asked, ask)


# --- the proxy ----------------------------------------------------------------------------------------------


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is none; what else goes wrong is told as ever."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """What stands before a server: `fault` is what it does, and `asked` says what it was asked for."""

    def __init__(self, upstream: str, translated: Callable[[Ask], Ask] = lambda ask: ask) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._ask = translated(self._forward)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.begin()

    def begin(self, fault: Fault = none) -> None:
        """Count from 1 again, and do this from now on."""
        self.fault, self.asked, self._numbers = fault, list[Asked](), itertools.count(1)

    def steps(self) -> list[str]:
        """What was asked for since then."""
        return [asked.what() for asked in self.asked]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        asked = Asked(next(self._numbers), method, path, headers, body)
        self.asked.append(asked._replace(body=b""))
        return self.fault(asked, self._ask)

    def _forward(self, asked: Asked) -> Answer:
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=600)) as connection:
            connection.putrequest(asked.method, asked.path, skip_host=True, skip_accept_encoding=True)
            for name, value in asked.headers.items():
                if name.lower() not in ("connection", "content-length"):
                    connection.putheader(name, value)
            if asked.body or asked.method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(asked.body)))
            connection.endheaders(asked.body or None)
            with contextlib.closing(connection.getresponse()) as answer:
                return Answer(answer.status, dict(answer.getheaders()), answer.read())

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = proxy.answer(self.command, self.path, dict(self.headers.items()), body)
                if answer is None:
                    self.close_connection = True
                    return
                with contextlib.suppress(ConnectionError):
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                lengths = [value for name, value in answer.headers.items() if name.lower() == "content-length"]
                for name, value in answer.headers.items():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                length = lengths[0] if self.command == "HEAD" and lengths else str(len(answer.body))
                if answer.status != 204:
                    self.send_header("Content-Length", length)
                self.end_headers()
                body = memoryview(answer.body)[: answer.cut]
                for at in range(0, len(body) if self.command != "HEAD" else 0, answer.piece):
                    self.wfile.write(body[at : at + answer.piece])
                self.close_connection = self.close_connection or answer.cut is not None

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Proxy:
        # Looked at every half a second, unless told otherwise, is whether it is to end.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    with Proxy(upstream) as proxy:
        yield proxy
