"""`streamckpt seal`: the seal of a plain stream, in a file beside it."""

from __future__ import annotations

import argparse

from ..checkpoints.detached_seals import seal
from ..containers.load_prefixes import shown_name
from ..format.errors import counted
from ..format.keypaths import printable
from .command_line import print_json, run
from .options import add_metadata, add_showing, metadata_of
from .parsers import Parser, parser
from .tables import size

_EXAMPLES = """examples:
  # put index, checksums and metadata of a stream that must not change into streaming_params.seal
  streamckpt seal streaming_params --metadata step=30000
  # a sealed copy, with all of these in the file itself
  streamckpt convert streaming_params params::sealed_params --format=2.0

From then on, whatever here reads the stream checks it against its seal. Keep the two together. If another program
writes to the stream, make the seal again or remove it; the commands here remove it when they replace the stream.
"""


def command_line() -> Parser:
    """The options of the command."""
    command = parser("seal", "Write the seal of a stream to a file beside it.", "STREAM", _EXAMPLES)
    command.add_argument("path", metavar="STREAM", help="the stream, [params::]PATH; the seal is PATH.seal")
    add_metadata(command, "the seal")
    command.add_flag("digests", False, "put the SHA-256 of each leaf into the seal")
    add_showing(command)
    return command


def _run(arguments: argparse.Namespace) -> None:
    metadata = metadata_of(arguments.metadata)
    report = seal(arguments.path, metadata=metadata, digests=arguments.digests, progress=arguments.progress)
    if arguments.json:
        sizes = {"seal_bytes": report.seal_bytes, "leaves": report.leaves, "bytes": report.nbytes}
        print_json({"file": shown_name(arguments.path), "seal": report.seal, **sizes})
        return
    leaves = counted(report.leaves, "leaf")
    seal_name = printable(report.seal)
    print(f"wrote {seal_name}, {size(report.seal_bytes)}: the seal of {leaves}, {size(report.nbytes)}")


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)
