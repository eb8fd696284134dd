"""Reader and writer of the streaming checkpoint format of large JAX models, specified in `spec/`."""

from .commands import interrupts as _interrupts  # noqa: F401  (first: what follows takes a while)

# isort: split
from .checkpoints.background import Saving
from .checkpoints.checkpoint import Checkpoint, open
from .checkpoints.loading import load
from .checkpoints.run_checkpoints import Checkpoints
from .checkpoints.saving import save
from .checkpoints.scanning import records, scan
from .devices.targets import TargetMismatch
from .format.errors import FormatError, UsageError, WrongKind
from .format.keypaths import KeyPath
from .format.leaves import Leaf
from .format.records import Record
from .storage.places import in_store

__version__ = "0.1.0"
SPEC_VERSION = "2.0"  # the newest that is read and written; plain streams are those of 1.0

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "FormatError",
    "KeyPath",
    "Leaf",
    "Record",
    "Saving",
    "TargetMismatch",
    "UsageError",
    "WrongKind",
    "in_store",
    "load",
    "open",
    "records",
    "save",
    "scan",
]
