"""Invariant: a flax file made a stream and back is the canonical file of its tree, which flax writes alike."""

from __future__ import annotations

import flax.serialization

from fuzz.equality import same
from fuzz.files import file_of, items_of, leaves_of, records_of
from fuzz.findings import Broken
from reference.containers.flax_file import FLAX
from reference.containers.stream import STREAM
from reference.format.errors import FormatError
from reference.format.trees import flatten, unflatten

KIND = "any"


def check(data: bytes) -> None:
    if (records := records_of(data, FLAX)) is not None:
        try:
            canonical = file_of(items_of(data, records), FLAX)
        except FormatError as error:
            if error.clause == "FLAX-8":  # which goes by the size of the file, and this one has longer headers
                return
            raise
        _there_and_back(canonical, FLAX, STREAM)
        _as_flax_does(canonical)
    elif (records := records_of(data, STREAM)) is not None:
        _there_and_back(file_of(items_of(data, records), STREAM), STREAM, FLAX)


def _there_and_back(canonical: bytes, kind: str, other: str) -> None:
    """From a canonical file of one kind to the other kind and back."""
    records = records_of(canonical, kind)
    assert records is not None
    try:
        there = file_of(items_of(canonical, records), other)
    except FormatError as error:
        # FLAX-3 and FLAX-8 refuse trees that a stream holds.
        if other == FLAX and error.clause in ("FLAX-3", "FLAX-8"):
            return
        raise
    found = records_of(there, other)
    if found is None:
        raise Broken(f"the {other} is refused: {there.hex()}")
    back = file_of(items_of(there, found), kind)
    if back != canonical:
        raise Broken(f"{canonical.hex()} comes back as {back.hex()}")


def _as_flax_does(canonical: bytes) -> None:
    records = records_of(canonical, FLAX)
    assert records is not None
    restored = flax.serialization.msgpack_restore(canonical)
    leaves = leaves_of(canonical, records, as_they_stand=True)
    if not same(dict(flatten(restored, keep_empty_nodes=True)), leaves):
        raise Broken(f"flax restores {restored!r:.500}")
    written = flax.serialization.msgpack_serialize(unflatten(leaves.items()), in_place=True)
    if written != canonical:
        raise Broken(f"flax writes {written.hex()}, and the reference {canonical.hex()}")
