"""`python -m reference.verify`: check a whole checkpoint against the specification, and say what it holds."""

import sys

from .checkpoints.verification import Finding, NotedLeaf, verify
from .commands.verify import command_line, main

__all__ = ["Finding", "NotedLeaf", "command_line", "main", "verify"]

if __name__ == "__main__":
    sys.exit(main())
