"""The stream (spec chapter 06), plain or sealed (spec 2.0, chapter 16), as a container."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..format.aligned import DEFAULT, check_alignment
from ..format.errors import FormatError, UsageError, article
from ..format.metadata import NOTHING, Metadata
from ..format.payloads import Step
from ..format.records import Item
from ..format.sealing import SealOptions, sealed_steps
from ..format.seals import MARK, VERSION, is_sealed, read_detached_seal, read_seal
from ..format.streams import read_stream, stream_steps
from ..format.wire import Source
from .container import Container, Contents
from .sealed_file import SealedFile

STREAM: Final = "stream"
VERSIONS: Final = ("1.0", VERSION)  # in which a stream can be written


def _begins(head: bytes, size: int) -> bool:
    whole = head.startswith((b"\x92", b"\xdc\x00\x02", MARK))  # REC-1, in every width of the header
    return whole or (0 < size < len(MARK) and MARK.startswith(head))  # cut off within its mark


# CONF-9: "A reader of this version MUST read an input that begins with the mark (SEAL-1) as a sealed stream, and every
#          other input as version 1.0 says."
def read(source: Source, check: bool = True) -> Contents:
    """What the headers of a stream say, or the index of a sealed one. Without `check` no checksum of it is compared."""
    if begins_sealed(source):
        return _sealed(SealedFile(source, read_seal(source), check=check))
    return Contents(read_stream(source))


def begins_sealed(source: Source) -> bool:
    """Whether a source begins with the mark of a sealed stream."""
    return is_sealed(source.read_at(0, min(source.size, len(MARK))))


# DETACHED-2: "A seal MUST fit the stream beside which it stands."
def read_with_seal(source: Source, seal: Source, check: bool = True) -> Contents:
    """What a plain stream and its detached seal say. Raises FormatError, which names the seal where it is at fault."""
    try:
        found = read_detached_seal(seal, source.size)
    except FormatError as error:
        error.file = getattr(seal, "name", None)
        error.advice = "get the two again, or make the seal anew with `streamckpt seal`"
        raise
    return _sealed(SealedFile(source, found, detached=True, check=check))


def _sealed(file: SealedFile) -> Contents:
    seal = file.seal
    return Contents(file.records(), VERSION, seal.index.metadata, seal.index_at, seal, file)


def seal_options(
    version: str | None, metadata: Metadata | None = None, alignment: int | None = None, digests: bool | None = None
) -> SealOptions | None:
    """How a stream of a version ("1.0", the default, or "2.0") is sealed, None where it is not. Raises UsageError."""
    version = version or VERSIONS[0]
    if version not in VERSIONS:
        known = " or ".join(map(repr, VERSIONS))
        raise UsageError(f"{version!r} is not a version of the stream, which is a text: write {known}")
    if version == VERSION:
        alignment = check_alignment(DEFAULT if alignment is None else alignment)
        return SealOptions(NOTHING if metadata is None else metadata, alignment, bool(digests))
    given = {"metadata": metadata, "an alignment": alignment, "digests": digests}
    if (extra := next((name for name, value in given.items() if value is not None), None)) is not None:
        raise UsageError(f"a stream of version {version} holds no {extra.split()[-1]}; write version {VERSION}")
    return None


def sealed_as(kind: str, version: str | None) -> SealOptions | None:
    """How an output of a kind is sealed whose stream is to be of a version. Raises UsageError."""
    seal = seal_options(version)
    if seal is not None and kind != STREAM:
        raise UsageError(f"{article(kind)} has no version {version}: only streams are sealed")
    return seal


def planned(items: Iterable[Item], seal: SealOptions | None, of_tree: bool = False) -> list[Step]:
    """The stream of these leaves, plain or sealed; see `streams.stream_steps`. Raises FormatError."""
    return stream_steps(items, of_tree) if seal is None else sealed_steps(items, seal, of_tree)


CONTAINER: Final = Container(
    STREAM, "use params::, trainstate:: or trainstate_params::", "REC-1", _begins, read, stream_steps
)
