"""numpy as a backend: by whose results every other is judged."""

from __future__ import annotations

from collections.abc import Sequence

from ..format.blocks import NUMPY
from ..format.casts import cast_item
from ..storage.threads import Pool
from .arithmetic import Arithmetic, NumpyArithmetic, Operation


class NumpyBackend:
    """Computes on the host, in the threads that it is given."""

    name = "numpy"
    cast_item = staticmethod(cast_item)
    words = NUMPY

    def arithmetics(self, operation: Operation, pool: Pool) -> Sequence[Arithmetic]:
        return [NumpyArithmetic(operation, pool)]
