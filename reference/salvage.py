"""`python -m reference.salvage`: write what is whole of a damaged checkpoint, and say what is not."""

import sys

from .checkpoints.salvaging import SalvageReport, salvage
from .commands.salvage import command_line, main

__all__ = ["SalvageReport", "command_line", "main", "salvage"]

if __name__ == "__main__":
    sys.exit(main())
