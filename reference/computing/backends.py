"""Which backend computes: the one that is asked for, else jax's devices where there is an accelerator and work for it.

The functions take a backend as `convert` does: a name of BACKENDS, a `Backend`, or None. They raise UsageError for one
that does not exist, is not installed or does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..format.blocks import Words
from ..format.casts import is_cast
from ..storage.threads import Pool
from .accelerators import LEAST, wants_jax
from .arithmetic import Arithmetic, Operation
from .backend import Backend, Caster
from .numpy_backend import NumpyBackend


def chosen(backend: str | Backend | None, computes: bool) -> Backend:
    """The backend for work of which something `computes`, or nothing. jax is imported only where it is chosen."""
    if backend is not None and not isinstance(backend, str):
        return backend
    if not wants_jax(backend, computes):
        return NumpyBackend()
    from .jax_backend import JaxBackend

    return JaxBackend()


def cast_on(backend: str | Backend | None, casts: Iterable[tuple[np.dtype | None, np.dtype | None]]) -> Caster:
    """What casts, for leaves of which each is to have a dtype, or None, and has one, or None."""
    computes = any(new is not None and old is not None and is_cast(old, new) for new, old in casts)
    return chosen(backend, computes).cast_item


def words_on(backend: str | Backend | None, leaves: Iterable[tuple[np.dtype | None, int]]) -> Words:
    """What computes the words of blocks, for leaves of these dtypes and so many bytes."""
    return chosen(backend, any(dtype is not None and nbytes >= LEAST for dtype, nbytes in leaves)).words


def arithmetics_on(
    backend: str | Backend | None, operations: Iterable[Operation], pool: Pool
) -> Callable[[Operation], Sequence[Arithmetic]]:
    """What computes each of these operations; numpy does its part in the threads of `pool`."""
    found = chosen(backend, any(operation.new.kind not in "iu" for operation in operations))
    return lambda operation: found.arithmetics(operation, pool)
