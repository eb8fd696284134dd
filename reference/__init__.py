"""Reader and writer of the streaming checkpoint format of large JAX models, specified in `spec/`."""

from .background import Saving
from .checkpoints import Checkpoint, open, records, scan
from .errors import FormatError, WrongKind
from .keypaths import KeyPath
from .leaves import Leaf
from .loading import load
from .records import Record
from .saving import save
from .targets import TargetMismatch

__version__ = "0.1.0"
SPEC_VERSION = "1.0"

__all__ = [
    "Checkpoint",
    "FormatError",
    "KeyPath",
    "Leaf",
    "Record",
    "Saving",
    "TargetMismatch",
    "WrongKind",
    "load",
    "open",
    "records",
    "save",
    "scan",
]
