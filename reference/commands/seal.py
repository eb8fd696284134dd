"""`python -m reference.seal`: the seal of a plain stream, in a file beside it."""

from __future__ import annotations

import argparse

from ..checkpoints.detached_seals import seal
from .command_line import Parser, add_flag, add_metadata, metadata_of, parser, run, size

_EXAMPLES = """examples:
  # index, checksums and metadata of a stream that must not be touched, in streaming_params.seal
  python -m reference.seal streaming_params --metadata step=30000
  # a sealed copy, with all of this in the file itself
  python -m reference.convert --load_checkpoint=params::streaming_params --output_file=sealed_params \\
      --streaming=True --format=2.0

exit status: 0 done, 1 the input was refused or the seal could not be written, 2 wrong usage.
What reads the stream from then on compares it with its seal. Keep the two together, and make the seal again, or remove
it, where another program writes to the stream; the programs here remove it when they replace the stream.
"""


def command_line() -> Parser:
    command = parser("python -m reference.seal", "Write the seal of a stream to a file beside it.", _EXAMPLES)
    command.add_argument("path", metavar="PATH", help="the stream; the seal is PATH.seal")
    add_metadata(command, "the seal")
    add_flag(command, "digests", False, "put the SHA-256 of each leaf into the seal")
    return command


def _run(arguments: argparse.Namespace) -> None:
    metadata = metadata_of(arguments.metadata)
    report = seal(arguments.path, metadata=metadata, digests=arguments.digests, progress=True)
    text = f"wrote {report.seal}, {size(report.seal_bytes)}: the seal of {report.leaves} leaves, {size(report.nbytes)}"
    print(text)


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
