"""The content of leaves (spec DELTA-6), block by block, from files, casts or memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from .blocks import BLOCK
from .conversion import Buffer
from .digests import LeafDigest, content_head
from .errors import UsageError
from .leaves import Leaf
from .records import Item

_T = TypeVar("_T")


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
        block = np.empty(n, np.uint8)
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


def form(leaf: Leaf) -> tuple[str, np.dtype | None, tuple[int, ...]]:
    """What two arrays have in common whose blocks can be held against each other."""
    return leaf.kind, leaf.dtype, leaf.shape


def workers(jobs: int | None) -> ThreadPoolExecutor:
    """Raises UsageError."""
    if jobs is not None and jobs < 1:
        raise UsageError("jobs is a number of 1 or more")
    cores = os.cpu_count() or 1
    return ThreadPoolExecutor(min(jobs, 4 * cores) if jobs else min(4, cores))


def in_order(pool: ThreadPoolExecutor, tasks: Iterator[Callable[[], _T]], count: int) -> Iterator[_T]:
    """The results of `count` tasks in their order, a few of them under way at a time."""
    if count < 2:  # nothing is gained by another thread
        yield from (task() for task in tasks)
        return
    under_way: deque[Future[_T]] = deque()
    for task in tasks:
        under_way.append(pool.submit(task))
        if len(under_way) > pool._max_workers:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
