"""What computes: numpy, or jax's devices, which give the same bits. jax is imported only where it is to compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..format.blocks import NUMPY, Words
from ..format.casts import cast_item, is_cast
from ..format.records import Item
from ..storage.threads import Pool
from .arithmetic import Arithmetic, NumpyArithmetic, Operation

Caster = Callable[[Item, np.dtype | None, Callable[[int], None]], Item]

# Each takes a backend as `convert` does: jax, numpy, or None, which is jax where jax finds an accelerator. All raise
# UsageError for one that does not exist, is not installed or does not start.


def cast_on(backend: str | None, dtype: np.dtype | None, leaves: Iterable[np.dtype | None]) -> Caster:
    """What casts to `dtype`, as `conversion.cast_item` does, for leaves of these dtypes."""
    from .accelerators import wants_jax

    casts = dtype is not None and any(old is not None and is_cast(old, dtype) for old in leaves)
    if not wants_jax(backend, casts):
        return cast_item
    from .device_casts import cast_item as cast_item_on_devices

    return cast_item_on_devices


def words_on(backend: str | None, leaves: Iterable[tuple[np.dtype | None, int]]) -> Words:
    """What computes the words of blocks, for leaves of these dtypes and so many bytes."""
    from .accelerators import LEAST, wants_jax

    if not wants_jax(backend, any(dtype is not None and nbytes >= LEAST for dtype, nbytes in leaves)):
        return NUMPY
    from .device_planes import DEVICES

    return DEVICES


def arithmetics_on(
    backend: str | None, operations: Iterable[Operation], pool: Pool
) -> Callable[[Operation], Sequence[Arithmetic]]:
    """What computes an operation, numpy in the threads of `pool`; each takes what the one before it has left over."""
    from .accelerators import wants_jax

    if not wants_jax(backend, any(operation.new.kind not in "iu" for operation in operations)):
        return lambda operation: [NumpyArithmetic(operation, pool)]
    from .device_arithmetic import DeviceArithmetic, can_compute

    return lambda operation: [
        *([DeviceArithmetic(operation)] if can_compute(operation) else []),
        NumpyArithmetic(operation, pool),
    ]
