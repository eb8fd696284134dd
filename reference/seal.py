"""`python -m reference.seal`: the seal of a plain stream, in a file beside it."""

import sys

from .checkpoints.detached_seals import SealReport, seal
from .commands.seal import command_line, main

__all__ = ["SealReport", "command_line", "main", "seal"]

if __name__ == "__main__":
    sys.exit(main())
