"""The standard flax file (spec chapter 08) as a container."""

from __future__ import annotations

from typing import Final

from ..format.flax_msgpack import flax_steps, read_flax
from ..format.wire import Source
from .container import Container, Contents
from .foreign import is_no_map

FLAX: Final = "standard flax file"
INT_KEYS: Final = "int-keys"  # a dialect


def _begins(head: bytes, size: int) -> bool:
    if not head or is_no_map(head, size):
        return False
    return head[0] & 0xF0 == 0x80 or head[0] in (0xDE, 0xDF)  # FLAX-1: one map


def _read(source: Source) -> Contents:
    return Contents(read_flax(source))


def read_with_int_keys(source: Source) -> Contents:
    """A flax file whose keys may be ints, as flax's `msgpack_serialize` writes them. Raises FormatError."""
    return Contents(read_flax(source, int_keys=True))


CONTAINER: Final = Container(FLAX, "use flax::", "FLAX-1", _begins, _read, flax_steps)
