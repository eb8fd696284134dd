"""An interrupt is one line from the first moment on, while a command still imports what it needs.

It is imported before all else, and does nothing in a program that is not a command of this package.
"""

from __future__ import annotations

import sys
from pathlib import PurePath
from types import TracebackType

_PACKAGES = ("streamckpt", "reference")


def is_command() -> bool:
    """Whether this process is `streamckpt ...` or `python -m reference...`."""
    program = sys.argv[0] if sys.argv else ""
    if program == "-m":  # the package of a module that is about to run
        words = sys.orig_argv[1:]
        module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
        return module.partition(".")[0] in _PACKAGES and ".tests" not in module
    return PurePath(program).name == "streamckpt"


def _hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("streamckpt: error: interrupted\n")
    else:
        sys.__excepthook__(kind, error, traceback)


if is_command():
    sys.excepthook = _hook
