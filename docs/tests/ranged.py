"""A server as a careful host sets it up: it answers ranges and allows no script that is not a file of its own."""

import contextlib
import functools
import http.server
import re
import threading
from pathlib import Path

POLICY = "default-src 'self'; img-src 'self' data:"  # the theme's icons are in its style sheet


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def translate_path(self, path):
        """Addresses below `/made/` are files that the tests make."""
        made = Path(path).relative_to("/made") if path.startswith("/made/") else None
        return str(self.server.made / made) if made else super().translate_path(path)

    def do_GET(self):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        file = Path(self.translate_path(self.path))
        if not wanted or not file.is_file():
            super().do_GET()
            return
        start, last, size = int(wanted[1]), int(wanted[2]), file.stat().st_size
        if start >= size:
            self.send_error(416)
            return
        with file.open("rb") as opened:
            opened.seek(start)
            data = opened.read(last + 1 - start)
        self.server.sent += len(data)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{size}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    """`made` is a folder for files of tests, and `sent` the bytes of all ranges."""

    def __init__(self, site, made):
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=site))
        self.made, self.sent = made, 0
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        """A browser that closes a page hangs up on what it still loads."""


@contextlib.contextmanager
def serving(site, made):
    with Server(site, made) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
