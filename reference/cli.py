"""The `streamckpt` command: the verbs of the modules under one name."""

from __future__ import annotations

import importlib
import sys
from typing import Final

_VERBS: Final = {
    "convert": "from one container or float dtype to another",
    "inspect": "show the tree, shapes, dtypes, sizes and offsets",
    "verify": "read a whole file against the specification",
}


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in _VERBS:
        return importlib.import_module(f"reference.{arguments[0]}").main(arguments[1:])
    help_wanted = arguments[:1] in (["-h"], ["--help"])
    out = sys.stdout if help_wanted else sys.stderr
    print("usage: streamckpt VERB ...    (streamckpt VERB --help tells more)\n", file=out)
    for verb, text in _VERBS.items():
        print(f"  {verb:<8} {text}", file=out)
    return 0 if help_wanted else 2


if __name__ == "__main__":
    sys.exit(main())
