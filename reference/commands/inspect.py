"""`streamckpt inspect`: the trees of checkpoints with shapes, dtypes, sizes and offsets, headers only."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Final

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.patterns import chooser, refuse_no_choice
from ..checkpoints.totals import totals
from ..containers.container import Contents, Unheld
from ..containers.damaged import read_up_to_fault
from ..containers.delta_file import DELTA
from ..containers.flax_file import FLAX
from ..containers.load_prefixes import PREFIXES, shown_name, split_prefix
from ..containers.orbax_folder import ORBAX
from ..containers.registry import begins_as, kind_of
from ..containers.shards import Shards, open_files
from ..containers.stream import STREAM
from ..differences.tree_digests import digest_of_tree
from ..format.errors import FormatError, UsageError, WrongKind, counted
from ..format.keypaths import display, printable
from ..format.leaves import leaf_text
from ..format.records import Record
from ..format.trees import depth_first
from .command_line import each_file, run
from .delta_texts import describe_delta, print_delta
from .options import add_dialect, add_format_of_report, add_names, add_patterns, add_prefix, add_showing
from .parsers import Parser, parser, whole_number
from .seal_texts import seal_json, seal_lines
from .tables import aligned, leaf_json, named, size

_EXAMPLES = """examples:
  streamckpt inspect streaming_params
  streamckpt inspect flax::flax_model.msgpack --depth 2
  streamckpt inspect streaming_train_state --match 'params/*/kernel' --json
  # is this the base of a delta? then `inspect` of the delta shows the same digest
  streamckpt inspect streaming_params --digest
