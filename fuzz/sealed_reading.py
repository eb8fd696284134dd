"""Sealed streams as both sides read them: the reference, which compares everything, and msgpack and flax, nothing."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.containers.container import Contents
from reference.containers.registry import CONTAINERS
from reference.containers.stream import STREAM, read_with_seal
from reference.format.payloads import settle
from reference.format.wire import BytesSource, Source

from .equality import same
from .files import leaves_of
from .findings import Broken
from .peers import loop
from .peers.sealer import FOOTER, MARK, SIGNATURE, parts_of
from .scales import Scale

Leaves = dict[tuple[str, ...], Any]


def split(data: bytes) -> tuple[bytes, bytes | None]:
    """A stream, and the detached seal behind it, where it is a plain one that has one there."""
    if data.startswith(MARK) or not data.endswith(SIGNATURE) or len(data) < FOOTER:
        return data, None
    size = FOOTER + int.from_bytes(data[8 - FOOTER : 12 - FOOTER], "big")
    return (data[:-size], data[-size:]) if size <= len(data) else (data, None)


def opened(stream: bytes, seal: bytes | None = None) -> tuple[Contents, Source]:
    """What a file says before its payloads are read, and where these are read from. Raises FormatError."""
    source = BytesSource(stream)
    contents = CONTAINERS[STREAM].read(source) if seal is None else read_with_seal(source, BytesSource(seal))
    return contents, contents.checked or source


def all_of(stream: bytes, seal: bytes | None = None) -> Leaves:
    """The leaves of a file, all of which is compared with the seal; their bits as they stand. Raises FormatError."""
    contents, source = opened(stream, seal)
    return leaves_of(source, contents.records, as_they_stand=True)


def check_old_loader(data: bytes, leaves: Mapping[tuple[str, ...], Any], scale: Scale, what: str = "") -> None:
    """Refuse where the usual loop finds something else in bytes than these leaves, in parts where they are large.

    Bits without a meaning do not count: the loop has them as they stand.
    """
    parts = {key: settled(leaf) for path, whole in leaves.items() for key, leaf in parts_of(path, whole, scale)}
    try:
        found = {key: settled(leaf) for key, leaf in loop.flat(io.BytesIO(data)).items()}
    except Exception as error:
        raise Broken(f"{what}an old loader refuses it: {error!r}") from error
    if not same(found, parts):
        raise Broken(f"{what}an old loader reads {found!r:.1000}, and here is {parts!r:.1000}")


def settled(leaf: Any) -> Any:
    """A leaf without the bits that mean nothing: some ways to read clear them, others do not (DTYPE-4, DTYPE-5)."""
    if not isinstance(leaf, np.ndarray | np.generic):
        return leaf
    array = settle(np.array(leaf, order="C"))
    return array if isinstance(leaf, np.ndarray) else array[()]
