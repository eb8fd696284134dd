"""Clients built from a text and run for many inputs: a process for each, or where starting one takes long a server."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from ..clients import rust_program

_SECONDS: Final = 3  # of processor time for one input; of a server by the clock
_PATIENCE: Final = 20
_SPACE: Final = 1 << 31  # bytes of address space
_PRINTED: Final = 64 << 20
PIPED: Final = 1 << 19  # bytes, which a pipe takes at once; seals beyond the buffers of the clients are as long
# The portable SHA-256 and CRC-32C are what is looked at: the others are for processors that not every machine has.
_PORTABLE: Final = {
    "#define HAVE_SHA_NI 1\n": "\n",
    "#define HAVE_CRC32 1\n": "\n",
    'target_arch = "x86_64"': 'target_arch = "none"',
}
_HANGS: Final = -signal.SIGXCPU


class NoProgram(Exception):
    """The compiler does not take the text."""


class Answer(NamedTuple):
    """What came of a run."""

    status: int
    output: bytes
    errors: bytes


class Running(Protocol):
    """A client that can be asked, until the block ends."""

    def __enter__(self) -> Running: ...

    def __exit__(self, *_: Any) -> None: ...

    def answer(self, part: str, file: Path, piped: bool) -> Answer:
        """What the client does in a part: a decoder with the path of the file, an encoder with it on standard input;
        `piped` a decoder that gets what is in the file, at most PIPED bytes, through a pipe."""
        ...


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Compiled:
    """A client in C or Rust: a process for each input."""

    def __init__(self, texts: dict[str, str], folder: Path) -> None:
        for name, text in texts.items():
            for there, instead in _PORTABLE.items():
                text = text.replace(there, instead)
            _put(folder / name, text)
        self._folder, self._program = folder, folder / "client"
        try:
            self._build(folder / next(iter(texts)))  # the first file names the others
        except subprocess.CalledProcessError:
            shutil.rmtree(folder)
            raise NoProgram from None
        self._files = [os.memfd_create(name) for name in ("output", "errors")]

    def _build(self, source: Path) -> None:
        """Raises: subprocess.CalledProcessError."""
        if source.suffix == ".rs":
            options = ("--allow=warnings", "-Coverflow-checks=off", "-Cdebuginfo=0")
            rust_program.build(self._program, *options, crate=self._folder / "rust")
        else:
            command = ["cc", "-std=c11", "-O0", "-w", "-o", self._program, source]
            subprocess.run(command, capture_output=True, cwd=self._folder, check=True)

    def __enter__(self) -> Compiled:
        return self

    def __exit__(self, *_: Any) -> None:
        for fd in self._files:
            os.close(fd)
        shutil.rmtree(self._folder)

    def answer(self, part: str, file: Path, piped: bool) -> Answer:
        for fd in self._files:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
        given = part.endswith("encode") or piped
        stdin = _pipe(file) if piped else os.open(file if given else os.devnull, os.O_RDONLY)
        actions = [(os.POSIX_SPAWN_DUP2, fd, to) for to, fd in enumerate((stdin, *self._files))]
        words = ["client", part, *([] if given else [str(file)])]
        try:
            pid = os.posix_spawn(self._program, words, {}, file_actions=actions)
        finally:
            os.close(stdin)
        with contextlib.suppress(ProcessLookupError):  # it has ended before
            for what, limit in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_AS, _SPACE)):
                resource.prlimit(pid, what, (limit, limit))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_PRINTED, _PRINTED))
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output, errors = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in self._files)
        return Answer(status, output, errors)


def _pipe(file: Path) -> int:
    """The end of a pipe from which one reads what is in a file."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPED)
    with open(writing, "wb") as pipe:
        pipe.write(file.read_bytes())
    return reading


class Served:
    """The client in JavaScript: one process, which imports it anew for each input."""

    def __init__(self, texts: dict[str, str], folder: Path) -> None:
        for name, text in texts.items():
            _put(folder / name, text)
        self._folder = folder
        command = ["node", "--max-old-space-size=1024", Path(__file__).with_name("serve.mjs"), folder / "client.mjs"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        shutil.rmtree(self._folder)

    def answer(self, part: str, file: Path, piped: bool) -> Answer:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"part": part, "path": str(file), "piped": piped}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return Answer(-signal.SIGABRT, b"", b"")
        if not select.select([self._process.stdout], [], [], _PATIENCE)[0]:
            return Answer(_HANGS, b"", b"")
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return Answer(-signal.SIGABRT, b"", b"")
        told = json.loads(line)
        return Answer(told["status"], told["output"].encode("latin-1"), told["errors"].encode("latin-1"))


class Builder(NamedTuple):
    """How a client is made to run, and the tool that this takes."""

    kind: type[Compiled] | type[Served]
    tool: str

    def __call__(self, texts: dict[str, str], folder: Path) -> Running:
        return self.kind(texts, folder)

    def missing(self) -> str | None:
        return None if shutil.which(self.tool) else self.tool


BUILDERS: Final = {
    "c": Builder(Compiled, "cc"),
    "javascript": Builder(Served, "node"),
    "rust": Builder(Compiled, "rustc"),
}
