"""A checkpoint converted from one container or float dtype to another, out of core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ..computing.backends import cast_on
from ..containers.load_prefixes import split_prefix
from ..containers.safetensors_file import SPLIT
from ..containers.stream import STREAM, seal_options
from ..format.casts import Tally
from ..format.casts import float_dtype as dtype_called
from ..format.errors import UsageError, article, counted
from ..format.leaves import size_text
from ..format.metadata import Metadata
from ..format.records import Item, extents_of, item_in, item_of_closed
from ..format.sealing import SealOptions
from ..format.seals import VERSION, Seal
from ..format.streams import too_big_for_old_loaders
from ..format.trees import depth_first
from ..mapping.maps import MapLike
from ..storage.local_files import Path_
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from .checkpoint import KeyPathLike, locate
from .checkpoint import open as open_checkpoint
from .metadata_carried import Carried, carried
from .outputs import Output
from .patterns import Patterns, chooser, listed, without_match
from .remapping import MapReport, config_file, folder_of_map, remapped, with_parameters
from .renaming import Renames


class ConvertReport(NamedTuple):
    """What a conversion did, or with `dry_run` would do.

    `became_zero` counts the nonzero values that casts made zero, and `worst` is the key path of the leaf that lost the
    most; `shards` are the files of a folder.
    """

    target_kind: str
    items: list[Item]
    cast: list[tuple[Item, Item]]  # leaves whose dtype changes, before and after
    nbytes: int  # of the output
    overflowed: int
    too_big_for_old_loaders: list[tuple[str, ...]]
    version: str | None = None  # of the stream that is written
    metadata_left_out: tuple[str, ...] = ()  # keys of the metadata for which the output has no place
    became_zero: int = 0
    worst: tuple[str, ...] | None = None
    shards: tuple[str, ...] = ()
    map: MapReport | None = None
    unmatched: tuple[tuple[str, str], ...] = ()  # arguments, each with a pattern of it that matches no leaf
    replaced: bool = False  # the output has taken the place of the input

    def __repr__(self) -> str:
        leaves = counted(len(self.items), "leaf")
        return f"<ConvertReport: {article(self.target_kind)} of {leaves}, {size_text(self.nbytes)}>"


FloatDtypes = str | Mapping[str, str] | None  # a dtype, or one for each glob


def convert(
    path: Path_,
    output: Path_,
    *,
    prefix: KeyPathLike | None = None,
    streaming: bool | None = None,
    float_dtype: FloatDtypes = None,
    keep: Patterns = None,
    include: Patterns = None,
    exclude: Patterns = None,
    dialect: str | None = None,
    names: str = SPLIT,
    rename: Renames = None,
    map: MapLike | None = None,
    map_parameters: Mapping[str, float] | None = None,
    max_shard_size: int | str | None = None,
    dry_run: bool = False,
    backend: str | None = None,
    progress: Shown = False,
    format: str | None = None,
    metadata: Metadata | None = None,
    alignment: int | None = None,
    digests: bool | None = None,
) -> ConvertReport:
    """Write the checkpoint at `path`, `[PREFIX::]PATH` of any container, to `output`.

    `prefix` chooses the subtree under a key path and drops that path; `dialect` says how a stream was written (see
    `open`). A load prefix of `output` says what to write (`params::`, `flax::`, `safetensors::`). Without one the end
    of its name does (`.safetensors`), and else `streaming`: True, the default, writes a stream, and False a standard
    flax file. An output that ends in `/` is a folder of shards of at most `max_shard_size` bytes of tensors (a number,
    or a string such as "5GB", the default), with the names and the index that transformers uses. Old shards and their
    index are removed, and other files in the folder stay. It holds safetensors where a `map` to Hugging Face's names is
    given and nothing else says the kind.

    `float_dtype` (bf16, fp16, fp32, fp64 or a long name) casts the float leaves; None keeps every dtype. It may be a
    dict from globs to dtypes, in which the last match wins. `keep` are globs of leaves that are not cast. Both are
    compared with the key paths that are written.
    `include` and `exclude` are globs, or compiled regular expressions, on the display form of key paths; without
    them all leaves are converted. `names="whole"` keeps names of safetensors whole, and writes them so (see `open`).
    With `dry_run` nothing is written. `progress` is True for a bar on a terminal, or a callable (see
    `reference.storage.progress.shown`).

    `rename` are pairs of a regular expression and the template that replaces its matches in key paths (see
    `renaming.renamed`). `map` is a `Map`, the name of one, or a TOML file; applied after the renames, it gives leaves
    their new names and layouts, out of core like everything else, in some 150 MB. What it needs to know besides the
    shapes is taken from `map_parameters`, from the metadata of the input, or from a config.json beside it. A folder of
    safetensors, or a file `model.safetensors`, gets the config.json that the map implies, unless it has one.

    A stream is written in version `format`: "1.0", or "2.0" for a sealed stream; None is that of the input. Other
    kinds have no version. A sealed stream and a safetensors file get the metadata of the input, and `metadata` in
    addition; safetensors stores what is not a string as JSON. `alignment` and `digests` are those of `reference.save`;
    None is what the input has.

    Holds the headers of all leaves and some pieces of one payload in memory, some 20 MB,
    whatever the sizes. The output appears whole or not at all. `backend` does the casts: "numpy" or "jax",
    or None for jax where there is an accelerator; the bytes are the same with each. Raises FormatError, OSError, and
    UsageError for a prefix, dtype or backend that does not exist.
    """
    include, exclude, keep = listed(include), listed(exclude), listed(keep)
    dtype_for = dtype_chooser(float_dtype, keep)
    to = Output(folder_of_map(output, map) if streaming is None else output, streaming, max_shard_size)
    if format is not None and to.kind != STREAM:
        text = f"{article(to.kind)} has no version of the stream format; leave out --format (format=)"
        raise UsageError(f"{text}, or write a stream: params::{to.name.rstrip('/')}")
    to.refuse_itself(split_prefix(path)[1])
    replaces = to.replaces(split_prefix(path)[1])
    tally = Tally()
    with open_checkpoint(path, prefix, dialect=dialect, names=names) as checkpoint:
        there = [*(record.path for record in checkpoint.listed), *(each.path for each in checkpoint.unheld)]
        unmatched = [
            *(("include", glob) for glob in without_match(include, there)),
            *(("exclude", glob) for glob in without_match(exclude, there)),
        ]
        checkpoint.select(chooser(include, exclude))
        to.refuse_loss(split_prefix(path)[1], len(checkpoint.records) == len(checkpoint.contents.records))
        items = [item_in(checkpoint.source, record) for record in checkpoint.records]
        places = locate(path, prefix)[1], (to.kind, to.name)
        items, mapped = remapped(items, rename, map, map_parameters, checkpoint.metadata, *places)
        sources = mapped.sources if mapped else range(len(items))
        paths = dict(enumerate(record.path for record in checkpoint.records))  # a map adds those that are tied
        moved = [(paths[n], item.path) for n, item in zip(sources, items, strict=True) if n in paths]
        # What a map moves is not read front to back, and is not announced.
        records = {} if mapped else {item.path: record for item, record in zip(items, checkpoint.records, strict=True)}
        # Depth-first order (TREE-5), whatever the order of the source.
        items = depth_first(items)
        dtypes = [dtype_for(item.path) for item in items]
        written = [item.path for item in items]
        globs = [*float_dtype] if isinstance(float_dtype, Mapping) else None
        unmatched += [("keep", glob) for glob in without_match(keep, written)]
        unmatched += [("float_dtype", glob) for glob in without_match(globs, written)]
        cast_to = cast_on(backend, [] if dry_run else zip(dtypes, (item.leaf.dtype for item in items), strict=True))
        before, items = items, [cast_to(item, dtype, tally.add) for item, dtype in zip(items, dtypes, strict=True)]
        version = (format or checkpoint.version) if to.kind == STREAM else None
        found = carried(checkpoint, to.kind, version, with_parameters(mapped, to.kind, version, metadata), moved)
        seal = _seal(to.kind, version, checkpoint.contents.seal, found, alignment, digests)
        to.check()
        plan = to.plan(items, seal, found.texts, names)
        plan = plan._replace(beside=config_file(mapped, [item.leaf for item in items]))
        sizes = plan.sizes()
        total = plan.nbytes()
        if not dry_run:
            with shown(progress)(f"{checkpoint.kind} to {to.kind}", total) as moved:
                expect(checkpoint.source, extents_of(records[item.path] for item in before if records))
                to.write(plan, moved, checkpoint.source.refuse_changes)
        plain = to.kind == STREAM and seal is None
        too_big = too_big_for_old_loaders((item.path for item in items), sizes) if plain else []
        items = [item_of_closed(item, checkpoint.source.name) for item in items]
        before = [item_of_closed(item, checkpoint.source.name) for item in before]
        cast = [(old, new) for old, new in zip(before, items, strict=True) if old.leaf.dtype != new.leaf.dtype]
        return ConvertReport(
            to.kind,
            items,
            cast,
            total,
            tally.infinite,
            too_big,
            version,
            found.left_out,
            tally.zero,
            tally.worst,
            tuple(name for name, _ in plan.files if name),
            mapped,
            tuple(unmatched),
            replaces,
        )


def dtype_chooser(float_dtype: FloatDtypes, keep: Patterns) -> Callable[[tuple[str, ...]], np.dtype | None]:
    """What says to which dtype the floats of a leaf are cast, None for its own. Raises UsageError."""
    given = {"*": float_dtype} if not isinstance(float_dtype, Mapping) else float_dtype
    rules = [(chooser(glob), dtype_called(name)) for glob, name in given.items()]
    kept = chooser(keep) if keep else lambda path: False

    def dtype_for(path: tuple[str, ...]) -> np.dtype | None:
        if kept(path):
            return None
        return next((dtype for is_meant, dtype in reversed(rules) if is_meant(path)), None)

    return dtype_for


def _seal(
    kind: str,
    version: str | None,
    old: Seal | None,
    found: Carried,
    alignment: int | None,
    digests: bool | None,
) -> SealOptions | None:
    """How the output is sealed, None where it is not. Raises UsageError where it cannot hold what is given."""
    if kind != STREAM and (alignment is not None or digests is not None):
        raise UsageError(f"{article(kind)} cannot be sealed, so it takes no alignment and no digests; write a stream")
    if kind != STREAM or version is None:
        return None
    if version != VERSION:
        return seal_options(version, None, alignment, digests)
    if old is not None and not old.is_detached:
        alignment = old.index.alignment if alignment is None else alignment
        digests = old.index.digests is not None if digests is None else digests
    return seal_options(version, found.sealed, alignment, digests)
