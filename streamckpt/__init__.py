"""Read, write, check and convert the streaming checkpoints of large JAX models.

    import streamckpt as sc

    tree = sc.load("streaming_params")  # a nested dict of numpy arrays
    sc.save("copy", tree, format="2.0")  # with an index and checksums
    with sc.open("copy") as checkpoint:
        print(checkpoint)  # its tree; no tensor is read

The commands are `streamckpt VERB`: `streamckpt --help` lists them. The code is in the package `reference`, whose public
names these are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from reference import (
    SPEC_VERSION,
    Checkpoint,
    Checkpoints,
    FormatError,
    KeyPath,
    Leaf,
    Record,
    Saving,
    TargetMismatch,
    UsageError,
    WrongKind,
    __version__,
    in_store,
    load,
    open,
    records,
    save,
    scan,
)
from reference.convert import ConvertReport, convert
from reference.delta import (
    AddReport,
    Comparison,
    DeltaReport,
    DiffReport,
    RecoverReport,
    SubtractReport,
    add,
    compare,
    diff,
    recover,
    subtract,
    verify_delta,
)
from reference.salvage import Doubt, SalvageReport, salvage
from reference.seal import SealReport, seal
from reference.verify import Finding, NotedLeaf, verify

from . import delta, maps

if TYPE_CHECKING:
    from reference.checkpointer import StreamingCheckpointer

__all__ = [
    "AddReport",
    "Checkpoint",
    "Checkpoints",
    "Comparison",
    "ConvertReport",
    "DeltaReport",
    "DiffReport",
    "Doubt",
    "Finding",
    "FormatError",
    "KeyPath",
    "Leaf",
    "NotedLeaf",
    "Record",
    "RecoverReport",
    "SPEC_VERSION",
    "SalvageReport",
    "Saving",
    "SealReport",
    "StreamingCheckpointer",
    "SubtractReport",
    "TargetMismatch",
    "UsageError",
    "WrongKind",
    "__version__",
    "add",
    "compare",
    "convert",
    "delta",
    "diff",
    "in_store",
    "load",
    "maps",
    "open",
    "records",
    "recover",
    "salvage",
    "save",
    "scan",
    "seal",
    "subtract",
    "verify",
    "verify_delta",
]


def __getattr__(name: str) -> Any:
    """The trainers' class, for which jax and flax are imported when it is asked for."""
    if name == "StreamingCheckpointer":
        from reference.checkpointer import StreamingCheckpointer

        return StreamingCheckpointer
    # With the module Python names what may be meant.
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    """The public names, and those that every module has."""
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
