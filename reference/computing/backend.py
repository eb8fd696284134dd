"""The seam of backends: what computes casts, the words of blocks, sums and differences, to bytes that never differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ..format.blocks import Words
from ..format.casts import Lost
from ..format.records import Item
from ..storage.threads import Pool
from .arithmetic import Arithmetic, Operation

Caster = Callable[[Item, np.dtype | None, Lost], Item]


class Backend(Protocol):
    """What computes. `streamckpt.testing.BackendJudge` judges any such class by numpy's results, bit for bit."""

    @property
    def name(self) -> str: ...

    @property
    def cast_item(self) -> Caster:
        """What casts a leaf on its way, as `casts.cast_item` does."""
        ...

    @property
    def words(self) -> Words:
        """What makes planes of blocks, and blocks of planes (DELTA-8 to DELTA-10)."""
        ...

    def arithmetics(self, operation: Operation, pool: Pool) -> Sequence[Arithmetic]:
        """What computes an operation: each takes what the one before it leaves over, and the last every size."""
        ...
