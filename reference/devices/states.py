"""The states of flax, optax and nnx as the maps that are stored; none of these libraries is imported here."""

from __future__ import annotations

import sys
from typing import Any

from ..format.trees import Expand


def flax_expansion() -> Expand | None:
    """flax's own view of a state as a map, and the array in an nnx variable.

    None where flax has not been imported: no object of its classes can exist then.
    """
    if "flax" not in sys.modules:
        return None
    from flax.serialization import to_state_dict

    nnx = sys.modules.get("flax.nnx")
    variable: Any = nnx.Variable if nnx else ()
    return lambda node: node.get_raw_value() if isinstance(node, variable) else to_state_dict(node)


def is_device_array(value: Any) -> bool:
    """Whether a leaf is an array of jax."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array) and not is_traced(value)


def is_traced(value: Any) -> bool:
    """Whether a value stands for one inside a function that jax traces."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)
