"""Invariant: a safetensors file made a stream and back holds the same tensors, which the library reads alike.

Where it has tensors that no array here can hold, or names that are not one tree, the library reads alike what stands
in the file, and there is no stream of all of it.
"""

from __future__ import annotations

import json
from typing import Any

import safetensors

from fuzz.files import contents_of, file_of, items_of, payloads_of, records_of
from fuzz.findings import Broken
from reference.containers.safetensors_file import SAFETENSORS
from reference.containers.stream import STREAM

KIND = "safetensors"


def check(data: bytes) -> None:
    contents = contents_of(data, SAFETENSORS)
    if contents is None:
        return
    theirs, records = _by_the_library(data), contents.records
    tensors = payloads_of(data, records)
    unheld = {".".join(each.path): data[each.offset : each.offset + each.nbytes] for each in contents.unheld}
    if theirs is not None and theirs != {".".join(path): told[3] for path, told in tensors.items()} | unheld:
        raise Broken("the library reads other tensors than the reference")
    if records_of(data, SAFETENSORS) is None:
        return
    stream = file_of(items_of(data, records), STREAM)
    found = records_of(stream, STREAM)
    if found is None or payloads_of(stream, found) != tensors:
        raise Broken(f"the stream holds other leaves: {stream.hex()}")
    back = file_of(items_of(stream, found), SAFETENSORS)
    again = records_of(back, SAFETENSORS)
    if again is None or payloads_of(back, again) != tensors:
        raise Broken(f"the file that comes back holds other leaves: {back.hex()}")
    if _by_the_library(back) != {".".join(path): told[3] for path, told in tensors.items()}:
        raise Broken(f"the library refuses, or reads otherwise, what comes back: {back.hex()}")


def _by_the_library(data: bytes) -> dict[str, bytes] | None:
    """Names and payloads, None where the library refuses the file, or writes names that are not text."""
    try:
        json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        found: Any = safetensors.deserialize(data)
    except (safetensors.SafetensorError, ValueError, RecursionError):
        return None
    return {name: bytes(entry["data"]) for name, entry in found}
