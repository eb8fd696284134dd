"""`python -m reference.compare`: which leaves of two checkpoints differ, and by how much."""

import sys

from .commands.compare import command_line, main
from .differences.comparison import Comparison, compare

__all__ = ["Comparison", "command_line", "compare", "main"]

if __name__ == "__main__":
    sys.exit(main())
