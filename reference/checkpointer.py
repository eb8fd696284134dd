"""What trainers of the EasyLM and JAXSeq families use, with the same names, arguments and files."""

from .devices.missing import needing_jax

with needing_jax("StreamingCheckpointer"):
    from .checkpoints.checkpointer import StreamingCheckpointer
    from .checkpoints.pytree_files import load_pytree, save_pytree
    from .checkpoints.run_config import Config

__all__ = ["Config", "StreamingCheckpointer", "load_pytree", "save_pytree"]
