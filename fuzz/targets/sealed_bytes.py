"""Invariant: any bytes with a seal are leaves, or one FormatError that names clause and place; memory is bounded."""

from __future__ import annotations

from fuzz.findings import Broken
from fuzz.scales import SMALL, at_scale
from fuzz.sealed_reading import opened, split
from fuzz.targets.any_bytes import check_error, check_record
from reference.format.errors import FormatError

KIND = "sealed"
MEMORY = 96 << 20


def check(data: bytes) -> None:
    stream, seal = split(data)
    with at_scale(SMALL):
        try:
            contents, source = opened(stream, seal)
            for record in contents.records:
                check_record(source, record)
        except FormatError as error:
            check_error(error, max(len(stream), len(seal or b"")))
            return
    if contents.seal is not None and contents.records[-1].end != contents.seal.records_end:
        raise Broken(f"the last record ends at {contents.records[-1].end}, before the seal: {contents.seal}")
