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

    nnx = sys.modules.get("flax.nnx") or sys.modules.get("flax.experimental.nnx")  # the latter until flax 0.8.3
    # Taken without `getattr`, which would warn of the name that is going away.
    names = vars(nnx) if nnx else {}
    variables = tuple(names[name] for name in ("Variable", "VariableState") if name in names)
    return lambda node: _in_variable(node) if isinstance(node, variables) else to_state_dict(node)


def _in_variable(variable: Any) -> Any:
    """The value of an nnx variable as it is kept, before any hook that changes what is got from it."""
    if hasattr(type(variable), "get_raw_value"):  # since flax 0.12.1
        return variable.get_raw_value()
    if type(variable).__name__ == "VariableState":  # what states hold until flax 0.10; since then it is a Variable
        return variable.value
    return variable.raw_value


def is_device_array(value: Any) -> bool:
    """Whether a leaf is an array of jax."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array) and not is_traced(value)


def is_traced(value: Any) -> bool:
    """Whether a value stands for one inside a function that jax traces."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)
