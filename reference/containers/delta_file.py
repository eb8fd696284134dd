"""The delta (spec chapter 10) as a kind of file: not a checkpoint, and refused by name where one is expected."""

from __future__ import annotations

from typing import Final

from ..format.errors import FormatError, counted
from ..format.manifests import DELTA_NAME, read_last, read_manifest
from ..format.wire import Source

DELTA: Final = "delta"
CLAUSE: Final = "DELTA-1"
ADVICE: Final = "recover its target first, with its base: streamckpt recover BASE DELTA TARGET"
_SHOWN_DIGITS: Final = 16  # hexadecimal digits that a refusal names of a digest
_LONGEST_MANIFEST: Final = 100_000_000  # bytes of a manifest that is read for a refusal


def begins(head: bytes, size: int) -> bool:
    return head.startswith(DELTA_NAME)


def told(source: Source) -> tuple[str, str]:
    """What a refusal says of a delta beside its kind, and what is to be done before all else.

    Headers and manifest are read, but no block. If the delta is damaged, that is said as well.
    """
    try:
        blocks, last, tail = read_last(source)
        if last.nbytes > _LONGEST_MANIFEST:  # what is to be refused anyway is not worth any memory
            return ", whose base `streamckpt inspect` shows", ""
        manifest = read_manifest(blocks, last, tail)
    except FormatError as error:
        what = "has been cut off" if error.clause == "DELTA-2" else "cannot be read"
        first = "" if error.clause == "DELTA-1" else "get it again; "  # it may be of a version that is not known here
        return f" that {what} ({error.detail[:200]})", first
    n = len(manifest.leaves)
    leaves = counted(n, "leaf")
    return f" against base {manifest.base.hex()[:_SHOWN_DIGITS]}, for a target of {leaves}", ""
