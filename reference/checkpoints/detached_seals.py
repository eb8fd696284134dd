"""Spec 2.0, chapter 17: a seal for a stream that must not be touched, in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from ..containers.flax_file import FLAX
from ..containers.load_prefixes import PREFIXES, split_prefix
from ..containers.orbax_folder import ORBAX
from ..containers.registry import kind_of, refuse_file
from ..containers.safetensors_file import SAFETENSORS
from ..containers.stream import STREAM, begins_sealed
from ..containers.zeros import tell_zeros
from ..format.checksums import RecordSums, encoded, with_sums
from ..format.digests import LeafDigest, content_head, tree_digest
from ..format.errors import FormatError, UsageError, WrongKind, counted
from ..format.indexes import DETACHED, IndexPlan
from ..format.keypaths import encode_keypath
from ..format.leaves import size_text, stored
from ..format.metadata import NOTHING, Metadata, encode_metadata
from ..format.payloads import PIECE
from ..format.records import Record, extents_of
from ..format.seals import DETACHED_SUFFIX, encode_seal
from ..format.streams import read_stream
from ..format.wire import Source
from ..storage.local_files import Path_
from ..storage.open_descriptors import OpenDescriptor
from ..storage.places import beside, place_of
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.same_files import is_same_file

_SEALED_COPY: Final = "write it as a sealed stream: `streamckpt convert IN params::OUT --format=2.0`"


class SealReport(NamedTuple):
    """What was sealed: the name of the seal, the number of leaves, and the sizes of stream and seal in bytes."""

    seal: str
    leaves: int
    nbytes: int
    seal_bytes: int

    def __repr__(self) -> str:
        leaves = counted(self.leaves, "leaf")
        return f"<SealReport: wrote {self.seal}, {size_text(self.seal_bytes)}: the seal of {leaves}>"


def seal(
    path: Path_, *, progress: Shown = False, metadata: Metadata | None = None, digests: bool | None = None
) -> SealReport:
    """Write the seal of a plain stream beside it, to a file of the same name plus `.seal`.

    The stream is read once, and once more with `digests`, and left as it is. From then on it is opened by its index,
    and what is read from it is checked against its checksums. `metadata` is a dict of texts, numbers, lists and the
    like, and `digests` adds the SHA-256 of each leaf. `progress` is True for a bar on a terminal, or a callable (see
    `reference.storage.progress.shown`). Raises FormatError, OSError, and UsageError for a stream that is already
    sealed.
    """
    prefix, name = split_prefix(path)
    if PREFIXES.get(prefix or "params") != STREAM or prefix == "trainstate_params":
        raise UsageError(f"a seal is that of a whole stream, and {prefix}:: asks for something else; {_SEALED_COPY}")
    if isinstance(place_of(name), OpenDescriptor):
        raise UsageError(f"{name} is not a named file, so its seal has no place; save it to a file first")
    seal_beside = beside(name, DETACHED_SUFFIX)
    place = seal_beside or place_of(name)  # of a signed file, which cannot be written to either
    if seal_beside is not None and is_same_file(seal_beside, name):
        raise UsageError(f"{place.name} is a link to {name}, which its own seal would replace; remove the link")
    encoded_metadata = encode_metadata(NOTHING if metadata is None else metadata)
    source = place_of(name).open()
    try:
        if (found := kind_of(source)) != STREAM:
            _refuse_kind(source, found)
        if begins_sealed(source):
            raise UsageError(f"{source.name} is already sealed; `streamckpt verify` checks it against its seal")
        records = _records_of(source)
        place.check_output()
        plan = IndexPlan(DETACHED, encoded_metadata, bool(digests), len(records))
        for record in records:
            plan.add(encode_keypath(record.path), record.leaf, [(record.end - record.offset, record.payload_place())])
        with shown(progress)("seal", source.size) as moved:
            sums, whole = [], 0
            expect(source, ((record.offset, record.end - record.offset) for record in records))
            for record in records:
                size = record.end - record.offset
                sums.append(_sums(source, record))
                whole = with_sums(whole, sums[-1], size)
                moved(size)
        expect(source, extents_of(records if digests else ()))
        leaf_digests = [_digest(source, record) for record in records] if digests else None
        source.refuse_changes()
    except FormatError as error:
        error.file = error.file or source.name
        raise
    finally:
        source.close()
    all_digests = b"".join([*leaf_digests, tree_digest(leaf_digests)]) if leaf_digests is not None else None
    data = encode_seal(plan.finish(encoded(whole), sums, all_digests), source.size, detached=True)
    with place.replace() as sink:
        sink.write(data)
    return SealReport(place.name, len(records), source.size, len(data))


def _refuse_kind(source: Source, found: str) -> NoReturn:
    try:
        refuse_file(source, found, STREAM)
    except WrongKind as error:
        if found in (FLAX, SAFETENSORS, ORBAX):
            error.advice = _SEALED_COPY
        raise


def _records_of(source: Source) -> list[Record]:
    try:
        return read_stream(source)
    except FormatError as error:
        tell_zeros(source, error, is_salvaged=True)
        raise


def _sums(source: Source, record: Record) -> bytes:
    sums = RecordSums()
    for at in range(record.offset, record.end, PIECE):
        sums.update(source.read_at(at, min(PIECE, record.end - at)))
    return sums.sums()


def _digest(source: Source, record: Record) -> bytes:
    digest = LeafDigest(record.path, record.leaf)
    digest.update(content_head(record.leaf))
    for piece in _pieces(source, record):
        digest.update(piece)
    return digest.digest()


def _pieces(source: Source, record: Record) -> Iterator[memoryview]:
    payload = stored(source, record.leaf_offset, record.leaf)
    for at in range(0, record.nbytes, PIECE):
        piece = memoryview(bytearray(min(PIECE, record.nbytes - at)))
        payload.read_into(at, piece)
        yield piece
