"""Invariant: no input makes the C client crash, touch memory that is not its own, or do what C leaves undefined.

Under libFuzzer where there is clang; else the client is built with the sanitizers of the compiler, and inputs come from
the engine of the other targets. The first byte of an input is the part that the client plays.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from fuzz.bounds import Bounds
from fuzz.peers import libfuzzer
from fuzz.peers.libfuzzer import Report
from fuzz.peers.programs import Program, c_client

KIND = "client"
WEIGHT = 1.5
_PARTS: Final = b"dDeE"


@functools.cache
def _client() -> Program | None:
    return c_client(sanitized=True)


def missing() -> str | None:
    return None if libfuzzer.build() or _client() else "there is no C compiler"


def check(data: bytes) -> None:
    client = _client()
    if client is None or not data:
        return
    part = _PARTS[data[0] % 4 :][:1]
    if part.lower() == b"d":
        client.decode(data[1:], flax=part == b"D")
    else:
        client.survive(part, data[1:])


def drive(folder: Path, bounds: Bounds, seed: int, report: Report) -> int | None:
    """Use libFuzzer; None where it cannot be."""
    program = libfuzzer.build()
    return None if program is None else libfuzzer.run(program, folder, bounds, seed, report)
