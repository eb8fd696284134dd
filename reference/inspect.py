"""`python -m reference.inspect`: the tree of a checkpoint with shapes, dtypes, sizes and offsets, headers only."""

import sys

from .commands.inspect import command_line, main

__all__ = ["command_line", "main"]

if __name__ == "__main__":
    sys.exit(main())
