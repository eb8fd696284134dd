"""`streamckpt salvage`: rescue the intact leaves of a damaged checkpoint, and list what is lost."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..checkpoints.salvaging import SalvageReport, salvage
from ..containers.container import Loss
from ..containers.load_prefixes import shown_name
from ..containers.stream import STREAM
from ..format.errors import UsageError, article, counted
from ..format.keypaths import display
from ..format.leaves import leaf_text
from ..format.seals import VERSION
from .command_line import error_json, print_json, run
from .options import add_dialect, add_format, add_patterns, add_showing
from .parsers import Parser, parser
from .statuses import DONE, PARTLY
from .tables import leaf_json, named, note_left_out, size

_EXAMPLES = """examples:
  # list what is lost, and write nothing
  streamckpt salvage streaming_params --dry_run
  streamckpt salvage streaming_params rescued
  # a sealed stream, whose metadata says that it is only a part
  streamckpt salvage streaming_params rescued --format=2.0
  # the layers alone, and also a leaf that ends in the zeros of a download that did not finish
  streamckpt salvage streaming_params rescued --match='*/layers/*' --keep_doubtful
  # the spelling of the other commands
  streamckpt salvage --load_checkpoint=streaming_params --output_file=rescued

In a plain stream a record in which only the payload was changed looks intact: version 1.0 has no checksums. Nor has
it an end mark: leaves that were cut off behind the last one are not noticed.
"""


def _lost(loss: Loss) -> str:
    error = loss.error
    leaf = f"{display(error.path)}: " if error.path else ""
    stretch = f"bytes {loss.offset} to {loss.end}, {size(loss.end - loss.offset)}"
    return f"  lost: {stretch}: {leaf}{error.detail} ({error.clause}, byte {error.offset})"


def command_line() -> Parser:
    """The options of the command."""
    about = "Rescue the intact leaves of a damaged checkpoint, and list what is lost."
    command = parser("salvage", about, "IN OUT", _EXAMPLES)
    command.one_pass = ("load_checkpoint",)
    command.add_place(
        "load_checkpoint",
        "IN",
        "the damaged file, a stream or a flax file; - is standard input, which is copied to a temporary file first",
    )
    command.add_place(
        "output_file",
        "OUT",
        "the output, of the same kind as the input unless its prefix says another; - is standard output",
        optional=True,
    )
    add_patterns(command, "write")
    command.add_flag(
        "keep_doubtful",
        False,
        "write also a leaf that ends in zeros, as all of the file behind it is: it may be a part",
    )
    add_format(command, "that of the input, if its seal is intact, and else 1.0")
    add_dialect(command)
    command.add_flag("dry_run", False, "list what is intact and what is lost, and write nothing")
    add_showing(command)
    return command


def describe_json(report: SalvageReport, file: str, output: str | None) -> dict[str, Any]:
    """What `--json` prints. Offsets and sizes are in bytes; `output` is null where nothing was written."""
    return {
        "file": file,
        "output": output,
        "kind": report.kind,
        "version": report.version,
        "leaves": report.leaves,
        "intact": [{"path": list(item.path), **leaf_json(item.leaf)} for item in report.items],
        "not_chosen": report.not_chosen,
        "bytes": report.nbytes,
        "has_end": report.has_end,
        "doubtful": [list(doubt.path) for doubt in report.doubtful],
        "doubts": [
            {"path": list(doubt.path), "zeros": doubt.zeros, "bytes": doubt.nbytes} for doubt in report.doubtful
        ],
        "metadata_left_out": list(report.metadata_left_out),
        "lost": [{**error_json(loss.error), "offset": loss.offset, "end": loss.end} for loss in report.losses],
    }


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output_file is None and not arguments.dry_run:
        raise UsageError("name an output, or ask for --dry_run")
    report = salvage(
        arguments.load_checkpoint,
        arguments.output_file,
        include=arguments.include,
        exclude=arguments.exclude,
        keep_doubtful=arguments.keep_doubtful,
        format=arguments.format,
        dry_run=arguments.dry_run,
        dialect=arguments.dialect,
        progress=arguments.progress,
    )
    written = None if arguments.dry_run else arguments.output_file
    if arguments.json:
        print_json(describe_json(report, shown_name(arguments.load_checkpoint), written and shown_name(written)))
    else:
        _print_report(report, arguments, written and named(written))
    return PARTLY if report.losses else DONE


def _print_report(report: SalvageReport, arguments: argparse.Namespace, output: str | None) -> None:
    if arguments.dry_run:
        for item in report.items:
            print(f"{display(item.path)}  {leaf_text(item.leaf)}  {size(item.leaf.nbytes)}")
    print(f"{named(arguments.load_checkpoint)}: {_verdict(report, arguments.keep_doubtful)}")
    for loss in report.losses:
        print(_lost(loss))
    for doubt in report.doubtful:
        zeros = f"the last {doubt.zeros:,} of its {doubt.nbytes:,} bytes are zeros, as all of the file behind them is"
        kept = "written all the same" if arguments.keep_doubtful else "left out, unless --keep_doubtful asks for it"
        print(f"  doubtful: {display(doubt.path)}: {zeros}; {kept}")
    if output is not None:
        kind = "sealed stream" if report.version == VERSION else report.kind
        print(f"wrote {output}: {article(kind)} of {counted(report.leaves, 'leaf')}, {size(report.nbytes)}")
        keeps = f"--format={VERSION} keeps it" if report.kind == STREAM else "a sealed stream keeps it"
        note_left_out("the output has no place", report.metadata_left_out, keeps)
        if report.losses and report.version != VERSION:
            text = "the output is only a part of the checkpoint, and nothing in it says so"
            says = f"; --format={VERSION} writes one that does" if report.kind == STREAM else ""
            print(f"note: {text}{says}", file=sys.stderr)


def _verdict(report: SalvageReport, keeps_doubtful: bool) -> str:
    """How many leaves are intact, and what is known of the others."""
    doubtful, intact = len(report.doubtful), report.leaves + report.not_chosen
    intact -= doubtful if keeps_doubtful else 0
    text = f"{counted(intact, 'leaf')} {'is' if intact == 1 else 'are'} intact"
    text += f", {doubtful} {'is' if doubtful == 1 else 'are'} doubtful" if doubtful else ""
    if not report.losses:
        unknown = "no damage is seen; a plain stream has no end mark: leaves that were cut off behind the last one"
        text += ", and nothing is lost" if report.has_end else f", and {unknown} cannot be noticed"
    return text + (f" ({report.not_chosen} of them not chosen)" if report.not_chosen else "")


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)
