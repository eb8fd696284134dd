"""Differences of checkpoints: exact (`diff`, `recover`, `verify_delta`), rounding (`subtract`, `add`), `compare`."""

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
    "verify_delta",
]
