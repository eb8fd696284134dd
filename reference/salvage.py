"""`python -m reference.salvage`: write what is whole of a damaged checkpoint, and say what is not."""

from __future__ import annotations

import argparse
import sys
from typing import Final, NamedTuple

from .command import add_flag, parser, run, size
from .containers import CONTAINERS, PREFIXES, split_prefix
from .errors import UsageError
from .files import FileSource
from .keypaths import display
from .kinds import DELTA, FLAX, SAFETENSORS, STREAM, UNKNOWN, kind_of, refuse
from .outputs import check_output, replace
from .payloads import Step, write_steps
from .progress import Show, progress_bar
from .records import item_in
from .salvaging import Loss, read_what_is_whole
from .trees import depth_first

PARTLY: Final = 3  # exit status: something was lost, and the rest has been written
_EXAMPLES = """examples:
  # what is lost, and nothing written
  python -m reference.salvage --load_checkpoint=streaming_params --dry_run
  python -m reference.salvage --load_checkpoint=streaming_params --output_file=what_is_left

exit status: 0 nothing is lost, 1 nothing can be salvaged or the output could not be written, 2 wrong usage, 3 something
is lost and the rest has been written.
A record whose payload alone was changed looks whole: version 1.0 of the format has no checksum.
"""


class Report(NamedTuple):
    """What was salvaged: kind and bytes of the output, how many leaves it has, and what is lost."""

    kind: str
    nbytes: int
    leaves: int
    losses: list[Loss]


def salvage(
    load_checkpoint: str, output_file: str | None, *, dry_run: bool = False, show: Show = progress_bar
) -> Report:
    """Write the leaves of a damaged stream or flax file that are whole, to a file of the same kind, or of the kind that
    the prefix of the output says.

    Behind a damaged record of a stream reading goes on at the next whole one; of a flax file what stands before the
    first fault is salvaged. Raises FormatError where no leaf is whole, OSError, and UsageError.
    """
    prefix, name = split_prefix(load_checkpoint)
    if PREFIXES.get(prefix or "", STREAM) not in (STREAM, FLAX):
        raise UsageError(f"only streams and flax files can be salvaged, and {prefix}:: asks for another kind")
    with FileSource(name) as source:
        if (found := kind_of(source)) in (DELTA, SAFETENSORS):
            refuse(found, STREAM)
        kind, records, losses = read_what_is_whole(source)
        if not records:
            _refuse(source, losses)
        to, output = split_prefix(output_file) if output_file is not None else (None, None)
        target = PREFIXES[to] if to else kind
        items = [item_in(source, record) for record in depth_first(records)]
        steps = CONTAINERS[target].steps(items)
        total = sum(map(Step.size, steps))
        if output is not None:
            check_output(output)
        if output is not None and not dry_run:
            with show("salvage", total) as moved, replace(output, moved) as sink:
                write_steps(sink, steps)
                source.refuse_changes()
        return Report(target, total, len(items), losses)


def _refuse(source: FileSource, losses: list[Loss]) -> None:
    """Say what a file is of which nothing can be salvaged."""
    found = kind_of(source)
    if found not in (STREAM, FLAX, UNKNOWN):
        refuse(found)
    error = losses[0].error
    error.file, error.advice = source.path, "no leaf of it is whole: there is nothing to salvage"
    raise error


def _lost(loss: Loss) -> str:
    error = loss.error
    leaf = f"{display(error.path)}: " if error.path else ""
    stretch = f"bytes {loss.offset} to {loss.end}, {size(loss.end - loss.offset)}"
    return f"  lost: {stretch}: {leaf}{error.detail} ({error.clause}, byte {error.offset})"


def command_line() -> argparse.ArgumentParser:
    command = parser("python -m reference.salvage", "Write what is whole of a damaged checkpoint.", _EXAMPLES)
    command.add_argument(
        "--load_checkpoint", required=True, metavar="[PREFIX::]PATH", help="the damaged file, a stream or a flax file"
    )
    command.add_argument(
        "--output_file",
        metavar="[PREFIX::]PATH",
        help="the output, of the same kind as the input unless its prefix says another",
    )
    add_flag(command, "dry_run", False, "say what is lost, and write nothing")
    return command


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output_file is None and not arguments.dry_run:
        raise UsageError("name the output with --output_file, or ask for --dry_run")
    report = salvage(arguments.load_checkpoint, arguments.output_file, dry_run=arguments.dry_run)
    file = split_prefix(arguments.load_checkpoint)[1]
    print(f"{file}: {report.leaves} leaves are whole" + ("" if report.losses else ", and nothing is lost"))
    for loss in report.losses:
        print(_lost(loss))
    if arguments.output_file is not None and not arguments.dry_run:
        output = split_prefix(arguments.output_file)[1]
        print(f"wrote {output}: a {report.kind} of {report.leaves} leaves, {size(report.nbytes)}")
    if report.losses and not arguments.dry_run:
        print("note: it is a part of the checkpoint, and nothing in it says so", file=sys.stderr)
    return PARTLY if report.losses else 0


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)


if __name__ == "__main__":
    sys.exit(main())
