"""The clients in C, JavaScript and Rust: bytes go in, what the client prints and its exit status come out.

The first two are kept running; that in Rust is started for each input.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

from conformance.clients import rust_program

from ..findings import ROOT, Broken
from ..scratch import CACHE
from .answers import Answer, by_path

CLIENTS: Final = ROOT / "conformance" / "clients"
C_CLIENT: Final = (CLIENTS / "client.c", *sorted((CLIENTS / "c").glob("*.h")))
BUILD: Final = CACHE / "build"
_HERE: Final = Path(__file__).parent
_SANITIZERS: Final = "-fsanitize=address,undefined"
_STRICT: Final = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
}


class Program:
    """A client behind `serve.c` or `serve.mjs`. It runs until the pipe to it is closed, at the end of this process."""

    def __init__(self, name: str, command: list[str], version: str = "1.0") -> None:
        self.name, self.version = name, version
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | _STRICT)
        atexit.register(self._end)

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, part: bytes, data: bytes) -> tuple[int, bytes, bytes]:
        """The wait status, standard output and standard error for one input. `part` is a letter of serve.c."""
        process = self._process
        assert process.stdin is not None
        process.stdin.write(part + struct.pack("<I", len(data)) + data)
        process.stdin.flush()
        (status,) = struct.unpack("<i", self._read(4))
        return status, self._read_sized(), self._read_sized()

    def decode(self, data: bytes, flax: bool = False) -> Answer:
        status, printed, told = self.ask(b"D" if flax else b"d", data)
        return _answer(self.name, status, printed, told)

    def encode(self, asked: bytes, flax: bool = False) -> bytes | None:
        """The bytes for the JSON that an encoder gets, None where it is refused."""
        status, printed, told = self.ask(b"E" if flax else b"e", asked)
        if status == 0:
            return printed
        _rejection(self.name, status, told)
        return None

    def survive(self, part: bytes, data: bytes) -> None:
        """Give an encoder what may be no request; it may end as it likes, and not be ended by a signal."""
        status, _, told = self.ask(part, data)
        if os.WIFSIGNALED(status):
            raise Broken(f"the {self.name} client crashed (wait status {status}):\n{told.decode(errors='replace')}")

    def _read(self, n: int) -> bytes:
        process = self._process
        assert process.stdout is not None
        data = process.stdout.read(n)
        if len(data) != n:
            raise Broken(f"the {self.name} client has ended, with status {process.wait()}")
        return data

    def _read_sized(self) -> bytes:
        return self._read(struct.unpack("<I", self._read(4))[0])


class Started:
    """A client that is started anew for each input."""

    def __init__(self, name: str, command: list[str], version: str) -> None:
        self.name, self.version, self._command = name, version, command

    def decode(self, data: bytes, flax: bool = False) -> Answer:
        command = [*self._command, "flax-decode" if flax else "decode"]
        done = subprocess.run(command, input=data, capture_output=True)
        status = done.returncode << 8 if done.returncode >= 0 else -done.returncode
        return _answer(self.name, status, done.stdout, done.stderr)


def _answer(name: str, status: int, printed: bytes, told: bytes) -> Answer:
    if status == 0:
        return Answer(by_path(json.loads(printed)["records"]))
    return Answer(None, *_rejection(name, status, told))


def _rejection(name: str, status: int, told: bytes) -> tuple[str, str | None]:
    """Why an input is refused, and by which clause. Raises Broken for any other end of a client."""
    last = told.rstrip().rpartition(b"\n")[2]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1 and last.startswith(b'{"rejected"'):
        said = json.loads(last)
        return said["rejected"], said.get("clause")
    raise Broken(f"the {name} client crashed (wait status {status}):\n{told.decode(errors='replace')}")


def c_client(sanitized: bool = False, build: Path = BUILD) -> Program | None:
    """The client in C, built into a folder unless it is there; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    sources = [_HERE / "serve.c", *C_CLIENT]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    program = build / f"client-{digest}{'-sanitized' if sanitized else ''}"
    if not program.exists():
        build.mkdir(parents=True, exist_ok=True)
        flags = ["-std=gnu11", "-O1", "-g", f'-DCLIENT="{sources[1]}"', *([_SANITIZERS] if sanitized else [])]
        made = build / f"{program.name}.{os.getpid()}"
        subprocess.run([compiler, *flags, "-o", str(made), str(sources[0])], check=True)
        made.replace(program)
    return Program("C", [str(program)], version="2.0")


def javascript_client() -> Program | None:
    """The client in JavaScript, None without Node."""
    node = shutil.which("node")
    if node is None:
        return None
    return Program("JavaScript", [node, str(_HERE / "serve.mjs"), str(CLIENTS / "streamckpt/index.mjs")], version="2.0")


def rust_client(build: Path = BUILD) -> Started | None:
    """The client in Rust, built into a folder unless it is there; None without a compiler."""
    if shutil.which("rustc") is None:
        return None
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in rust_program.sources())).hexdigest()[:16]
    program = build / f"client-rust-{digest}"
    if not program.exists():
        build.mkdir(parents=True, exist_ok=True)
        made = build / f"{program.name}.{os.getpid()}"
        rust_program.build(made, "-O", "-Coverflow-checks=on")
        made.replace(program)
    return Started("Rust", [str(program)], version="2.0")
