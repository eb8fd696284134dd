"""`streamckpt verify`: check whole checkpoints against the specification, and say what they hold."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.patterns import chooser
from ..checkpoints.totals import totals
from ..checkpoints.verification import INFINITIES, NAN, Finding, NotedLeaf, verify
from ..containers.delta_file import DELTA
from ..containers.flax_file import STRICT
from ..containers.load_prefixes import PREFIXES, shown_name, split_prefix
from ..containers.stream import STREAM
from ..differences.delta_checking import verify_delta
from ..format.errors import UsageError, WrongKind, counted
from ..format.keypaths import display
from ..format.trees import is_train_state
from .command_line import each_file, run
from .delta_texts import describe_good_delta, print_good_delta
from .options import add_names, add_patterns, add_showing
from .parsers import Parser, parser
from .seal_texts import seal_json
from .statuses import DONE, NOTED
from .tables import named, size

_EXAMPLES = """examples:
  streamckpt verify streaming_params
  streamckpt verify trainstate::streaming_train_state
  # every file of a folder; the exit status is 0 if all are good
  streamckpt verify --quiet backups/* && echo good
  streamckpt verify flax::flax_model.msgpack --json
  # the exit status is 4 where a weight is NaN, so that a pipeline stops
  streamckpt verify streaming_params --fail_on=nan
  # a delta by itself, as far as that goes; and all of it, with its base
  streamckpt verify tuned.delta
  streamckpt verify tuned.delta --base=params::base

Notes do not change the exit status, unless --fail_on asks for it: a file may be good and not in canonical form.
A plain stream has no end mark: leaves that were cut off behind the last one are not noticed. Count the leaves.
"""

# What --fail_on takes, and the notes that it means.
FAULTS: Final = {"nan": (NAN,), "inf": (INFINITIES,), "nonfinite": (NAN, INFINITIES)}
_LISTED: Final = 10  # leaves under a note


def command_line() -> Parser:
    """The options of the command."""
    about = "Read whole checkpoints and check them against the specification."
    command = parser("verify", about, "FILE...", _EXAMPLES)
    command.one_pass = ("paths",)
    text = (
        f"[PREFIX::]PATH; PREFIX is one of {', '.join(PREFIXES)}; - is standard input, copied to a temporary file first"
    )
    command.add_argument("paths", metavar="FILE", nargs="+", help=text)
    add_patterns(command, "read")
    add_names(command)
    command.add_argument(
        "--fail_on",
        action="append",
        choices=tuple(FAULTS),
        help="exit with 4 where a good file holds NaN (nan), infinities (inf) or either (nonfinite); may be repeated",
    )
    command.add_argument(
        "--base",
        "--load_base_checkpoint",
        dest="load_base_checkpoint",
        metavar="[PREFIX::]PATH",
        help="the base of a delta: every leaf of its target is then made and compared with its digest",
    )
    add_showing(command)
    return command


def describe_json(checkpoint: Checkpoint, findings: list[Finding], file: str) -> dict[str, Any]:
    """What `--json` prints of a good file. Sizes are in bytes."""
    return {
        "file": file,
        "good": True,
        "kind": checkpoint.kind,
        "is_train_state": is_train_state(checkpoint),
        "leaves": len(checkpoint),
        "size": checkpoint.source.size,
        "totals": totals(checkpoint.records),
        "notes": [_note_json(finding) for finding in findings],
        **seal_json(checkpoint),
    }


def _note_json(finding: Finding) -> dict[str, Any]:
    each = [{"path": list(leaf.path), "count": leaf.noted, "elements": leaf.elements} for leaf in finding.each]
    return {"path": list(finding.first), "note": finding.note, "leaves": finding.leaves, "each": each}


def _print_report(checkpoint: Checkpoint, findings: list[Finding], file: str) -> None:
    what = "train state" if is_train_state(checkpoint) else "tree"
    kind = checkpoint.kind if checkpoint.contents.seal is None else f"sealed {checkpoint.kind}"
    kind += " (without an end mark)" if kind == STREAM else ""
    print(f"{file}: good {kind}, a {what} of {counted(len(checkpoint), 'leaf')}, {size(checkpoint.source.size)}")
    for name, entry in totals(checkpoint.records).items():
        leaves, elements = counted(entry["leaves"], "leaf"), counted(entry["elements"], "element")
        print(f"  {name}: {leaves}, {elements}, {size(entry['bytes'])}")
    for finding in findings:
        for line in _note_lines(finding):
            print(f"  {line}")


def _note_lines(finding: Finding) -> Iterator[str]:
    """A note, and below it its leaves with their counts; those of one leaf stand in its line."""
    first, *others = finding.each
    if not others:
        yield f"note: {display(finding.first)} {finding.note}" + (f": {_share(first)}" if first.noted else "")
        return
    yield f"note: {display(finding.first)} {finding.note} (and {counted(len(others), 'more leaf')})"
    for leaf in finding.each[:_LISTED]:
        yield f"  {display(leaf.path)}" + (f": {_share(leaf)}" if leaf.noted else "")
    if (left := len(finding.each) - _LISTED) > 0:
        yield f"  and {counted(left, 'more leaf')}, which --json lists"


def _share(leaf: NotedLeaf) -> str:
    return f"{leaf.noted:,} of {counted(leaf.elements, 'element')}"


def _run(arguments: argparse.Namespace) -> int:
    is_chosen = chooser(arguments.include, arguments.exclude)
    stop = {note for fault in arguments.fail_on or () for note in FAULTS[fault]}
    failed = set[str]()

    def check(path: str) -> dict[str, Any] | None:
        try:
            opened = open_checkpoint(path, dialect=STRICT, names=arguments.names)
        except WrongKind as error:
            if error.kind != DELTA or split_prefix(path)[0] is not None:
                raise
            return _check_delta(arguments, path)
        with opened as checkpoint:
            if arguments.load_base_checkpoint is not None:
                raise UsageError(f"{shown_name(path)} is not a delta, and only a delta has a --base")
            checkpoint.select(is_chosen)
            findings = verify(checkpoint, progress=arguments.progress)
            failed.update(finding.note for finding in findings if finding.note in stop)
            if arguments.json:
                return describe_json(checkpoint, findings, shown_name(path))
            _print_report(checkpoint, findings, named(path))
            return None

    status = each_file(arguments, command_line().prog, check, good=False)
    return NOTED if status == DONE and failed else status


def _check_delta(arguments: argparse.Namespace, path: str) -> dict[str, Any] | None:
    if arguments.include or arguments.exclude or arguments.fail_on:
        text = "is a delta, which is checked as a whole; recover its target first, to choose leaves or look for NaN"
        raise UsageError(f"{shown_name(path)} {text}")
    report = verify_delta(path, arguments.load_base_checkpoint, names=arguments.names, progress=arguments.progress)
    if arguments.json:
        return describe_good_delta(report, shown_name(path))
    print_good_delta(report, named(path))
    return None


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)
