"""`streamckpt recover`: a checkpoint from its base and the difference."""

from .diff import recover_command_line as command_line
from .diff import recover_main as main

__all__ = ["command_line", "main"]
