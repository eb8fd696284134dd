"""Spec chapter 16 of version 2.0: a sealed stream, planned whole and summed up as it is written."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from .aligned import DEFAULT, check_alignment, is_padded, padded_blob
from .checksums import RecordSums, checksum, encoded, with_record
from .chunked import Part
from .digests import LeafDigest, content_head, tree_digest
from .errors import FormatError
from .indexes import IndexPlan
from .keypaths import KeyPath, encode_keypath
from .leaves import Leaf
from .metadata import NOTHING, Metadata, encode_metadata
from .parts import PREFIX, encode_record_path, has_part_name, is_in_parts, part_name, parts_of
from .payloads import MemoryPayload, Payload, Step
from .records import Item, blob_parts
from .seals import MARK, RECORD, encode_seal, seal_size
from .streams import check_paths
from .wire import Sink, Source

_PART: Final = PREFIX.encode()
_COPIED: Final = 1 << 20  # bytes of a stretch of a source that are held at a time
_STEP: Final = 1 << 23  # bytes; a large payload is summed in steps, each while a thread writes the one before it
_SMALL: Final = 1 << 12  # bytes; payloads up to this size are summed together with their headers
_NOTHING: Final = MemoryPayload(b"")
_Done = Callable[[int, bytes, bytes, LeafDigest | None], None]


class SealOptions(NamedTuple):
    """What a sealed stream depends on beside its tree (SEAL-7)."""

    metadata: Metadata = NOTHING
    alignment: int = DEFAULT
    digests: bool = False


def sealed_steps(items: Iterable[Item], options: SealOptions, of_tree: bool = False) -> list[Step]:
    """The sealed stream of these leaves in the order given, refused before anything is written where it cannot be.

    `of_tree` where their key paths come from `trees.flatten`: those cannot clash. Raises KEY, LEAF, META, PART, REC,
    SEAL and STREAM clauses, and UsageError for an alignment that is none.
    """
    return sealed_plan(items, options, of_tree)[0]


def sealed_plan(items: Iterable[Item], options: SealOptions, of_tree: bool = False) -> tuple[list[Step], Sealer]:
    """The same, with what makes the seal; see `sealed_steps`."""
    items = list(items)
    if not of_tree or not items:
        check_paths([item.path for item in items])
    sealer = Sealer(options, len(items))
    return [*map(sealer.step, items), sealer.end()], sealer


class Sealer:
    """Makes the steps of a sealed stream of `leaves` leaves, and the seal of what they have written.

    Each step is written before the next is opened, in the order in which they were made.
    """

    def __init__(self, options: SealOptions, leaves: int) -> None:
        self._alignment = check_alignment(options.alignment)
        self._at = 0  # bytes planned
        self._index = IndexPlan(self._alignment, encode_metadata(options.metadata), options.digests, leaves)
        self._digests: list[bytes] | None = [] if options.digests else None
        self._sums: list[bytes] = []  # of the records that have been written
        self._whole = 0  # their checksum
        self._blobs: dict[int, tuple[bytes, Leaf]] = {}  # with the leaf, so that no other one gets its identity

    def step(self, item: Item) -> Step:
        """The record or records of the next leaf. Raises KEY clauses, PART-3, REC-3."""
        path, leaf, _ = item
        key = encode_keypath(path)
        if _PART in key and has_part_name(path):
            # PART-3: "A key of this form MUST NOT stand in a sealed stream anywhere else"
            raise FormatError("PART-3", None, KeyPath(path), "a key looks like the name of a part", "rename it")
        if is_in_parts(leaf):
            boxes = parts_of(leaf)
            keys = (encode_record_path((*path, part_name(i, len(boxes)))) for i in range(len(boxes)))
            parts = [self._record(*each) for each in zip(keys, boxes, strict=True)]
        else:
            parts = [self._record(key, leaf)]
        is_array = leaf.dtype is not None
        self._index.add(key, leaf, [(len(head) + n, len(head) if is_array else None) for head, n in parts])
        return Step(parts, functools.partial(self._open, item, parts))

    def end(self) -> Step:
        """The seal, behind the last leaf. Raises SEAL-3."""
        return Step([(b"", seal_size(self._index.size()))], self._seal)

    def seal_of(self, records: Iterable[tuple[int, bytes]]) -> bytes:
        """The seal of records that others have written, from the size and the checksums of each in order."""
        for size, sums in records:
            self._done(size, sums, b"", None)
        return bytes(self._seal().data)

    def _record(self, key: bytes, leaf: Leaf) -> Part:
        """The canonical bytes of a record before its payload, and the bytes of that. Raises REC-3."""
        head = (RECORD if self._at else MARK) + key
        if is_padded(leaf):
            head += padded_blob(self._at + len(head), leaf, self._alignment)
        else:
            head += self._blob(leaf)
        self._at += len(head) + leaf.nbytes
        return head, leaf.nbytes

    def _blob(self, leaf: Leaf) -> bytes:
        known = self._blobs.get(id(leaf))  # the leaf of all arrays of a dtype and shape
        if known is None:
            ((blob, _),) = blob_parts((), leaf)
            self._blobs[id(leaf)] = known = blob, leaf
        return known[0]

    def _open(self, item: Item, parts: Sequence[Part]) -> Payload:
        """The payload of a leaf whose turn has come; its checksums are made as it is taken."""
        payload = item.payload() if item.payload is not None else _NOTHING
        digest = LeafDigest(item.path, item.leaf) if self._digests is not None else None
        if digest is not None:
            digest.update(content_head(item.leaf))
        head, n = parts[0]
        if n == 0:
            payload = _NOTHING
        if len(parts) > 1 or n > _SMALL or type(payload) is not MemoryPayload:
            return _SummedPayload(payload, parts, digest, self._done)
        data = head + payload.data
        if digest is not None:
            digest.update(payload.data)
        self._done(len(data), encoded(checksum(data)), data, digest)
        return payload

    def _done(self, size: int, sums: bytes, data: bytes, digest: LeafDigest | None) -> None:
        """Take note of a record: its size, its checksums, all of its bytes where they are few and none otherwise, and,
        where it is the last of its leaf, the digest.
        """
        self._whole = with_record(self._whole, data, sums, size)
        self._sums.append(sums)
        if digest is not None and self._digests is not None:
            self._digests.append(digest.digest())

    def _seal(self) -> MemoryPayload:
        digests = None if self._digests is None else b"".join([*self._digests, tree_digest(self._digests)])
        index = self._index.finish(encoded(self._whole), self._sums, digests)
        return MemoryPayload(encode_seal(index, self._at))


class _SummedPayload:
    """The payload of a leaf, which goes into one record after the other, and the checksums of these."""

    def __init__(self, payload: Payload, parts: Sequence[Part], digest: LeafDigest | None, done: _Done) -> None:
        self._payload, self._parts, self._digest, self._told = payload, deque(parts), digest, done

    def move(self, n: int, sink: Sink) -> None:
        head, _ = self._parts.popleft()
        sums = RecordSums()
        sums.update(head)
        self._payload.move(n, _SummingSink(sink, sums, self._digest))
        self._told(len(head) + n, sums.sums(), b"", None if self._parts else self._digest)


class _SummingSink:
    """A sink before another, which sums up what goes through it."""

    def __init__(self, sink: Sink, sums: RecordSums, digest: LeafDigest | None) -> None:
        self._sink, self._sums, self._digest = sink, sums, digest

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        for at in range(0, len(view), _STEP):
            part = view[at : at + _STEP]
            self._sink.write(part)
            self._sums.update(part)
            if self._digest is not None:
                self._digest.update(part)

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        for at in range(offset, offset + n, _COPIED):
            self.write(source.read_at(at, min(_COPIED, offset + n - at)))
