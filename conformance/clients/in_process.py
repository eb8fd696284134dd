"""The clients in Python as callables, for tests and tables: hundreds of cases without hundreds of programs to start."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..callables import Rejected

sys.path.insert(0, str(Path(__file__).parent))

import loop_client
import page
import page_client
import protocol
import reference_client


class Output:
    """A sink in memory, which also stands for standard output."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.write = self.buffer.write

    def copy_from(self, source: Any, offset: int, n: int) -> None:
        self.write(source.read_at(offset, n))


def rejecting(call: Callable[[], Any]) -> Any:
    """What a part of the reference client gives, its rejections as those of the suite."""
    try:
        return call()
    except protocol.Rejected as error:
        offset = error.told.get("offset")
        clause = error.told.get("clause")
        raise Rejected(error.told["rejected"], clause, None if offset is None else int(offset)) from None


def _told(part: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda given: rejecting(lambda: reference_client.telling(part)(given))


def _encoded(asked: dict[str, Any], flax: bool) -> bytes:
    sink = Output()
    reference_client.encode(asked, sink, flax)
    return sink.buffer.getvalue()


def _looped(part: Callable[..., None], *options: str) -> Callable[[dict[str, Any]], bytes]:
    """A writer of the loop client; where it has written before it fails, the failure is not a rejection."""

    def call(asked: dict[str, Any]) -> bytes:
        output, before = Output(), (sys.stdin, sys.stdout)
        given = io.TextIOWrapper(io.BytesIO(json.dumps(asked).encode()))
        sys.stdin, sys.stdout = given, output  # pyright: ignore[reportAttributeAccessIssue]
        try:
            part(*options)
        except Exception as error:
            if output.buffer.tell():
                raise RuntimeError("written, and then rejected") from error
            raise
        finally:
            sys.stdin, sys.stdout = before
        return output.buffer.getvalue()

    return call


REFERENCE = {
    "decode": _told(lambda path: reference_client.decode(str(path))),
    "encode": _told(lambda asked: _encoded(asked, False)),
    "flax-decode": _told(lambda path: reference_client.decode(f"flax::{path}")),
    "flax-encode": _told(lambda asked: _encoded(asked, True)),
}
PAGE = {
    "decode": lambda path: page_client.decode(str(path)),
    "flax-decode": lambda path: page_client.flax_decode(str(path)),
}
LOOP = {
    "decode": lambda path: loop_client.decode(str(path)),
    "encode": _looped(loop_client.encode),
    "flax-decode": lambda path: loop_client.flax_decode(str(path)),
    "flax-encode": _looped(loop_client.flax_encode),
}
JAXSEQ = {"encode": _looped(loop_client.encode, "--jaxseq")}
PAGE_REJECTS = page.Refused
LOOP_REJECTS = (*loop_client.REJECTS, protocol.Rejected)
