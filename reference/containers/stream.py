"""The stream (spec chapter 06) as a container."""

from __future__ import annotations

from typing import Final

from ..format.streams import read_stream, stream_steps
from ..format.wire import Source
from .container import Container, Contents

STREAM: Final = "stream"


def _begins(head: bytes, size: int) -> bool:
    return head.startswith((b"\x92", b"\xdc\x00\x02", b"\xdd\x00\x00\x00\x02"))  # REC-1, in every width of the header


def _read(source: Source) -> Contents:
    return Contents(read_stream(source))


CONTAINER: Final = Container(
    STREAM, "use params::, trainstate:: or trainstate_params::", "REC-1", _begins, _read, stream_steps
)
