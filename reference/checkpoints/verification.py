"""A whole checkpoint checked against the specification, and notes on what is unusual in a good one."""

from __future__ import annotations

import cmath
import math
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

import numpy as np

from ..containers.flax_file import STRICT
from ..containers.orbax_folder import ORBAX
from ..containers.registry import CONTAINERS
from ..containers.safetensors_file import SAFETENSORS
from ..containers.shards import Shards
from ..containers.stream import STREAM, planned
from ..format.casts import FLOAT_TAGS, are_finite
from ..format.checksums import with_sums
from ..format.digests import LeafDigest, content_head, tree_digest
from ..format.dtypes import BITS, PARTS, dtype_of
from ..format.errors import FormatError
from ..format.indexes import DIGEST
from ..format.keypaths import KeyPath
from ..format.leaves import stored
from ..format.payloads import PIECE, Step
from ..format.records import MAX_OLD_BLOB, Item, Record, extents_of, value_of
from ..format.sealing import SealOptions
from ..format.seals import Seal
from ..format.trees import depth_first
from ..format.wire import Source
from ..storage.local_files import Path_, Progress
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from .checkpoint import Checkpoint
from .checkpoint import open as open_checkpoint
from .unfinished import zeros_inside

NAN: Final = "holds NaN"
INFINITIES: Final = "holds infinities"


class NotedLeaf(NamedTuple):
    """A leaf that a note concerns: in how many of its elements, None where it is not a matter of elements."""

    path: tuple[str, ...]
    noted: int | None
    elements: int


class Finding(NamedTuple):
    """A note on a good file: how many leaves it concerns, the key path of the first, and each of them."""

    note: str
    leaves: int
    first: tuple[str, ...]
    each: tuple[NotedLeaf, ...] = ()


def verify(path: Path_ | Checkpoint, *, progress: Shown = False) -> list[Finding]:
    """Read every byte of `[PREFIX::]PATH`, of any container, or of an opened checkpoint, and return notes on it.

    A finding is not a fault: what breaks the specification is raised. Each leaf that holds NaN or infinities is listed
    with the number of its elements that are. `progress` is True for a bar on a terminal, or a callable (see
    `reference.storage.progress.shown`). Raises FormatError, OSError, and UsageError for a prefix that does not exist.
    """
    if isinstance(path, Checkpoint):
        with shown(progress)("verify", sum(record.nbytes for record in path.records)) as moved:
            return _findings(path, moved)
    with open_checkpoint(path, dialect=STRICT) as checkpoint:
        return verify(checkpoint, progress=progress)


def _findings(checkpoint: Checkpoint, moved: Progress) -> list[Finding]:
    with checkpoint.named_in_errors():
        return _found(checkpoint, moved)


def _found(checkpoint: Checkpoint, moved: Progress) -> list[Finding]:
    if checkpoint.contents.departure is not None:
        raise checkpoint.contents.departure.error
    notes: dict[str, list[NotedLeaf]] = {}
    digests = checkpoint.leaf_digests()
    expect(checkpoint.source, extents_of(checkpoint.records))
    damaged: list[FormatError] = []
    for record in checkpoint.records:
        try:
            read = _read(checkpoint, record, moved, digests.get(record.path))
        except FormatError as error:
            if checkpoint.contents.checked is None:  # nothing says whether what follows is good
                raise
            damaged.append(error)
            continue
        for note in sorted(read):
            notes.setdefault(note, []).append(NotedLeaf(record.path, read[note], math.prod(record.shape)))
        one_record = checkpoint.contents.seal is None  # a sealed stream has as many as old readers need
        if checkpoint.kind == STREAM and one_record and record.end - record.leaf_offset > MAX_OLD_BLOB:
            leaf = NotedLeaf(record.path, None, math.prod(record.shape))
            notes.setdefault("is over 2 GiB: readers built on msgpack-python cannot load it", []).append(leaf)
    if damaged:
        damaged[0].others = tuple(damaged[1:])
        raise damaged[0]
    if checkpoint.contents.seal is not None:
        _refuse_wrong_sum(checkpoint.contents.seal)
        index = checkpoint.contents.seal.index
        if index.digests is not None and index.digests[-DIGEST:] != tree_digest(index.leaf_digests()[2]):
            _refuse_digest(checkpoint, None, "the digest of the tree")
    checkpoint.source.refuse_changes()
    for record, start in zeros_inside(checkpoint):
        note = f"is zeros from byte {start} of its file on, and so is the rest, as in a download that did not finish"
        notes.setdefault(note, []).append(NotedLeaf(record.path, None, math.prod(record.shape)))
    findings = [Finding(note, len(leaves), leaves[0].path, tuple(leaves)) for note, leaves in notes.items()]
    if (
        checkpoint.kind not in (SAFETENSORS, ORBAX)
        and not _is_part(checkpoint)
        and (path := _first_not_canonical(checkpoint))
    ):
        leaf = NotedLeaf(path, None, math.prod(checkpoint.record(path).shape))
        findings.append(Finding("is the first leaf that is not in canonical form", 1, path, (leaf,)))
    return findings


