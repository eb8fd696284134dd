"""`python -m reference.salvage`: rescue the intact leaves of a damaged checkpoint, and list what is lost."""

import sys

from .checkpoints.salvaging import Doubt, SalvageReport, salvage
from .commands.salvage import command_line, main

__all__ = ["Doubt", "SalvageReport", "command_line", "main", "salvage"]

if __name__ == "__main__":
    sys.exit(main())
