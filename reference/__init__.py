"""Reader and writer of the streaming checkpoint format of large JAX models, specified in `spec/`."""

from .checkpoints import Checkpoint, load, open, records, save, scan
from .errors import FormatError, WrongKind
from .keypaths import KeyPath
from .leaves import Leaf
from .records import Record

__version__ = "0.1.0"
SPEC_VERSION = "1.0"

__all__ = [
    "Checkpoint",
    "FormatError",
    "KeyPath",
    "Leaf",
    "Record",
    "WrongKind",
    "load",
    "open",
    "records",
    "save",
    "scan",
]
