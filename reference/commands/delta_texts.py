"""What `inspect` and `verify` show of a delta."""

from __future__ import annotations

from typing import Any

from ..containers.delta_file import DELTA
from ..containers.registry import read_delta_file
from ..differences.delta_checking import DeltaReport
from ..format.errors import FormatError, counted
from ..format.keypaths import display, printable
from ..storage.place import OpenedFile
from .tables import aligned, leaf_json, size


def describe_delta(source: OpenedFile) -> dict[str, Any]:
    """What `inspect --json` prints of a delta. Raises what `registry.read_delta_file` raises."""
    try:
        manifest, blocks, _ = read_delta_file(source)
    except FormatError as error:
        error.file = error.file or source.name
        raise
    packed = [0] * len(manifest.leaves)
    for path, block in blocks.items():
        packed[int(path[1])] += block.nbytes
    return {
        "file": source.name,
        "kind": DELTA,
        "size": source.size,
        "base": manifest.base.hex(),
        "target": manifest.target.hex(),
        "leaves": [
            {
                "path": list(entry.path),
                **leaf_json(entry),
                "change": "new" if entry.base is None else "same" if entry.base == entry.digest else "changed",
                "packed": nbytes,
            }
            for entry, nbytes in zip(manifest.leaves, packed, strict=True)
        ],
        "removed": [list(path) for path, _ in manifest.removed],
    }


def print_delta(found: dict[str, Any]) -> None:
    """The same for people."""
    print(f"{printable(found['file'])}: delta, {counted(len(found['leaves']), 'leaf')}, {size(found['size'])}")
    print(f"base   {found['base']}\ntarget {found['target']}")
    rows = [
        (display(tuple(leaf["path"])), leaf["change"], size(leaf["bytes"]), size(leaf["packed"]))
        for leaf in found["leaves"]
    ]
    print(*aligned([("key path", "change", "size", "in the delta"), *rows], "<<>>"), sep="\n")
    for path in found["removed"]:
        print(f"{display(tuple(path))}  is only in the base")


def describe_good_delta(report: DeltaReport, file: str) -> dict[str, Any]:
    """What `verify --json` prints of a good delta. Sizes are in bytes."""
    return {
        "file": file,
        "good": True,
        "kind": DELTA,
        "size": report.nbytes,
        "base": report.base.hex(),
        "target": report.target.hex(),
        "with_base": report.with_base,
        "leaves": report.leaves,
        "compared": report.compared,
        "changed": report.changed,
        "unchanged": report.unchanged,
    }


def print_good_delta(report: DeltaReport, file: str) -> None:
    """The same for people."""
    leaves = counted(report.leaves, "leaf")
    far = "" if report.with_base or not report.changed else " as far as it can be told without its base"
    print(f"{file}: good delta{far}, for a target of {leaves}, {size(report.nbytes)}")
    print(f"  base   {report.base.hex()}\n  target {report.target.hex()}")
    if report.with_base:
        print(f"  made with the base and compared with digests: {leaves}")
        return
    if report.compared:
        print(f"  compared with digests: {counted(report.compared, 'leaf')}, which the delta holds whole")
    if report.changed:
        what = "which the delta holds as differences; their frames are sound, and --base compares them"
        print(f"  not compared: {counted(report.changed, 'leaf')}, {what}")
    if report.unchanged:
        print(f"  in the base alone: {counted(report.unchanged, 'leaf')}")
