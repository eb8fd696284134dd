"""What `demo.py` compares its results with: flax, safetensors and jax themselves, and the usual loop."""

from __future__ import annotations

import contextlib
import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flax.serialization
import jax.numpy as jnp
import msgpack
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict

import streamckpt as sc


def prove(source: Path, stream: Path, flax_file: Path, bf16: Path) -> None:
    """Compare every output with what the libraries themselves read from the source."""
    tensors = safetensors.numpy.load_file(source)
    restored = flax.serialization.msgpack_restore(flax_file.read_bytes())
    check("flax's own restore gives every tensor of the safetensors file, bit for bit", same(flat(restored), tensors))
    check("the usual loop (msgpack and flax) reads our stream, bit for bit", same(usual_loop(stream), tensors))
    cast = {name: to_bfloat16(tensor) for name, tensor in tensors.items()}
    check("the bfloat16 stream holds what jax's cast gives, bit for bit", same(usual_loop(bf16), cast))


def check(claim: str, holds: bool) -> None:
    print(f"  {'yes' if holds else 'NO '}  {claim}")
    if not holds:
        sys.exit(1)


def flat(tree: Any) -> dict[str, Any]:
    return {".".join(path): leaf for path, leaf in flatten_dict(tree).items()}


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(
        (found[name].dtype, found[name].shape, found[name].tobytes()) == (leaf.dtype, leaf.shape, leaf.tobytes())
        for name, leaf in wanted.items()
    )


def to_bfloat16(tensor: np.ndarray) -> np.ndarray:
    return np.asarray(jnp.asarray(tensor).astype(jnp.bfloat16)) if tensor.dtype == np.float32 else tensor


def usual_loop(path: Path) -> dict[str, Any]:
    """How existing code bases read a stream."""
    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
        return {".".join(key): flax.serialization.from_bytes(None, value) for key, value in unpacker}


def reads_alike(one: Path, other: Path) -> bool:
    """Whether the usual loop reads the same from both."""
    return same(usual_loop(one), usual_loop(other))


def cut_off(stream: Path) -> tuple[str, Path]:
    """Lose the last third of a file, as an interrupted copy does: what the usual loop makes of it, and its path."""
    cut = stream.with_name("cut-off.stream")
    data = stream.read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    return f"{len(usual_loop(cut))} of {len(usual_loop(stream))} tensors, and no error", cut


def flipped(sealed: Path, name: str) -> tuple[str, Path]:
    """Change one bit of a tensor, as a bad disk does: what the usual loop makes of the file, and its path."""
    path = sealed.with_name("flipped.stream")
    with sc.open(sealed) as checkpoint:
        at, _ = checkpoint.record(name).extents()[0]
    data = bytearray(sealed.read_bytes())
    data[at + 1000] ^= 1
    path.write_bytes(data)
    return f"{len(usual_loop(path))} of {len(usual_loop(sealed))} tensors, one of them wrong, and no error", path


def fetched(sealed: Path, name: str) -> str:
    """Read one tensor of a file that a web server has: how much was asked for."""
    with served(sealed) as (url, sent), sc.open(url) as checkpoint:
        tensor, wanted = checkpoint[name], sc.load(sealed)
        for part in name.split("/"):
            wanted = wanted[part]
        check(f"{name} is the same, bit for bit", tensor.tobytes() == wanted.tobytes())
        total, requests = sealed.stat().st_size, checkpoint.requests
    return f"       {tensor.nbytes:,} bytes of tensor: {sum(sent):,} of {total:,} bytes sent, in {requests} requests"


@contextlib.contextmanager
def served(file: Path) -> Iterator[tuple[str, list[int]]]:
    """A web server of this machine that has the file: its address, and how many bytes each answer had."""
    sent: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(200, b"", file.stat().st_size)

        def do_GET(self) -> None:
            size = file.stat().st_size
            wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "bytes=0-"))
            first, last = wanted.groups() if wanted else ("0", "")
            start = int(first) if first else max(0, size - int(last))
            stop = min(size, int(last) + 1) if first and last else size
            with file.open("rb") as opened:
                opened.seek(start)
                body = opened.read(stop - start)
            self._answer(206, body, len(body), f"bytes {start}-{stop - 1}/{size}")

        def _answer(self, status: int, body: bytes, length: int, content_range: str | None = None) -> None:
            self.send_response(status)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", '"1"')
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            self.wfile.write(body)
            sent.append(len(body))

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{file.name}", sent
        server.shutdown()