def _read(checkpoint: Checkpoint, record: Record, moved: Progress, stated: bytes | None) -> Counter[str]:
    """Read a leaf, and give its notes; `stated` is the digest that a seal states of it. Raises FormatError."""
    digest = LeafDigest(record.path, record.leaf) if stated is not None else None
    read = _payload_notes(checkpoint.source, record, moved, digest)
    if digest is not None and digest.digest() != stated:
        # INDEX-9: "A program that verifies a file compares them with what the leaves give, and refuses the
        #          file where they differ"
        _refuse_digest(checkpoint, KeyPath(record.path), "the digest of a leaf")
    return read


def _payload_notes(source: Source, record: Record, moved: Progress, digest: LeafDigest | None) -> Counter[str]:
    """How many elements of a leaf each note concerns."""
    notes = Counter[str]()
    if digest is not None:
        digest.update(content_head(record.leaf))
    payload = stored(source, record.leaf_offset, record.leaf)
    for at in range(0, record.nbytes, PIECE):
        raw = np.empty(min(PIECE, record.nbytes - at), np.uint8)
        payload.read_into(at, raw.data)
        moved(len(raw))
        if digest is not None:
            digest.update(raw.data)
        if record.dtype is not None:
            notes.update(dict(_array_notes(raw, record.dtype)))
    if record.leaf.kind in ("float", "complex"):
        value = value_of(source, record)
        if cmath.isnan(value):
            notes[NAN] = 1
        if cmath.isinf(value):
            notes[INFINITIES] = 1
    return notes


def _refuse_wrong_sum(seal: Seal) -> None:
    """INDEX-8: "The `checksum` of the index MUST be that of all records." Each block has been compared with its own."""
    columns, whole = seal.index.columns, 0
    for size, sums in zip(columns.sizes, columns.sums, strict=True):
        whole = with_sums(whole, sums, size)
    if whole != seal.index.checksum:
        detail = "the checksum of all records does not follow from those of the records"
        raise FormatError("INDEX-8", seal.index_at[0], None, detail, "the seal was made incorrectly; make a new one")


def _refuse_digest(checkpoint: Checkpoint, path: KeyPath | None, what: str) -> NoReturn:
    seal = checkpoint.contents.seal
    assert seal is not None
    detail = f"{what} in the seal does not match its contents"
    raise FormatError("INDEX-9", seal.index_at[0], path, detail, "the seal was made incorrectly; make a new one")


def _array_notes(raw: np.ndarray, dtype: np.dtype) -> Iterator[tuple[str, int]]:
    """What is unusual in the elements whose bytes are `raw`, uint8[n], and in how many of them."""
    if dtype == np.bool_:
        if n := int(np.count_nonzero(raw > 1)):
            yield "holds bool bytes other than 0 and 1 (DTYPE-5)", n
    elif bits := BITS.get(dtype.name):
        if n := int(np.count_nonzero(raw >> bits)):
            yield "holds elements with high bits that are not zero (DTYPE-4)", n
    elif (part := PARTS.get(dtype.name, dtype.name)) in FLOAT_TAGS or part.startswith("float8"):
        values = raw.view(dtype_of(part))
        if part in FLOAT_TAGS and are_finite(values):  # which takes less than to look for either
            return
        parts = dtype.itemsize // values.itemsize
        with np.errstate(invalid="ignore"):  # a signalling NaN is not a reason to warn
            for note, are in ((NAN, np.isnan(values)), (INFINITIES, np.isinf(values))):
                if n := int(np.count_nonzero(are.reshape(-1, parts).any(axis=1) if parts > 1 else are)):
                    yield note, n


def _is_part(checkpoint: Checkpoint) -> bool:
    """Whether some of the leaves have been chosen, or they are in shards; they are not a file of their own."""
    if isinstance(checkpoint.source, Shards):
        return True
    chosen = sum(record.end - record.offset for record in checkpoint.records)
    seal = checkpoint.contents.seal
    end = checkpoint.source.size if seal is None else seal.records_end
    return chosen != end if checkpoint.kind == STREAM else len(checkpoint.records) != len(checkpoint.contents.records)


def _first_not_canonical(checkpoint: Checkpoint) -> tuple[str, ...] | None:
    """The key path of the first leaf whose headers or place differ from what a writer emits (CONF-6)."""
    records = depth_first(checkpoint.records)
    try:
        expected = iter(_canonical_steps(checkpoint, [Item(record.path, record.leaf) for record in records]))
    except FormatError as error:  # a leaf that is accepted in one piece, and whose chunks would not fit a record
        return error.path
    at = 0
    for record in records:
        while at <= record.offset:
            step = next(expected)
            if not _stands(checkpoint.source, at, step):
                return record.path
            at += step.size()
        if at != record.end:
            return record.path
    return None


def _canonical_steps(checkpoint: Checkpoint, items: list[Item]) -> list[Step]:
    seal = checkpoint.contents.seal
    if seal is None or seal.is_detached:
        return CONTAINERS[checkpoint.kind].steps(items)
    return planned(items, SealOptions(alignment=seal.index.alignment))


def _stands(source: Source, at: int, step: Step) -> bool:
    for head, n in step.parts:
        if at + len(head) > source.size or source.read_at(at, len(head)) != head:
            return False
        at += len(head) + n
    return True
