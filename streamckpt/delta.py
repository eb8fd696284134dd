"""Differences of checkpoints: exact (`diff`, `recover`), rounding (`subtract`, `add`), and a comparison (`compare`)."""

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

__all__ = [
    "AddReport",
    "Comparison",
    "DiffReport",
    "RecoverReport",
    "SubtractReport",
    "add",
    "compare",
    "diff",
    "recover",
    "subtract",
]
