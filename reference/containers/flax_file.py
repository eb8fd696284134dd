"""The standard flax file (spec chapter 08) as a container."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from ..format.errors import FormatError
from ..format.flax_msgpack import flax_steps, read_flax
from ..format.records import Record
from ..format.wire import Source
from .container import Container, Contents, Departure
from .foreign import is_no_map
from .placeholders import refuse_placeholders

FLAX: Final = "standard flax file"
INT_KEYS: Final = "int-keys"  # a dialect
STRICT: Final = "strict"  # another: what the specification refuses is refused


def _begins(head: bytes, size: int) -> bool:
    if not head or is_no_map(head, size):
        return False
    return head[0] & 0xF0 == 0x80 or head[0] in (0xDE, 0xDF)  # FLAX-1: one map


def read(source: Source) -> Contents:
    return Contents(_read(source))


def read_with_int_keys(source: Source) -> Contents:
    """A flax file whose keys may be ints, as flax's `msgpack_serialize` writes them. Raises FormatError."""
    return Contents(_read(source, lambda refusal: None))


def read_as_people_do(source: Source) -> Contents:
    """The same, in which the ints are a departure. Raises FormatError."""
    ints: list[FormatError] = []
    return Contents(_read(source, ints.append), departure=departure(ints))


def _read(source: Source, int_key: Callable[[FormatError], None] | None = None) -> list[Record]:
    """`read_flax`, which refuses lists; where they stand in placeholders, as those of t5x do, these are the refusal."""
    try:
        return read_flax(source, int_key=int_key)
    except FormatError as error:
        if error.clause != "FLAX-4":
            raise
        records: list[Record] = []
        with contextlib.suppress(FormatError):
            read_flax(source, records, lambda refusal: None, lambda *skipped: None)
        refuse_placeholders(source, records, getattr(source, "name", ""))
        raise


def departure(ints: Sequence[FormatError]) -> Departure | None:
    """What is told of keys that are ints, given what each is refused by."""
    return Departure(ints[0], len(ints)) if ints else None


CONTAINER: Final = Container(FLAX, "use flax::", "FLAX-1", _begins, read, flax_steps)
