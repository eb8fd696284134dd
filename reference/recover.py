"""`python -m reference.recover`: a checkpoint from its base and the difference."""

import sys

from .commands.recover import command_line, main

__all__ = ["command_line", "main"]

if __name__ == "__main__":
    sys.exit(main())
