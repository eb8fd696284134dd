"""The intact leaves of a damaged checkpoint, written to a new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..containers.container import Loss
from ..containers.damaged import read_what_is_whole
from ..containers.delta_file import DELTA
from ..containers.flax_file import FLAX
from ..containers.foreign import UNKNOWN
from ..containers.load_prefixes import PREFIXES, kind_said, split_prefix
from ..containers.orbax_folder import ORBAX
from ..containers.placeholders import refuse_placeholders
from ..containers.registry import kind_of, refuse, steps_of
from ..containers.safetensors_file import SAFETENSORS
from ..containers.seals_beside import seal_beside
from ..containers.shards import open_files
from ..containers.stream import STREAM, sealed_as
from ..containers.zeros import zeros_from
from ..format.errors import UsageError, WrongKind, article, counted
from ..format.keypaths import display
from ..format.leaves import size_text
from ..format.parts import has_part_name
from ..format.payloads import Step, write_steps
from ..format.records import Item, Record, extents_of, item_in, item_of_closed
from ..format.sealing import SealOptions
from ..format.seals import VERSION, Seal
from ..format.trees import depth_first
from ..storage.joined_files import JoinedFiles
from ..storage.local_files import Path_
from ..storage.place import OpenedFile
from ..storage.places import place_of
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.same_files import refuse_an_input
from .key_implementations import moved_metadata
from .patterns import Patterns, chooser, select

SALVAGED: Final = "salvaged"  # the entry of the metadata of a sealed output that is only a part
_NAMED: Final = 1000  # lost leaves that it names
_SALVAGED: Final = "only streams and flax files can be salvaged"
_AGAIN: Final = "if it is damaged, get it again"


class Doubt(NamedTuple):
    """A leaf that ends in zeros, like all of the file behind it: of a download that did not finish it may be a part."""

    path: tuple[str, ...]
    zeros: int  # of the bytes at its end
    nbytes: int  # of all its bytes in the file


class SalvageReport(NamedTuple):
    """What was salvaged: kind and size of the output, how many leaves it has, and what is lost.

    `doubtful` leaves are in the output only where they were asked for. `items` are the leaves of the output, and
    `not_chosen` counts the intact ones that the patterns have left out. `has_end` is whether the input says where it
    ends: of a plain stream nobody can tell whether leaves are missing behind the last. `version` is that of a stream,
    and `metadata_left_out` are keys of the input's metadata for which the output has no place.
    """

    kind: str
    nbytes: int
    leaves: int
    losses: list[Loss]
    doubtful: tuple[Doubt, ...] = ()
    items: tuple[Item, ...] = ()
    not_chosen: int = 0
    has_end: bool = False
    version: str | None = None
    metadata_left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lost = sum(loss.end - loss.offset for loss in self.losses)
        return f"<SalvageReport: {counted(self.leaves, 'leaf')} of {article(self.kind)} intact, {size_text(lost)} lost>"


def salvage(
    path: Path_,
    output: Path_ | None,
    *,
    include: Patterns = None,
    exclude: Patterns = None,
    keep_doubtful: bool = False,
    dialect: str | None = None,
    dry_run: bool = False,
    progress: Shown = False,
    format: str | None = None,
) -> SalvageReport:
    """Write the intact leaves of a damaged stream or flax file to a file of the same kind, or of the kind that the
    prefix of the output says, or the end of its name.

    In a stream, reading continues after a damaged record with the next intact one; from a flax file, what comes before
    the first fault is salvaged. Lists, and what has a key that its map had before, are passed over. A leaf that ends in
    zeros, like all of the file behind it, is doubtful, and left out unless `keep_doubtful` is set. `include` and
    `exclude` are globs, or compiled regular expressions, on the display form of key paths.

    If the seal of a sealed stream is intact, every leaf that matches its checksums is salvaged, into a sealed stream
    with the same metadata; a seal beside a plain stream says which leaves are damaged. If the seal is lost, a plain
    stream is written, in which arrays in parts remain parts. `format` asks for "1.0" or "2.0" instead. A sealed output
    from which something is missing says so: its metadata has an entry `salvaged`. With `dry_run`, or if `output` is
    None, nothing is written. `dialect` says how a stream was written (see `open`). `progress` is True for a bar on a
    terminal, or a callable (see `reference.storage.progress.shown`). Raises FormatError if no leaf is intact, OSError,
    and UsageError.
    """
    prefix, name = split_prefix(os.fspath(path))
    if PREFIXES.get(prefix or "", STREAM) not in (STREAM, FLAX):
        raise UsageError(f"{name}: {_SALVAGED}, and {prefix}:: asks for another kind; {_AGAIN}")
    is_chosen = chooser(include, exclude)
    with contextlib.closing(open_files(name, PREFIXES.get(prefix or ""))) as source:
        _refuse_others(source)
        beside = seal_beside(source, name) if dialect is None else None
        kind, records, losses, seal, departure = read_what_is_whole(source, dialect, beside)
        doubtful = _doubtful(source, records, losses)
        unsure = set[tuple[str, ...]]() if keep_doubtful else {doubt.path for doubt in doubtful}
        intact = [record for record in records if record.path not in unsure]
        if not intact:
            _refuse(source, losses, doubtful)
        chosen = select(intact, is_chosen)
        refuse_placeholders(source, chosen, source.name)
        if departure is not None and (departure.error.offset or 0) < max(record.end for record in chosen):
            departure.tell(source.name)  # and not of what is damaged: zeros are ints
        said, output = (kind_said(output), split_prefix(output)[1]) if output is not None else (None, None)
        target = said or kind
        if target == ORBAX:
            raise UsageError("what is salvaged is written to one file: convert that to orbax::")
        found = moved_metadata(seal.index.metadata, [(record.path, record.path) for record in chosen]) if seal else {}
        attached = seal if seal is not None and not seal.is_detached else None
        options = _options(target, format, attached, found, _missing(losses, doubtful, keep_doubtful))
        items = [item_in(source, record) for record in depth_first(chosen)]
        if options is not None and seal is None and any(has_part_name(item.path) for item in items):
            raise UsageError(f"{source.name} holds parts of arrays, whose seal is lost: salvage it with --format=1.0")
        steps = steps_of(target, items, options)
        total = sum(map(Step.size, steps))
        place = place_of(output) if output is not None else None
        if place is not None:
            refuse_an_input(place, {"the damaged file": name})
            place.check_output()
        if place is not None and not dry_run:
            with shown(progress)("salvage", total) as moved, place.replace(moved, size=total) as sink:
                expect(source, extents_of(depth_first(chosen)))
                write_steps(sink, steps)
                source.refuse_changes()
        return SalvageReport(
            target,
            total,
            len(items),
            losses,
            doubtful,
            tuple(item_of_closed(item, source.name) for item in items),
            len(intact) - len(chosen),
            kind == FLAX or seal is not None,
            None if target != STREAM else VERSION if options is not None else "1.0",
            () if options is not None else tuple(found),
        )


def _doubtful(source: OpenedFile, records: Sequence[Record], losses: Sequence[Loss]) -> tuple[Doubt, ...]:
    """The leaves that end in the zeros with which a file, or a shard, ends whose last stretch is lost."""
    files = zip(source.files, source.starts, strict=True) if isinstance(source, JoinedFiles) else [(source, 0)]
    doubts: list[Doubt] = []
    for file, first in files:
        end = first + file.size
        if not any(first < loss.end == end for loss in losses) or (start := zeros_from(file)) is None:
            continue
        start += first
        doubts += [
            Doubt(record.path, record.end - max(start, record.leaf_offset), record.end - record.leaf_offset)
            for record in records
            if start < record.end <= end
        ]
    return tuple(doubts)


def _missing(losses: Sequence[Loss], doubtful: Sequence[Doubt], keeps: bool) -> dict[str, Any]:
    """What the metadata of a sealed output says of what is missing from it, nothing where that is nothing."""
    losses = [loss for loss in losses if loss.error.clause != "SEAL-5"]  # what is behind a seal is not of the stream
    if not losses:
        return {}
    lost = list(dict.fromkeys(display(loss.error.path) for loss in losses if loss.error.path))
    return {
        "complete": False,
        "bytes_lost": sum(loss.end - loss.offset for loss in losses),
        "leaves_lost": lost[:_NAMED],  # those whose names are known, and of many the first
        "doubtful_kept" if keeps else "doubtful_left_out": [display(doubt.path) for doubt in doubtful],
    }


def _options(
    target: str, format: str | None, seal: Seal | None, metadata: dict[str, Any], missing: dict[str, Any]
) -> SealOptions | None:
    """How the output is sealed: as the input is, or as asked for; None where it is not. Raises UsageError."""
    options = sealed_as(target, format)
    if options is None and (format is not None or target != STREAM or seal is None):
        return None
    if seal is not None:
        options = SealOptions(alignment=seal.index.alignment, digests=seal.index.digests is not None)
    assert options is not None
    return options._replace(metadata=metadata | ({SALVAGED: missing} if missing else {}))


def _refuse_others(source: OpenedFile) -> None:
    """Refuse, by its name, a file of which nothing can be salvaged whatever is in it."""
    if (found := kind_of(source)) in (DELTA, SAFETENSORS, ORBAX):
        error = WrongKind("CONV-6", 0, None, f"this is {article(found)}, and {_SALVAGED}", _AGAIN)
        error.kind, error.file = found, source.name
        raise error


def _refuse(source: OpenedFile, losses: list[Loss], doubtful: Sequence[Doubt]) -> None:
    """Say what kind of file it is when nothing can be salvaged."""
    found = kind_of(source)
    if found not in (STREAM, FLAX, UNKNOWN):
        try:
            refuse(found)
        except WrongKind as error:
            error.file = source.name
            raise
    error = losses[0].error
    error.file, error.advice = source.name, "no leaf in it is intact, so there is nothing to salvage"
    if doubtful:
        error.advice = f"no leaf in it is surely intact, and {counted(len(doubtful), 'leaf')} may be: --keep_doubtful"
    raise error
