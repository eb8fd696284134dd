"""Spec chapter 16 of version 2.0: a sealed stream, planned whole and summed up as it is written."""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from .parts import boxes, has_part_name, is_in_parts, part_name
from .payloads import MemoryPayload, Payload, Step
from .records import Item, blob_parts
from .seals import MARK, encode_seal, seal_size
from .streams import check_paths
from .wire import Sink, Source

_ARRAY: Final = b"\x92"  # an array of two, which begins every record but the first
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
    items = list(items)
    if not of_tree or not items:
        check_paths([item.path for item in items])
    return _Plan(items, options).steps


class _Plan:
    """The steps of a sealed stream, and the seal that is made of what they have written."""

    def __init__(self, items: Sequence[Item], options: SealOptions) -> None:
        self._alignment = check_alignment(options.alignment)
        self._at = 0  # bytes planned
        self._index = IndexPlan(self._alignment, encode_metadata(options.metadata), options.digests, len(items))
        self._digests: list[bytes] | None = [] if options.digests else None
        self._sums: list[bytes] = []  # of the records that have been written
        self._whole = 0  # their checksum
        self._blobs: dict[int, tuple[bytes, Leaf]] = {}  # with the leaf, so that no other one gets its identity
        self.steps = [self._step(item) for item in items]
        size = seal_size(self._index.size())
        self.steps.append(Step([(b"", size)], self._seal))

    def _step(self, item: Item) -> Step:
        path, leaf, _ = item
        if has_part_name(path):
            # PART-3: "A key of this form MUST NOT stand in a sealed stream anywhere else"
            raise FormatError("PART-3", None, KeyPath(path), "a key looks like the name of a part", "rename it")
        parts: list[Part] = []
        records: list[tuple[int, int | None]] = []
        for head, n in self._records(path, leaf):
            parts.append((head, n))
            records.append((len(head) + n, None if leaf.dtype is None else len(head)))
        self._index.add(path, leaf, records)
        return Step(parts, functools.partial(self._open, item, parts))

    def _records(self, path: tuple[str, ...], leaf: Leaf) -> Iterator[Part]:
        """The canonical bytes of each record of a leaf before its payload. Raises KEY clauses, REC-3."""
        for key_path, box in _boxes(path, leaf):
            head = (_ARRAY if self._at else MARK) + encode_keypath(key_path)
            if is_padded(box):
                head += padded_blob(self._at + len(head), box, self._alignment)
            else:
                head += self._blob(key_path, box)
            self._at += len(head) + box.nbytes
            yield head, box.nbytes

    def _blob(self, path: tuple[str, ...], leaf: Leaf) -> bytes:
        known = self._blobs.get(id(leaf))  # the leaf of all arrays of a dtype and shape
        if known is None:
            ((blob, _),) = blob_parts(path, leaf)
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
        if n > _SMALL or type(payload) is not MemoryPayload:
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


def _boxes(path: tuple[str, ...], leaf: Leaf) -> list[tuple[tuple[str, ...], Leaf]]:
    """The key path and the array of each record of a leaf (PART-2)."""
    if not is_in_parts(leaf):
        return [(path, leaf)]
    assert leaf.dtype is not None
    encode_keypath(path)  # KEY-3 and KEY-4 hold without the part's own key
    width = leaf.dtype.itemsize
    shapes = list(boxes(leaf.shape, width))
    return [
        ((*path, part_name(i, len(shapes))), leaf._replace(shape=shape, nbytes=math.prod(shape) * width, extents=()))
        for i, shape in enumerate(shapes)
    ]


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
