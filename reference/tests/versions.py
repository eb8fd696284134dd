"""Where the libraries' versions differ for the tests themselves."""

import flax.serialization
import jax
import jax.experimental

from fuzz.strategies import small_values

try:
    from flax import nnx
except ImportError:
    from flax.experimental import nnx  # noqa: F401  (flax 0.8.3)

# Until 0.8 flax wrote a Python complex as a numpy scalar: a leaf of ext type 3, not 2.
_IS_EXT_2 = flax.serialization.to_bytes(1j)[2] == 2
flax_values = small_values if _IS_EXT_2 else small_values.filter(lambda value: not isinstance(value, complex))


def enable_x64():
    """A block in which jax has 64 bits; jax itself has no name for it that lasted."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64(True)
