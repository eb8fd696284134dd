"""The intact leaves of a damaged checkpoint, written to a new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import NamedTuple

from ..containers.container import Loss, article
from ..containers.damaged import read_what_is_whole
from ..containers.delta_file import DELTA
from ..containers.flax_file import FLAX
from ..containers.foreign import UNKNOWN
from ..containers.load_prefixes import PREFIXES, kind_said, split_prefix
from ..containers.orbax_folder import ORBAX
from ..containers.placeholders import refuse_placeholders
from ..containers.registry import kind_of, refuse, steps_of
from ..containers.safetensors_file import SAFETENSORS
from ..containers.shards import open_files
from ..containers.stream import STREAM
from ..containers.zeros import zeros_from
from ..format.errors import UsageError, counted
from ..format.leaves import size_text
from ..format.payloads import Step, write_steps
from ..format.records import Record, extents_of, item_in
from ..format.sealing import SealOptions
from ..format.seals import Seal
from ..format.trees import depth_first
from ..storage.local_files import Path_
from ..storage.place import OpenedFile
from ..storage.places import place_of
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.same_files import refuse_an_input


class SalvageReport(NamedTuple):
    """What was salvaged: kind and size of the output, how many leaves it has, and what is lost.

    `doubtful` are key paths of leaves whose ends are zeros, like all of the file behind them: of a download that did
    not finish they may be incomplete.
    """

    kind: str
    nbytes: int
    leaves: int
    losses: list[Loss]
    doubtful: tuple[tuple[str, ...], ...] = ()

    def __repr__(self) -> str:
        lost = sum(loss.end - loss.offset for loss in self.losses)
        return f"<SalvageReport: {counted(self.leaves, 'leaf')} of {article(self.kind)} intact, {size_text(lost)} lost>"


def salvage(
    path: Path_,
    output: Path_ | None,
    *,
    dialect: str | None = None,
    dry_run: bool = False,
    progress: Shown = False,
) -> SalvageReport:
    """Write the intact leaves of a damaged stream or flax file to a file of the same kind, or of the kind that the
    prefix of the output says, or the end of its name.

    In a stream, reading continues after a damaged record with the next intact one; from a flax file, what comes before
    the first fault is salvaged. If the seal of a sealed stream is intact, every leaf that matches its checksums is
    salvaged, into a sealed stream with the same metadata. If the seal is lost, a plain stream is written, in which
    arrays in parts remain parts. With `dry_run`, or if `output` is None, nothing is written. `dialect` says how
    a stream was written (see `open`). `progress` is True for a bar on a terminal, or a callable (see
    `reference.storage.progress.shown`). Raises FormatError if no leaf is intact, OSError, and UsageError.
    """
    prefix, name = split_prefix(os.fspath(path))
    if PREFIXES.get(prefix or "", STREAM) not in (STREAM, FLAX):
        raise UsageError(f"only streams and flax files can be salvaged, and {prefix}:: asks for another kind")
    with contextlib.closing(open_files(name, PREFIXES.get(prefix or ""))) as source:
        if (found := kind_of(source)) in (DELTA, SAFETENSORS, ORBAX):
            refuse(found, STREAM)
        kind, records, losses, seal, departure = read_what_is_whole(source, dialect)
        if not records:
            _refuse(source, losses)
        refuse_placeholders(source, records, source.name)
        if departure is not None:
            departure.tell(source.name)
        said, output = (kind_said(output), split_prefix(output)[1]) if output is not None else (None, None)
        target = said or kind
        if target == ORBAX:
            raise UsageError("what is salvaged is written to one file: convert that to orbax::")
        items = [item_in(source, record) for record in depth_first(records)]
        steps = steps_of(target, items, _options(seal) if target == STREAM and seal is not None else None)
        total = sum(map(Step.size, steps))
        place = place_of(output) if output is not None else None
        if place is not None:
            refuse_an_input(place, {"the damaged file": name})
            place.check_output()
        if place is not None and not dry_run:
            with shown(progress)("salvage", total) as moved, place.replace(moved, size=total) as sink:
                expect(source, extents_of(depth_first(records)))
                write_steps(sink, steps)
                source.refuse_changes()
        return SalvageReport(target, total, len(items), losses, _doubtful(source, records, losses))


def _doubtful(source: OpenedFile, records: Sequence[Record], losses: Sequence[Loss]) -> tuple[tuple[str, ...], ...]:
    """The leaves that end in the zeros with which a file ends whose last stretch is lost."""
    if not any(loss.end == source.size for loss in losses) or (start := zeros_from(source)) is None:
        return ()
    return tuple(record.path for record in records if record.end > start)


def _options(seal: Seal) -> SealOptions:
    """How the output is sealed: as the input is."""
    index = seal.index
    return SealOptions(index.metadata, index.alignment, index.digests is not None)


def _refuse(source: OpenedFile, losses: list[Loss]) -> None:
    """Say what kind of file it is when nothing can be salvaged."""
    found = kind_of(source)
    if found not in (STREAM, FLAX, UNKNOWN):
        refuse(found)
    error = losses[0].error
    error.file, error.advice = source.name, "no leaf in it is intact, so there is nothing to salvage"
    raise error
