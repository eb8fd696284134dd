"""Where the libraries' versions differ for the tests themselves."""

import flax.serialization
import jax
import jax.experimental
import numpy as np
import pytest

from fuzz.strategies import small_values

try:
    from flax import nnx
except ImportError:
    from flax.experimental import nnx  # noqa: F401  (flax 0.8.3)

# Until 0.8 flax wrote a Python complex as a numpy scalar: a leaf of ext type 3, not 2.
_IS_EXT_2 = flax.serialization.to_bytes(1j)[2] == 2
flax_values = small_values if _IS_EXT_2 else small_values.filter(lambda value: not isinstance(value, complex))


def has_dtype(dtype, on_accelerators):
    """Skip the test where the installed jax has no arrays of a dtype, or cannot take parts of them on accelerators."""
    try:
        jax.device_put(np.zeros(0, dtype))
    except TypeError as error:
        pytest.skip(f"jax {jax.__version__}: {error}")
    if on_accelerators and "int4" in dtype.name and jax.version.__version_info__ < (0, 4, 34):
        pytest.skip(f"jax {jax.__version__} computes nothing of {dtype}, not even a part of it")


def enable_x64():
    """A block in which jax has 64 bits; jax itself has no name for it that lasted."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64(True)
