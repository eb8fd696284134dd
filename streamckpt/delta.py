"""Differences of checkpoints: exact (`diff`, `recover`, `verify`), rounding (`subtract`, `add`), and `compare`."""

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
    verify,
)

__all__ = [
    "AddReport",
    "Comparison",
    "DeltaReport",
    "DiffReport",
    "RecoverReport",
    "SubtractReport",
    "add",
    "compare",
    "diff",
    "recover",
    "subtract",
    "verify",
]
