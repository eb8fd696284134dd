"""The checkpointer that trainers of the EasyLM family use, with the same names and files."""

from reference.checkpointer import Config, StreamingCheckpointer

__all__ = ["Config", "StreamingCheckpointer"]
