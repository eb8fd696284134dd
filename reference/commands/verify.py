"""`streamckpt verify`: check whole checkpoints against the specification, and say what they hold."""

from __future__ import annotations

import argparse
from typing import Any

from ..checkpoints.checkpoint import Checkpoint
from ..checkpoints.checkpoint import open as open_checkpoint
from ..checkpoints.patterns import chooser
from ..checkpoints.totals import totals
from ..checkpoints.verification import Finding, verify
from ..containers.flax_file import STRICT
from ..containers.load_prefixes import PREFIXES, shown_name
from ..format.errors import counted
from ..format.keypaths import display
from ..format.trees import is_train_state
from .command_line import each_file, run
from .options import add_names, add_patterns, add_showing
from .parsers import Parser, parser
from .seal_texts import seal_json
from .tables import named, size

_EXAMPLES = """examples:
  streamckpt verify streaming_params
  streamckpt verify trainstate::streaming_train_state
  # every file of a folder; the exit status is 0 if all are good
  streamckpt verify --quiet backups/* && echo good
  streamckpt verify flax::flax_model.msgpack --json

Notes do not change the exit status: a file may be good and not in canonical form.
"""


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
        "notes": [{"path": list(each.first), "note": each.note, "leaves": each.leaves} for each in findings],
        **seal_json(checkpoint),
    }


def _print_report(checkpoint: Checkpoint, findings: list[Finding], file: str) -> None:
    what = "train state" if is_train_state(checkpoint) else "tree"
    kind = checkpoint.kind if checkpoint.contents.seal is None else f"sealed {checkpoint.kind}"
    print(f"{file}: good {kind}, a {what} of {counted(len(checkpoint), 'leaf')}, {size(checkpoint.source.size)}")
    for name, entry in totals(checkpoint.records).items():
        leaves, elements = counted(entry["leaves"], "leaf"), counted(entry["elements"], "element")
        print(f"  {name}: {leaves}, {elements}, {size(entry['bytes'])}")
    for finding in findings:
        more = f" (and {counted(finding.leaves - 1, 'more leaf')})" if finding.leaves > 1 else ""
        print(f"  note: {display(finding.first)} {finding.note}{more}")


def _run(arguments: argparse.Namespace) -> int:
    is_chosen = chooser(arguments.include, arguments.exclude)

    def check(path: str) -> dict[str, Any] | None:
        with open_checkpoint(path, dialect=STRICT, names=arguments.names) as checkpoint:
            checkpoint.select(is_chosen)
            findings = verify(checkpoint, progress=arguments.progress)
            if arguments.json:
                return describe_json(checkpoint, findings, shown_name(path))
            _print_report(checkpoint, findings, named(path))
            return None

    return each_file(arguments, command_line().prog, check, good=False)


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and give its exit status."""
    return run(command_line(), _run, argv)