"""

_HEADS: Final = ("key path", "leaf", "size", "offset")


def describe_json(checkpoint: Checkpoint, records: list[Record], file: str) -> dict[str, Any]:
    """What `--json` prints. Offsets and sizes are in bytes."""
    return {
        "file": file,
        "kind": checkpoint.kind,
        "size": checkpoint.source.size,
        **seal_json(checkpoint),
        **_shards_json(checkpoint),
        "leaves": [_leaf_json(checkpoint, record) for record in records],
        "totals": totals(records),
        **({"unheld": [_unheld_json(each) for each in checkpoint.unheld]} if checkpoint.unheld else {}),
    }


def _leaf_json(checkpoint: Checkpoint, record: Record) -> dict[str, Any]:
    return {
        "path": list(record.path),
        **leaf_json(record),
        **_place_json(checkpoint, record),
        **_shard_json(checkpoint, record.offset),
        **({"value": str(record.leaf.value)} if record.kind in ("bool", "int", "float", "complex") else {}),
    }


def _place_json(checkpoint: Checkpoint, record: Record) -> dict[str, Any]:
    """Where a leaf stands in its file; those of an orbax folder are in chunks, and nowhere."""
    if checkpoint.kind == ORBAX:
        return {}
    return {
        "offset": record.offset,
        "end": record.end,
        "payload": [list(extent) for extent in record.extents()],
    }


def _shards_json(checkpoint: Checkpoint) -> dict[str, Any]:
    """The files of a sharded checkpoint; offsets count from the first byte of the first."""
    source = checkpoint.source
    if not isinstance(source, Shards):
        return {}
    starts = zip(source.files, source.starts, strict=True)
    return {"shards": [{"file": file.name, "size": file.size, "start": start} for file, start in starts]}


def _shard_json(checkpoint: Checkpoint, offset: int) -> dict[str, Any]:
    source = checkpoint.source
    return {"shard": source.place_of(offset)[0]} if isinstance(source, Shards) else {}


def _unheld_json(each: Unheld) -> dict[str, Any]:
    return {"path": list(each.path), "tensor": each.text, "bytes": each.nbytes, "offset": each.offset}


def _rows(checkpoint: Checkpoint, records: list[Record], depth: int | None) -> Iterator[tuple[str, str, str, str]]:
    """One row a leaf, or a subtree where it lies deeper than `depth`: path, what, bytes, offset."""
    folded: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        key = record.path if depth is None or len(record.path) <= depth else record.path[:depth]
        folded.setdefault(key, []).append(record)
    for path, group in folded.items():
        first = group[0]
        nbytes = size(sum(record.nbytes for record in group))
        if path == first.path:
            yield display(path), leaf_text(first.leaf), nbytes, _place(checkpoint, first.offset)
        else:
            yield display(path) + "/...", counted(len(group), "leaf"), nbytes, _place(checkpoint, first.offset)
    for each in checkpoint.unheld:
        yield display(each.path), f"{printable(each.text)} (not supported)", size(each.nbytes), str(each.offset)


def _place(checkpoint: Checkpoint, offset: int) -> str:
    """An offset for people; of a sharded checkpoint that in its shard, and the shard."""
    source = checkpoint.source
    if checkpoint.kind == ORBAX:  # whose arrays are in chunks
        return "-"
    if not isinstance(source, Shards):
        return str(offset)
    file, at = source.place_of(offset)
    return f"{file} {at}"


def _print_human(checkpoint: Checkpoint, records: list[Record], file: str, depth: int | None) -> None:
    total = size(checkpoint.source.size)
    kind = checkpoint.kind if checkpoint.contents.seal is None else f"sealed {checkpoint.kind}"
    shards = f" in {len(checkpoint.source.files)} shards" if isinstance(checkpoint.source, Shards) else ""
    print(f"{file}: {kind}{shards}, {counted(len(checkpoint.listed) + len(checkpoint.unheld), 'leaf')}, {total}")
    if records or checkpoint.unheld:
        rows = _rows(checkpoint, records, depth)
        print(*aligned([_HEADS, *rows], "<<>>"), sep="\n")
    for name, entry in totals(records).items():
        leaves, elements = counted(entry["leaves"], "leaf"), counted(entry["elements"], "element")
        print(f"total {name}: {leaves}, {elements}, {size(entry['bytes'])}")
    for line in seal_lines(checkpoint):
        print(line)
    if (error := checkpoint.refusal()) is not None:
        error.file = None
        print(f"note: {error}", file=sys.stderr)


# --- damaged files --------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened_up_to_fault(arguments: argparse.Namespace, path: str, error: Exception) -> Iterator[Checkpoint | None]:
    """What stands in front of the first fault of a file that was refused, as a checkpoint; None where that is nothing.

    A file that is damaged is refused at an offset; one of another kind, or without what was asked for, is not damaged.
    """
    prefix, file = split_prefix(path)
    if not isinstance(error, FormatError) or isinstance(error, WrongKind) or error.clause.startswith("CONV-"):
        yield None
        return
    with contextlib.closing(open_files(file, PREFIXES.get(prefix or ""))) as source:
        if error.offset is None or (kind := kind_of(source)) not in (STREAM, FLAX):
            yield None
            return
        is_chosen = chooser(arguments.include, arguments.exclude)
        found = read_up_to_fault(source, arguments.dialect)  # which does not look for key paths that clash
        records = [each for each in found if each.offset < error.offset and is_chosen(each.path)]
        yield Checkpoint(source, kind, Contents(records)) if records else None


def _print_up_to_fault(arguments: argparse.Namespace, path: str, error: FormatError) -> None:
    with _opened_up_to_fault(arguments, path, error) as found:
        if found is not None:
            leaves = counted(len(found.listed), "leaf")
            print(f"{named(path)}: damaged {found.kind}, {leaves} in front of the fault, {size(found.source.size)}")
            rows = _rows(found, found.listed, arguments.depth)
            print(*aligned([_HEADS, *rows], "<<>>"), sep="\n")


def _json_up_to_fault(arguments: argparse.Namespace, path: str, error: Exception) -> dict[str, Any]:
    with _opened_up_to_fault(arguments, path, error) as found:
        return {"before": [_leaf_json(found, record) for record in found.listed]} if found is not None else {}


def command_line() -> Parser:
    """The options of the command."""
    command = parser("inspect", "Show what checkpoints hold, reading their headers only.", "FILE...", _EXAMPLES)
    command.one_pass = ("paths",)
    text = (
        f"[PREFIX::]PATH; PREFIX is one of {', '.join(PREFIXES)}; - is standard input, copied to a temporary file first"
    )
    command.add_argument("paths", metavar="FILE", nargs="+", help=text)
    command.add_argument("--depth", type=whole_number, metavar="N", help="fold subtrees deeper than N parts")
    command.add_flag("digest", False, "read the whole file, and show the digest of its tree, which names it as a base")
    add_patterns(command, "show")
    add_prefix(command, "show")
    add_names(command)
    add_dialect(command)
    add_format_of_report(command)
    add_showing(command, quiet=False, progress=False)
    return command


def _run(arguments: argparse.Namespace) -> int:
    if arguments.depth is not None and arguments.depth < 1:
        raise UsageError("--depth must be 1 or more")
    arguments.json = arguments.json or arguments.format == "json"
    return each_file(
        arguments,
        command_line().prog,
        lambda path: _show(arguments, path),
        beside=lambda path, error: _json_up_to_fault(arguments, path, error),
    )


def _show(arguments: argparse.Namespace, path: str) -> dict[str, Any] | None:
    """Print what a file holds, or give it for JSON."""
    prefix, file = split_prefix(path)
    is_chosen = chooser(arguments.include, arguments.exclude)
    with contextlib.closing(open_files(file, PREFIXES.get(prefix or ""))) as source:
        if prefix is None and begins_as(source, DELTA):
            delta = describe_delta(source)
            paths = [tuple(leaf["path"]) for leaf in delta["leaves"]]
            delta["leaves"] = [leaf for leaf, path in zip(delta["leaves"], paths, strict=True) if is_chosen(path)]
            if paths:
                refuse_no_choice(delta["leaves"], paths)
            return delta if arguments.json else print_delta(delta)
    options = {"dialect": arguments.dialect, "names": arguments.names, "prefix": arguments.prefix}
    try:
        opened = open_checkpoint(path, **options)
    except FormatError as error:
        if not arguments.json:
            _print_up_to_fault(arguments, path, error)
        raise
    with opened as checkpoint:
        listed = checkpoint.listed if checkpoint.refusal() else depth_first(checkpoint.listed)
        records = [record for record in listed if is_chosen(record.path)]
        all_unheld, checkpoint.unheld = checkpoint.unheld, tuple(x for x in checkpoint.unheld if is_chosen(x.path))
        if paths := [each.path for each in (*listed, *all_unheld)]:
            refuse_no_choice([*records, *checkpoint.unheld], paths)
        digest = _digest(arguments, checkpoint) if arguments.digest else None
        if arguments.json:
            found = describe_json(checkpoint, records, shown_name(file))
            return {**found, **({"tree_digest": digest} if digest else {})}
        _print_human(checkpoint, records, named(path), arguments.depth)
        if digest is not None:
            print(f"digest {digest}")
        return None


def _digest(arguments: argparse.Namespace, checkpoint: Checkpoint) -> str:
    if arguments.include or arguments.exclude:
        raise UsageError("--digest is that of the whole tree; leave out --include, --match and --exclude")
    with checkpoint.named_in_errors():
        return digest_of_tree(checkpoint).hex()


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv, shows=True)
