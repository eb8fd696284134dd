"""Typed PRNG keys of jax as what is stored of them: their data, and the name of their implementation (META-4)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ..format.errors import UsageError
from ..format.keypaths import display

# Those that come with jax. A key of another implementation cannot be made again from a name.
_IMPLEMENTATIONS: Final = ("threefry2x32", "rbg", "unsafe_rbg")
DATA = "data"  # what `keys` of `save` takes: the data of keys alone, where no name can stand beside it


def is_typed_key(value: Any) -> bool:
    """Whether a leaf is an array of typed keys, or stands for one; jax is not imported to find out."""
    dtype = getattr(value, "dtype", None)
    if dtype is None or isinstance(dtype, np.dtype) or (jax := sys.modules.get("jax")) is None:
        return False
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


@functools.cache
def _dtypes() -> dict[Any, str]:
    import jax

    return {jax.eval_shape(lambda name=name: jax.random.key(0, impl=name)).dtype: name for name in _IMPLEMENTATIONS}


def implementation(key: Any) -> str:
    """The name of the implementation of typed keys. Raises UsageError for one that does not come with jax."""
    name = _dtypes().get(key.dtype)
    if name is None:
        raise UsageError(f"a typed PRNG key has dtype {key.dtype}, not one of {', '.join(_IMPLEMENTATIONS)}")
    return name


def stored_keys(
    leaves: Sequence[tuple[tuple[str, ...], Any]],
) -> tuple[list[tuple[tuple[str, ...], Any]], dict[str, str]]:
    """The leaves with the data of typed keys in their place, and the names of implementations by display forms."""
    names = {display(path): implementation(value) for path, value in leaves if is_typed_key(value)}
    if not names:
        return list(leaves), names
    import jax

    return [(path, jax.random.key_data(value) if is_typed_key(value) else value) for path, value in leaves], names


def data_of(key: Any) -> Any:
    """What stands for the data of typed keys: a `jax.ShapeDtypeStruct` of uint32."""
    import jax

    return jax.eval_shape(jax.random.key_data, jax.ShapeDtypeStruct(key.shape, key.dtype))


def wrapped(data: np.ndarray, like: Any, sharding: Any) -> Any:
    """Typed keys, as many and of the kind that `like` has, of their data, uint32; `sharding` is that of `put`."""
    import jax

    from .host_to_device import put  # which needs jax

    name = implementation(like)
    return put(
        lambda index: jax.random.wrap_key_data(jax.numpy.asarray(data[index]), impl=name),
        like.shape,
        like.dtype,
        sharding,
    )
