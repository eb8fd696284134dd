"""The bash and the Python that a guide is run by: each takes one piece of text after the other and keeps its state."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from .page import ROOT, GuideError

TIMEOUT: Final = 1800.0  # seconds for one command: a net for what hangs, and no demand
_INTERPRETER: Final = Path(__file__).with_name("interpreter.py")


class Outcome(NamedTuple):
    """What a command wrote, to either stream, and its exit status."""

    output: str
    status: int


def environment(folder: Path) -> dict[str, str]:
    """That of a reader who has installed the project: `python` is this one, and nothing else is set."""
    programs = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    return {
        "PATH": programs,
        "PYTHONPATH": str(ROOT),  # the files of this checkout, installed or not
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "80",
    }


class Session:
    """A program that runs texts, and says after each that it is done. Use it in a `with` block."""

    def __init__(self, words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.mark = f"done-{uuid.uuid4().hex}"
        self.process = subprocess.Popen(
            [*words, self.mark],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # and what it has left running
        self.process.communicate()

    def request(self, text: str) -> bytes:
        raise NotImplementedError

    def run(self, text: str, timeout: float = TIMEOUT) -> Outcome:
        """Raises GuideError where it takes too long, or ends the session."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(self.request(text))
        self.process.stdin.flush()
        end = time.monotonic() + timeout
        heard = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise GuideError(f"it took more than {timeout:.0f} s:\n{text}\n{heard.decode(errors='replace')}")
                piece = os.read(self.process.stdout.fileno(), 1 << 16)
                heard += piece
                output, mark, rest = heard.partition(f"\n{self.mark} ".encode())
                if mark and rest.endswith(b"\n"):
                    return Outcome(output.decode(errors="backslashreplace"), int(rest))
                if not piece:
                    raise GuideError(f"this has ended the session:\n{text}\n{heard.decode(errors='replace')}")


class Shell(Session):
    """One bash for a whole guide, as a reader has one terminal: `cd`, `export` and `$?` work."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        super().__init__(["bash", "--noprofile", "--norc", "-s"], folder, variables)

    def request(self, text: str) -> bytes:
        # The subshell puts the status back, for a command that asks for it.
        told = f"status=$?; printf '\\n%s %d\\n' {self.mark} $status; (exit $status)"
        return f"{{ {text}\n}} </dev/null\n{told}\n".encode()


class Interpreter(Session):
    """One Python for a whole guide: names stay from block to block."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        super().__init__([sys.executable, "-u", str(_INTERPRETER)], folder, variables)

    def request(self, text: str) -> bytes:
        data = text.encode()
        return f"{len(data)}\n".encode() + data
