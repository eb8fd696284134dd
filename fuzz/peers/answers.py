"""What a reader answers to some bytes, and in what two answers differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

from conformance.clients import in_process
from reference.containers.flax_file import FLAX
from reference.containers.registry import CONTAINERS
from reference.containers.stream import STREAM
from reference.format.errors import FormatError
from reference.format.keypaths import display
from reference.format.leaves import read_value
from reference.format.records import Record
from reference.format.wire import BytesSource, Source

from .sealer import FOOTER, MARK, SIGNATURE

_COMPARED: Final = ("kind", "dtype", "shape", "value", "bytes", "display", "sha256")
Records = dict[tuple[str, ...], dict[str, Any]]


class Answer(NamedTuple):
    """The records of accepted bytes, as CLIENT.md describes them; None where they are refused, and then why.

    `in_seal` says whether what is refused is the seal, though a clause for records is named (INDEX-6).
    """

    records: Records | None
    why: str = ""
    clause: str | None = None
    in_seal: bool = False


class Peer(Protocol):
    """A reader of streams, up to a version of the specification, and of flax files.

    `decode` raises Broken where it neither accepts nor refuses.
    """

    name: str
    version: str

    def decode(self, data: bytes, flax: bool = False) -> Answer: ...


class Reference:
    """The reference, in this process."""

    name = "reference"
    version = "2.0"

    def decode(self, data: bytes, flax: bool = False) -> Answer:
        try:
            contents = CONTAINERS[FLAX if flax else STREAM].read(BytesSource(data))
            source = contents.checked or BytesSource(data)
            described = [_described(source, record) for record in contents.records]
        except FormatError as error:
            return Answer(None, str(error), error.clause, _is_in_seal(data, error.offset))
        return Answer(by_path(described))


def _is_in_seal(data: bytes, offset: int | None) -> bool:
    if offset is None or not data.startswith(MARK) or not data.endswith(SIGNATURE):
        return False
    return offset >= int.from_bytes(data[-FOOTER:][:8], "big")


def _described(source: Source, record: Record) -> dict[str, Any]:
    value = read_value(source, record.leaf_offset, record.leaf)
    told = in_process.protocol.record_of(record.path, value) | {"display": display(record.path)}
    if record.kind in ("str", "bin"):
        told.pop("value", None)
    if record.dtype is not None:
        # DTYPE-4, DTYPE-5: bits without a meaning may stand as they are, or be cleared, as the value here has them.
        told["settled"] = told["sha256"]
        payload = b"".join(source.read_at(at, n) for at, n in record.extents())
        told["sha256"] = hashlib.sha256(payload).hexdigest()
    return told


def by_path(records: Iterable[dict[str, Any]]) -> Records:
    return {tuple(record["path"]): record for record in records}


def difference(wanted: Records, found: Records) -> str | None:
    """The first leaf in which two sets of records differ, told; None where they are the same."""
    for path in {**wanted, **found}:
        if path not in found or path not in wanted:
            return f"{path} is {'missing' if path not in found else 'one too many'}"
        a, b = wanted[path], found[path]
        for member in _COMPARED:
            if member not in a or member not in b or a[member] == b[member]:
                continue
            if member == "sha256" and b[member] == a.get("settled"):
                continue
            return f"{path}: {member} is {b[member]!r:.200}; expected {a[member]!r:.200}"
    return None
