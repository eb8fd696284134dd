"""`python -m reference.convert`: stream, flax file or safetensors to any of the three, out of core."""

import sys

from .checkpoints.conversion import ConvertReport, convert
from .commands.convert import command_line, main

__all__ = ["ConvertReport", "command_line", "convert", "main"]

if __name__ == "__main__":
    sys.exit(main())
