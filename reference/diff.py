"""`python -m reference.diff`: the difference of two checkpoints, and a checkpoint from its base and the difference."""

import sys

from .commands.diff import command_line, main

__all__ = ["command_line", "main"]

if __name__ == "__main__":
    sys.exit(main())
