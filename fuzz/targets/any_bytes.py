"""Invariant: any bytes are records, or one FormatError that names a clause and a place; and memory stays bounded.

The bytes are given to the readers of all four kinds of file, and the records that come back are read in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from unicodedata import category

from conformance.clauses import read_clauses
from fuzz.findings import Broken
from reference.containers.registry import CONTAINERS, read_contents
from reference.format.errors import FormatError
from reference.format.leaves import read_value
from reference.format.manifests import read_delta
from reference.format.records import Record
from reference.format.wire import BytesSource, Source

KIND = "any"
MEMORY = 96 << 20
_CLAUSES: Final = frozenset({**read_clauses("1.0"), **read_clauses("2.0")})
_LONGEST: Final = 2500  # characters of a message: a detail and a key path
_UNSEEN: Final = ("Cc", "Zl", "Zp", "Cs")  # controls, line separators, surrogates


def check(data: bytes) -> None:
    source = BytesSource(data)
    for kind in CONTAINERS:
        _read_or_refused(source, lambda source, kind=kind: read_contents(source, kind)[1].records)
    _read_or_refused(source, lambda source: read_contents(source, None)[1].records)
    _read_or_refused(source, lambda source: list(read_delta(source)[1].values()))


def _read_or_refused(source: BytesSource, read: Callable[[BytesSource], Iterable[Record]]) -> None:
    try:
        for record in read(source):
            check_record(source, record)
    except FormatError as error:
        check_error(error, source.size)


def check_record(source: Source, record: Record) -> None:
    """A record lies where it says, and its value has the size that it says."""
    extents = record.extents()
    if not 0 <= record.offset <= record.leaf_offset <= record.end <= source.size:
        raise Broken(f"{record} lies outside of the {source.size} bytes of the file")
    if any(at < record.leaf_offset or n < 0 or at + n > record.end for at, n in extents):
        raise Broken(f"the payload of {record} lies outside of it")
    if record.extents() and sum(n for _, n in extents) != record.nbytes:
        raise Broken(f"the payload of {record} has {extents}, and it says {record.nbytes} bytes")
    read_value(source, record.leaf_offset, record.leaf)


def check_error(error: FormatError, size: int) -> None:
    """An error names a clause that there is, and a byte that there is or the end."""
    if error.clause not in _CLAUSES:
        raise Broken(f"the specification has no clause {error.clause}: {error}") from error
    if error.offset is not None and not 0 <= error.offset <= size:
        raise Broken(f"byte {error.offset} of a file of {size} bytes: {error}") from error
    text = str(error)
    if len(text) > _LONGEST + 2 * len(str(error.path or "")) or any(category(char) in _UNSEEN for char in text):
        raise Broken(f"the message is not one readable line: {text[:300]!r}") from error
