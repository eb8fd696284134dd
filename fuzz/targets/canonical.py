"""Invariant: the canonical form of accepted bytes is accepted, holds the same leaves, and is its own canonical form."""

from __future__ import annotations

from fuzz.files import file_of, items_of, payloads_of, records_of
from fuzz.findings import Broken
from reference.containers.flax_file import FLAX
from reference.containers.stream import STREAM
from reference.format.errors import FormatError

KIND = "any"


def check(data: bytes) -> None:
    for kind in (STREAM, FLAX):
        if (records := records_of(data, kind)) is None:
            continue
        try:
            canonical = file_of(items_of(data, records), kind)
        except FormatError as error:
            if error.clause == "FLAX-8":  # which goes by the size of the file, and this one has longer headers
                continue
            raise Broken(f"an accepted {kind} is refused when it is written: {error}") from error
        again = records_of(canonical, kind)
        if again is None:
            raise Broken(f"the canonical form is refused: {canonical.hex()}")
        if payloads_of(canonical, again) != payloads_of(data, records):
            raise Broken(f"the canonical form holds other leaves: {canonical.hex()}")
        if file_of(items_of(canonical, again), kind) != canonical:
            raise Broken(f"the canonical form has another canonical form: {canonical.hex()}")
