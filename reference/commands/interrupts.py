"""An interrupt is one line from the first moment on, while a command still imports what it needs.

It is imported before all else, and does nothing in a program that is not a command of this package. It imports only
what Python has loaded when it starts: until it has run, an interrupt shows a traceback, and `signal`, which makes
enums, and `pathlib` would take longer than all of it.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

PACKAGES = ("streamckpt", "reference")  # `python -m PACKAGE VERB` is the program


def is_command() -> bool:
    """Whether this process is `streamckpt ...` or `python -m reference...`."""
    program = sys.argv[0] if sys.argv else ""
    if program == "-m":  # the package of a module that is about to run
        words = sys.orig_argv[1:]
        module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
        return module.partition(".")[0] in PACKAGES and ".tests" not in module
    return os.path.basename(program) == "streamckpt"


def _end(_signal: int, _frame: object) -> None:
    """End the program, which has done nothing yet.

    A KeyboardInterrupt would be raised in the middle of an import, and extension modules turn it into errors of their
    own: numpy says that it has not been installed well.
    """
    os.write(2, b"streamckpt: error: interrupted\n")
    os._exit(130)


def raise_from_now_on() -> None:
    """Have interrupts raise KeyboardInterrupt, as in any program: from here on there may be things to clean up."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job of nohup ignores them
    signal.signal(signal.SIGINT, _end)
