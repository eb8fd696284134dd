"""The content of leaves (spec DELTA-6), block by block, from files, casts or memory."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..format.blocks import BLOCK
from ..format.casts import Buffer
from ..format.digests import LeafDigest, content_head
from ..format.leaves import Leaf
from ..format.records import Item
from ..format.recycling import empty
from ..storage.local_files import Progress
from ..storage.threads import Pool, in_order


def content_size(leaf: Leaf) -> int:
    return len(content_head(leaf)) + leaf.nbytes


def content_blocks(item: Item) -> Iterator[np.ndarray]:
    """The content of a leaf in blocks, each uint8[n] in memory of its own."""
    head = content_head(item.leaf)
    payload = item.payload() if item.payload is not None else None
    buffer = Buffer()
    left = len(head) + item.leaf.nbytes
    while left:
        n = min(left, BLOCK)
        left -= n
        block = empty(n, np.uint8)
        if head:
            block[: len(head)] = np.frombuffer(head, np.uint8)
        if n > len(head):
            assert payload is not None
            buffer.fill_memory(payload, block[len(head) :])
        head = b""
        yield block


def digest_of(item: Item) -> bytes:
    """The digest of a leaf (DELTA-4)."""
    digest = LeafDigest(item.path, item.leaf)
    for block in content_blocks(item):
        digest.update(block.data)
    return digest.digest()


def digest_known(item: Item, digest: bytes | None) -> bytes:
    """`digest_of` where a seal states it: the leaf is read all the same, and its checksums take a tenth of the time.

    INDEX-9: "A program that makes or applies a delta MAY take them for those of the base, where it has compared the
             checksums of the leaf."
    """
    if digest is None:
        return digest_of(item)
    for _ in content_blocks(item):
        pass
    return digest


def digests_of(
    items: Sequence[Item], known: Mapping[tuple[str, ...], bytes], pool: Pool, moved: Progress
) -> dict[tuple[str, ...], bytes]:
    """The digests of leaves by key path; `known` are those that a seal states."""
    digests = {}
    tasks = (functools.partial(digest_known, item, known.get(item.path)) for item in items)
    for item, digest in zip(items, in_order(pool, tasks, len(items)), strict=True):
        digests[item.path] = digest
        moved(item.leaf.nbytes)
    return digests


def form(leaf: Leaf) -> tuple[str, np.dtype | None, tuple[int, ...]]:
    """What two arrays have in common whose blocks can be compared with each other."""
    return leaf.kind, leaf.dtype, leaf.shape
