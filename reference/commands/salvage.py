"""`streamckpt salvage`: rescue the intact leaves of a damaged checkpoint, and list what is lost."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..checkpoints.salvaging import SalvageReport, salvage
from ..containers.container import Loss
from ..containers.load_prefixes import shown_name
from ..format.errors import UsageError, counted
from ..format.keypaths import display
from .command_line import error_json, print_json, run
from .options import add_dialect, add_showing
from .parsers import Parser, parser
from .statuses import DONE, PARTLY
from .tables import named, size

_EXAMPLES = """examples:
  # list what is lost, and write nothing
  streamckpt salvage streaming_params --dry_run
  streamckpt salvage streaming_params rescued
  # the spelling of the other commands
  streamckpt salvage --load_checkpoint=streaming_params --output_file=rescued

In a plain stream a record in which only the payload was changed looks intact: version 1.0 has no checksums.
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
    add_dialect(command)
    command.add_flag("dry_run", False, "list what is lost, and write nothing")
    add_showing(command)
    return command


def describe_json(report: SalvageReport, file: str, output: str | None) -> dict[str, Any]:
    """What `--json` prints. Offsets and sizes are in bytes; `output` is null where nothing was written."""
    return {
        "file": file,
        "output": output,
        "kind": report.kind,
        "leaves": report.leaves,
        "bytes": report.nbytes,
        "doubtful": [list(path) for path in report.doubtful],
        "lost": [{**error_json(loss.error), "offset": loss.offset, "end": loss.end} for loss in report.losses],
    }


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output_file is None and not arguments.dry_run:
        raise UsageError("name an output, or ask for --dry_run")
    report = salvage(
        arguments.load_checkpoint,
        arguments.output_file,
        dry_run=arguments.dry_run,
        dialect=arguments.dialect,
        progress=arguments.progress,
    )
    written = None if arguments.dry_run else arguments.output_file
    if arguments.json:
        print_json(describe_json(report, shown_name(arguments.load_checkpoint), written and shown_name(written)))
    else:
        _print_report(report, named(arguments.load_checkpoint), written and named(written))
    return PARTLY if report.losses else DONE


def _print_report(report: SalvageReport, file: str, output: str | None) -> None:
    leaves = counted(report.leaves, "leaf")
    intact = f"{leaves} {'is' if report.leaves == 1 else 'are'} intact"
    print(f"{file}: {intact}" + ("" if report.losses else ", and nothing is lost"))
    for loss in report.losses:
        print(_lost(loss))
    for path in report.doubtful:
        text = f"note: {display(path)} ends in zeros, as all of the file behind it is: it may be incomplete"
        print(text, file=sys.stderr)
    if output is not None:
        print(f"wrote {output}: a {report.kind} of {leaves}, {size(report.nbytes)}")
        if report.losses:
            print("note: the output is only a part of the checkpoint, and nothing in it says so", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)
