"""`python -m reference.salvage`: write what is whole of a damaged checkpoint, and say what is not."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from ..checkpoints.salvaging import salvage
from ..containers.container import Loss
from ..containers.load_prefixes import shown_name
from ..format.errors import UsageError
from ..format.keypaths import display
from .command_line import Parser, add_dialect, add_flag, parser, run, size

PARTLY: Final = 3  # exit status: something was lost, and the rest has been written
_EXAMPLES = """examples:
  # what is lost, and nothing written
  python -m reference.salvage --load_checkpoint=streaming_params --dry_run
  python -m reference.salvage --load_checkpoint=streaming_params --output_file=what_is_left

exit status: 0 nothing is lost, 1 nothing can be salvaged or the output could not be written, 2 wrong usage, 3 something
is lost and the rest has been written.
In a plain stream a record whose payload alone was changed looks whole: version 1.0 of the format has no checksum.
"""


def _lost(loss: Loss) -> str:
    error = loss.error
    leaf = f"{display(error.path)}: " if error.path else ""
    stretch = f"bytes {loss.offset} to {loss.end}, {size(loss.end - loss.offset)}"
    return f"  lost: {stretch}: {leaf}{error.detail} ({error.clause}, byte {error.offset})"


def command_line() -> Parser:
    command = parser("python -m reference.salvage", "Write what is whole of a damaged checkpoint.", _EXAMPLES)
    command.add_argument(
        "--load_checkpoint", required=True, metavar="[PREFIX::]PATH", help="the damaged file, a stream or a flax file"
    )
    command.add_argument(
        "--output_file",
        metavar="[PREFIX::]PATH",
        help="the output, of the same kind as the input unless its prefix says another; - is standard output",
    )
    add_dialect(command)
    add_flag(command, "dry_run", False, "say what is lost, and write nothing")
    return command


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output_file is None and not arguments.dry_run:
        raise UsageError("name the output with --output_file, or ask for --dry_run")
    report = salvage(
        arguments.load_checkpoint,
        arguments.output_file,
        dry_run=arguments.dry_run,
        dialect=arguments.dialect,
        progress=True,
    )
    file = shown_name(arguments.load_checkpoint)
    print(f"{file}: {report.leaves} leaves are whole" + ("" if report.losses else ", and nothing is lost"))
    for loss in report.losses:
        print(_lost(loss))
    if arguments.output_file is not None and not arguments.dry_run:
        output = shown_name(arguments.output_file)
        print(f"wrote {output}: a {report.kind} of {report.leaves} leaves, {size(report.nbytes)}")
    if report.losses and not arguments.dry_run:
        print("note: it is a part of the checkpoint, and nothing in it says so", file=sys.stderr)
    return PARTLY if report.losses else 0


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
