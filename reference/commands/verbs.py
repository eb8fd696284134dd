"""The `streamckpt` command: the verbs of the modules under one name."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Final

from .command_line import parser, run

_VERBS: Final = {
    "convert": "from one container or float dtype to another",
    "diff": "the difference of two checkpoints, and one of them from the other and the difference",
    "compare": "say which leaves of two checkpoints differ, and by how much",
    "inspect": "show the tree, shapes, dtypes, sizes and offsets",
    "verify": "read a whole file against the specification",
    "seal": "write the seal of a stream to a file beside it",
    "salvage": "write what is whole of a damaged file",
}


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in _VERBS:
        return importlib.import_module(f"reference.{arguments[0]}").main(arguments[1:])
    verbs = "\n".join(f"  {verb:<8} {text}" for verb, text in _VERBS.items())
    epilog = f"verbs:\n{verbs}\n\n`streamckpt VERB --help` tells more."
    command = parser("streamckpt", "Read, check and convert streaming checkpoints of large JAX models.", epilog)
    command.add_argument("verb", metavar="VERB", choices=_VERBS, help="what to do")
    return run(command, _never, arguments)


def _never(arguments: argparse.Namespace) -> None:
    raise AssertionError(arguments)  # every verb has been taken above
