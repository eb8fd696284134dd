"""A checkpoint converted from one container or float dtype to another, out of core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..computing.backends import cast_on
from ..containers.load_prefixes import split_output, split_prefix
from ..containers.registry import steps_of
from ..containers.safetensors_file import SAFETENSORS
from ..containers.stream import STREAM, seal_options
from ..format.casts import float_dtype as dtype_called
from ..format.errors import UsageError
from ..format.metadata import Metadata
from ..format.payloads import write_steps
from ..format.records import Item, extents_of, item_in, item_of_closed
from ..format.sealing import SealOptions
from ..format.seals import VERSION, Seal
from ..format.streams import too_big_for_old_loaders
from ..format.trees import depth_first
from ..mapping.maps import MapLike
from ..storage.local_files import Path_
from ..storage.places import place_of
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.same_files import refuse_itself
from .checkpoint import Checkpoint, KeyPathLike, locate
from .checkpoint import open as open_checkpoint
from .patterns import Patterns, chooser
from .remapping import MapReport, remapped, with_parameters, write_config
from .renaming import Renames


class ConvertReport(NamedTuple):
    """What a conversion did, or with `dry_run` would do."""

    target_kind: str
    items: list[Item]
    cast: list[tuple[Item, Item]]  # leaves whose dtype changes, before and after
    nbytes: int  # of the output
    overflowed: int
    too_big_for_old_loaders: list[tuple[str, ...]]
    version: str | None = None  # of the stream that is written
    metadata_left_out: tuple[str, ...] = ()  # keys of the metadata for which the output has no place
    map: MapReport | None = None


def convert(
    path: Path_,
    output: Path_,
    *,
    prefix: KeyPathLike | None = None,
    streaming: bool = True,
    float_dtype: str | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    dialect: str | None = None,
    rename: Renames = None,
    map: MapLike | None = None,
    map_parameters: Mapping[str, float] | None = None,
    dry_run: bool = False,
    backend: str | None = None,
    progress: Shown = False,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
) -> ConvertReport:
    """Write the checkpoint at `path`, `[PREFIX::]PATH` of any container, to `output`.

    `prefix` chooses the subtree under a key path, and takes that path off, and `dialect` says in which a stream is
    written (see `open`). A load prefix of `output` says
    what is written (`params::`, `flax::`, `safetensors::`); without one `streaming` does: True is a stream, False a
    standard flax file. `float_dtype` (bf16, fp16, fp32, fp64 or a long name) casts the float leaves; None keeps every
    dtype. `include` and `exclude` are globs, or compiled regular expressions, on the display form of key paths; without
    them all leaves are converted. With `dry_run` nothing is written. `progress` is True for a bar on a terminal, or a
    callable (see `reference.storage.progress.shown`).

    `rename` are regular expressions and what replaces what they find in key paths (see `renaming.renamed`), and `map`
    is a `Map`, the name of one, or a TOML file: it says the names and layout that the leaves get after that, and the
    order of the elements in them, out of core as all else. What it has to be told beside the shapes stands in
    `map_parameters`, in the metadata of the input, or in a config.json beside it. A folder of safetensors, or a file
    `model.safetensors`, gets the config.json that the map implies, unless one stands there. Some 150 MB are held then.

    A stream is written in version `format`, "1.0" or "2.0", which is a sealed stream; None is that of the input. A
    sealed stream gets the metadata of the input, and `metadata` beside it. `alignment` and `digests` are those of
    `reference.save`; None is what the input has.

    Holds the headers of all leaves and some pieces of one payload in memory, some 20 MB,
    whatever the sizes. The output appears whole or not at all; `backend` says what casts, and its bytes are the same
    with each. Raises FormatError, OSError, and UsageError for a prefix, dtype or backend that does not exist.
    """
    dtype = dtype_called(float_dtype)
    target, name = split_output(output, streaming)
    place = place_of(name)
    refuse_itself(place, split_prefix(path)[1])
    overflows: list[int] = []
    with open_checkpoint(path, prefix, any_kind=True, dialect=dialect) as checkpoint:
        checkpoint.select(chooser(include, exclude))
        found = [item_in(checkpoint.source, record) for record in checkpoint.records]
        source = locate(path, prefix)[1]
        found, mapped = remapped(found, rename, map, map_parameters, checkpoint.metadata, source, (target, name))
        # What a map moves is not read front to back, and is not announced.
        records = {} if mapped else {item.path: record for item, record in zip(found, checkpoint.records, strict=True)}
        # Depth-first order (TREE-5), whatever the order of the source.
        found = depth_first(found)
        cast_to = cast_on(backend, dtype, [] if dry_run else [item.leaf.dtype for item in found])
        items = [cast_to(item, dtype, overflows.append) for item in found]
        version = (format or checkpoint.version) if target == STREAM else None
        metadata = with_parameters(mapped, target == STREAM and version == VERSION, metadata)
        kept = _kept_metadata(checkpoint)
        seal = _seal(target, version, checkpoint.contents.seal, kept, metadata, alignment, digests)
        steps = steps_of(target, items, seal)
        sizes = [step.size() for step in steps]
        total = sum(sizes)
        place.check_output()
        if not dry_run:
            show = shown(progress)(f"{checkpoint.kind} to {target}", total)
            with show as moved, place.replace(moved, True, total) as sink:
                expect(checkpoint.source, extents_of(records[item.path] for item in found if records))
                write_steps(sink, steps)
                checkpoint.source.refuse_changes()
            write_config(mapped, [item.leaf for item in items])
        plain = target == STREAM and seal is None
        too_big = too_big_for_old_loaders((item.path for item in items), sizes) if plain else []
        left_out = () if seal is not None else tuple(kept)
        items = [item_of_closed(item, checkpoint.source.name) for item in items]
        found = [item_of_closed(item, checkpoint.source.name) for item in found]
        cast = [(old, new) for old, new in zip(found, items, strict=True) if old.leaf.dtype != new.leaf.dtype]
        return ConvertReport(target, items, cast, total, sum(overflows), too_big, version, left_out, mapped)


def _kept_metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a sealed stream of this checkpoint says of it (META-4)."""
    metadata = checkpoint.metadata
    return {"safetensors": metadata} if checkpoint.kind == SAFETENSORS and metadata else metadata


def _seal(
    target: str,
    version: str | None,
    old: Seal | None,
    kept: dict[str, Any],
    given: Metadata | None,
    alignment: int | None,
    digests: bool | None,
) -> SealOptions | None:
    """How the output is sealed, None where it is not. Raises UsageError where it cannot hold what is given."""
    if target != STREAM and any(each is not None for each in (given, alignment, digests)):
        raise UsageError(f"a {target} is not sealed: it holds no metadata, alignment or digests; write a stream")
    if target != STREAM or version is None:
        return None
    if version != VERSION:
        return seal_options(version, given, alignment, digests)
    if old is not None and not old.is_detached:
        alignment = old.index.alignment if alignment is None else alignment
        digests = old.index.digests is not None if digests is None else digests
    return seal_options(version, {**kept, **(given or {})}, alignment, digests)
