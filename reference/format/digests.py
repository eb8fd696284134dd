"""Spec chapter 10, DELTA-4 and DELTA-5: digests that name a leaf or a tree by what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .dtypes import tag_of
from .keypaths import encode_keypath
from .leaves import Leaf, encode_value
from .wire import array_header, bin_header, encode_int, encode_str, str_header


# DELTA-4: "The digest of a leaf is the SHA-256 of its encoded key path (KEY-1), its kind as a str, for an `ndarray`
#           or `scalar` its dtype tag as a str and its shape as an array, and its content (DELTA-6), one after the
#           other, encoded canonically."
class LeafDigest:
    """Takes the content of a leaf front to back; `digest` is then its name."""

    def __init__(self, path: tuple[str, ...], leaf: Leaf) -> None:
        self._hash = hashlib.sha256(encode_keypath(path) + encode_str(leaf.kind))
        if leaf.dtype is not None:
            shape = array_header(len(leaf.shape)) + b"".join(map(encode_int, leaf.shape))
            self._hash.update(encode_str(tag_of(leaf.dtype)) + shape)

    def update(self, content: bytes | memoryview) -> None:
        self._hash.update(content)

    def digest(self) -> bytes:
        return self._hash.digest()

    def copy(self) -> LeafDigest:
        """One that goes on from here by itself, such as that of a leaf of the same key path, kind, dtype and shape."""
        other = object.__new__(LeafDigest)
        other._hash = self._hash.copy()
        return other


def content_head(leaf: Leaf) -> bytes:
    """What stands before the payload in the content of a leaf (DELTA-6): of an array nothing."""
    if leaf.dtype is not None:
        return b""
    if leaf.kind == "str":
        return str_header(leaf.nbytes)
    return bin_header(leaf.nbytes) if leaf.kind == "bin" else encode_value(leaf.kind, leaf.value)


def payload_size(kind: str, content: int) -> int | None:
    """The payload bytes of a str or bin whose canonical encoding has `content` bytes; None where none has."""
    headers = (len(content_head(Leaf(kind, nbytes=max(content - n, 0)))) for n in (1, 2, 3, 5))
    return next((content - n for n, header in zip((1, 2, 3, 5), headers, strict=True) if n == header <= content), None)


# DELTA-5: "The digest of a tree is the SHA-256 of the digests of its leaves, each 32 bytes, in ascending order of
#           their bytes."
def tree_digest(digests: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"".join(sorted(digests))).digest()
