"""Differences of checkpoints (spec chapter 10).

`diff` and `recover`, exact, and `verify_delta`, which checks what `diff` writes; `subtract` and `add`, which round;
`compare`. Each takes checkpoints as `[PREFIX::]PATH` or as trees, of numpy arrays or of jax arrays on any devices.
"""

from .differences.arithmetic_difference import AddReport, SubtractReport, add, subtract
from .differences.comparison import Comparison, compare
from .differences.delta_checking import DeltaReport, verify_delta
from .differences.exact_difference import DiffReport, diff
from .differences.exact_recovery import RecoverReport, recover

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
