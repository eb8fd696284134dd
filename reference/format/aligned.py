"""Spec chapter 11 of version 2.0: an array as one chunk, with padding that puts its payload at a round offset."""

from __future__ import annotations

import functools
import operator
from typing import Final

from .arrays import NDARRAY
from .chunked import MARKER, PAD
from .dtypes import WIDTHS, tag_of
from .errors import UsageError
from .leaves import Leaf
from .wire import array_header, encode_int, encode_str, map_header

LEAST: Final = 4096  # ALIGN-3: "an array whose payload has 4,096 bytes or more"
ALIGNMENTS: Final = tuple(1 << i for i in range(6, 13))  # ALIGN-5: "a power of two from 64 to 4,096"
DEFAULT: Final = 64

_BEFORE: Final = b"\x84" + encode_str(MARKER) + b"\xc3" + encode_str(PAD) + b"\xc5"  # what stands before the padding


def check_alignment(alignment: int) -> int:
    """The alignment as an int, if it is one. Raises UsageError."""
    if isinstance(alignment, bool) or not hasattr(alignment, "__index__") or alignment not in ALIGNMENTS:
        raise UsageError(f"an alignment is one of {', '.join(map(str, ALIGNMENTS))}, not {alignment!r}", "ALIGN-5")
    return operator.index(alignment)


def is_padded(leaf: Leaf) -> bool:
    """Whether a writer pads a leaf (ALIGN-3)."""
    return leaf.kind == "ndarray" and leaf.nbytes >= LEAST


# ALIGN-4: "Around such an array a writer MUST use these headers, whatever the length"
def padded_blob(at: int, leaf: Leaf, alignment: int) -> bytes:
    """The canonical bytes, before its payload, of the leaf blob of an array whose header stands at offset `at`."""
    assert leaf.dtype is not None
    after = _after(leaf.shape, tag_of(leaf.dtype), leaf.nbytes)
    pad = -(at + 5 + len(_BEFORE) + 2 + len(after)) % alignment
    body = b"%b%b%b%b" % (_BEFORE, pad.to_bytes(2, "big"), bytes(pad), after)
    return b"\xc6" + (len(body) + leaf.nbytes).to_bytes(4, "big") + body


@functools.lru_cache(1024)
def _after(shape: tuple[int, ...], tag: str, nbytes: int) -> bytes:
    """What stands between the padding and the payload."""
    dims = b"".join(encode_str(str(i)) + encode_int(n) for i, n in enumerate(shape))
    body = array_header(3) + array_header(1) + encode_int(nbytes // WIDTHS[tag]) + encode_str(tag)
    body += b"\xc6" + nbytes.to_bytes(4, "big")
    chunk = b"\xc9" + (len(body) + nbytes).to_bytes(4, "big") + bytes((NDARRAY,)) + body
    head = encode_str("shape") + map_header(len(shape)) + dims + encode_str("chunks") + map_header(1) + encode_str("0")
    return head + chunk
