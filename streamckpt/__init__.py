"""Reader and writer of the streaming checkpoint format of large JAX models.

    import streamckpt as sc

    tree = sc.load("streaming_params")
    sc.save("out", tree, float_dtype="bf16")

The code is in `reference`, whose public names these are; the commands are `streamckpt VERB`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference import (
    SPEC_VERSION,
    Checkpoint,
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
    DiffReport,
    RecoverReport,
    SubtractReport,
    add,
    compare,
    diff,
    recover,
    subtract,
)
from reference.salvage import SalvageReport, salvage
from reference.seal import SealReport, seal
from reference.verify import Finding, verify

from . import maps

if TYPE_CHECKING:
    from reference.checkpointer import StreamingCheckpointer

__all__ = [
    "AddReport",
    "Checkpoint",
    "Comparison",
    "ConvertReport",
    "DiffReport",
    "Finding",
    "FormatError",
    "KeyPath",
    "Leaf",
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
]


def __getattr__(name: str) -> Any:
    """The trainers' class, for which jax and flax are imported when it is asked for."""
    if name == "StreamingCheckpointer":
        from reference.checkpointer import StreamingCheckpointer

        return StreamingCheckpointer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
