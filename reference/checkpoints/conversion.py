"""A checkpoint converted from one container or float dtype to another, out of core."""

from __future__ import annotations

from typing import NamedTuple

from ..computing.backends import cast_on
from ..containers.load_prefixes import split_output
from ..containers.registry import CONTAINERS
from ..containers.stream import STREAM
from ..format.casts import float_dtype
from ..format.payloads import Step, write_steps
from ..format.records import Item, Record, item_in, item_of_closed
from ..format.streams import too_big_for_old_loaders
from ..format.trees import depth_first
from ..storage.places import place_of
from ..storage.progress import Show, progress_bar
from .checkpoint import open as open_checkpoint
from .patterns import Patterns, chooser


class Report(NamedTuple):
    """What a conversion did, or with `dry_run` would do."""

    target_kind: str
    items: list[Item]
    cast: list[tuple[Record, Item]]  # leaves whose dtype changes
    nbytes: int  # of the output
    overflowed: int
    too_big_for_old_loaders: list[tuple[str, ...]]


def convert(
    load_checkpoint: str,
    output_file: str,
    *,
    streaming: bool = False,
    float_type: str | None = None,
    match: Patterns = None,
    exclude: Patterns = None,
    dry_run: bool = False,
    backend: str | None = None,
    show: Show = progress_bar,
) -> Report:
    """Convert a checkpoint; see the command's help for the spellings.

    `match` and `exclude` are globs, or compiled regular expressions, on the display form of key paths; without them all
    leaves are converted. Holds the headers of all leaves and some pieces of one payload in memory, some 20 MB,
    whatever the sizes. The output appears whole or not at all; `backend` says what casts, and its bytes are the same
    with each. Raises FormatError, OSError, and UsageError for a prefix, dtype or backend that does not exist.
    """
    dtype = float_dtype(float_type)
    target, output = split_output(output_file, streaming)
    place = place_of(output)
    overflows: list[int] = []
    with open_checkpoint(load_checkpoint, any_kind=True) as checkpoint:
        checkpoint.select(chooser(match, exclude))
        # Depth-first order (TREE-5), whatever the order of the source.
        records = depth_first(checkpoint.records)
        cast_to = cast_on(backend, dtype, [] if dry_run else [record.dtype for record in records])
        items = [cast_to(item_in(checkpoint.source, record), dtype, overflows.append) for record in records]
        steps = CONTAINERS[target].steps(items)
        sizes = list(map(Step.size, steps))
        total = sum(sizes)
        place.check_output()
        if not dry_run:
            with show(f"{checkpoint.kind} to {target}", total) as moved, place.replace(moved, behind=True) as sink:
                write_steps(sink, steps)
                checkpoint.source.refuse_changes()
        too_big = too_big_for_old_loaders((item.path for item in items), sizes) if target == STREAM else []
        items = [item_of_closed(item, checkpoint.source.name) for item in items]
        cast = [(old, new) for old, new in zip(records, items, strict=True) if old.dtype != new.leaf.dtype]
        return Report(target, items, cast, total, sum(overflows), too_big)
