"""Invariant: any cut of any accepted file is refused, or is that of a plain stream between two records."""

from __future__ import annotations

import random
import zlib
from typing import Final

from fuzz.files import records_of
from fuzz.findings import Broken
from fuzz.peers.sealer import MARK
from reference.containers.registry import CONTAINERS
from reference.containers.stream import STREAM
from reference.format.errors import FormatError
from reference.format.manifests import read_delta
from reference.format.records import Record
from reference.format.wire import BytesSource

KIND = "any"
_ALL: Final = 200  # bytes up to which every cut is tried
_SOME: Final = 60  # cuts that are tried of a longer file


def check(data: bytes) -> None:
    for kind in CONTAINERS:
        if (records := records_of(data, kind)) is not None:
            for cut in _cuts(data, records):
                _check_cut(data, kind, records, cut)
    if _is_delta(data):
        for cut in _cuts(data, []):
            if _is_delta(data[:cut]):
                raise Broken(f"a delta that is cut off after {cut} bytes is accepted")


def _check_cut(data: bytes, kind: str, records: list[Record], cut: int) -> None:
    found = records_of(data[:cut], kind)
    if kind == STREAM and not data.startswith(MARK) and cut and cut in {record.end for record in records}:
        if found is None or _exactly(found) != _exactly([record for record in records if record.end <= cut]):
            raise Broken(f"the records before byte {cut}, where one ends, are not read: {found}")
    elif found is not None:
        raise Broken(f"a {kind} that is cut off after {cut} of {len(data)} bytes is accepted")


def _exactly(records: list[Record]) -> str:
    """All that records say; equal floats of other bits, and NaNs, are told apart."""
    return repr(list(map(tuple, records)))


def _cuts(data: bytes, records: list[Record]) -> list[int]:
    if len(data) <= _ALL:
        return list(range(len(data)))
    rng = random.Random(zlib.crc32(data))
    ends = {record.end for record in records} - {len(data)}
    return sorted({0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(_SOME)), *ends})


def _is_delta(data: bytes) -> bool:
    try:
        read_delta(BytesSource(data))
    except FormatError:
        return False
    return True
