"""Programs that serve on loopback, started and stopped with a block."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest


def needed(name: str, program: str | None, how: str) -> str:
    """The program, or a skipped test that says how to get it."""
    if program is None:
        pytest.skip(f"{name} is not installed: {how}")
    return program


@contextlib.contextmanager
def running(command: Sequence[str], says: str, environment: Mapping[str, str] | None = None) -> Iterator[re.Match[str]]:
    """A program that runs until the block ends, once it has printed what the pattern finds; gives what was found."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | (environment or {}),
    )
    assert process.stdout is not None
    try:
        printed: list[str] = []
        for line in process.stdout:
            printed.append(line)
            if found := re.search(says, line):
                break
        else:
            raise AssertionError(f"{command[0]} ended before it served: {''.join(printed)}")
        rest = threading.Thread(target=process.stdout.read, daemon=True)  # a full pipe would stop it
        rest.start()
        yield found
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        rest_of = locals().get("rest")
        if rest_of is not None:
            rest_of.join(20)
        process.stdout.close()


def free_port() -> int:
    """A port of loopback that nothing listens on, for programs that cannot choose one themselves."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int) -> None:
    """Wait until something listens on a port of loopback; whoever starts it fails where it never does."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
