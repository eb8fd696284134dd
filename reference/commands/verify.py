"""`python -m reference.verify`: read a whole checkpoint against the specification and say what it holds."""

from __future__ import annotations

import argparse

from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.patterns import chooser
from ..checkpoints.totals import totals
from ..checkpoints.verification import verify
from ..containers.load_prefixes import PREFIXES, shown_name
from ..format.keypaths import display
from ..format.trees import is_train_state
from .command_line import Parser, add_names, add_patterns, parser, run, size

_EXAMPLES = """examples:
  python -m reference.verify streaming_params
  python -m reference.verify 'trainstate::streaming_train_state'
  python -m reference.verify 'flax::flax_model.msgpack' && echo good

exit status: 0 the file keeps every clause, 1 it was refused, 2 wrong usage.
Notes do not change the exit status: a file may be good and not in canonical form.
"""


def command_line() -> Parser:
    command = parser(
        "python -m reference.verify", "Read a whole checkpoint and hold it to the specification.", _EXAMPLES
    )
    command.one_pass = ("path",)
    text = f"PREFIX is one of {', '.join(PREFIXES)}; - is standard input, which is put into a temporary file first"
    command.add_argument("path", metavar="[PREFIX::]PATH", help=text)
    add_patterns(command, "read")
    add_names(command)
    return command


def _run(arguments: argparse.Namespace) -> None:
    file = shown_name(arguments.path)
    with open_checkpoint(arguments.path, any_kind=True, names=arguments.names) as checkpoint:
        checkpoint.select(chooser(arguments.include, arguments.exclude))
        findings = verify(checkpoint, progress=True)
        what = "train state" if is_train_state(checkpoint) else "tree"
        kind = checkpoint.kind if checkpoint.contents.seal is None else f"sealed {checkpoint.kind}"
        print(f"{file}: good {kind}, a {what} of {len(checkpoint)} leaves, {size(checkpoint.source.size)}")
        for name, entry in totals(checkpoint.records).items():
            print(f"  {name}: {entry['leaves']} leaves, {entry['elements']:,} elements, {size(entry['bytes'])}")
        for finding in findings:
            more = f" (and {finding.leaves - 1} more leaves)" if finding.leaves > 1 else ""
            print(f"  note: {display(finding.first)} {finding.note}{more}")


def main(argv: list[str] | None = None) -> int:
    return run(command_line(), _run, argv)
