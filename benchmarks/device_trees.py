"""The trees as jax arrays: on one device, or over eight as a trainer lays them out, and the train state itself."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from .trees import Path_, flatten, leaves, nest

# The rules of EasyLM for LLaMA on a mesh of fully sharded data parallelism, its default: what reads the residual
# stream is cut by rows, what writes to it by columns.
_COLUMNS = ("wte", "wo", "w2")


def shardings(paths: Any, over_devices: bool) -> dict[Path_, Sharding]:
    one = SingleDeviceSharding(jax.devices()[0])
    if not over_devices:
        return dict.fromkeys(paths, one)
    mesh = Mesh(np.array(jax.devices()), ("fsdp",))
    rows, columns, everywhere = (NamedSharding(mesh, PartitionSpec(*spec)) for spec in (("fsdp",), (None, "fsdp"), ()))
    return {
        path: everywhere
        if path[-2].endswith("norm") or path[-2] == "ln_f"
        else columns
        if path[-2] in _COLUMNS
        else rows
        for path in paths
    }


def flat_arrays(work: str, over_devices: bool) -> dict[Path_, jax.Array]:
    """Each leaf in memory of jax's own: it may keep what it is given, and then numpy's alignment would count."""
    found: dict[Path_, jax.Array] = {}
    for path, value in leaves(work):
        sharding = shardings([path], over_devices)[path]
        found[path] = jax.block_until_ready(jax.device_put(value, sharding, may_alias=False))
    return found


def arrays(work: str, over_devices: bool = False) -> Any:
    """A nested dict of arrays, or for a train state flax's TrainState."""
    return as_state(work, flat_arrays(work, over_devices))


def as_state(work: str, flat: dict[Path_, Any]) -> Any:
    if "state" not in work:
        return nest(flat)
    import optax
    from flax.serialization import from_state_dict
    from flax.training.train_state import TrainState

    state_dict = nest(flat)
    state = TrainState(
        step=0,
        apply_fn=lambda *_: None,
        params=state_dict["params"],
        tx=(tx := optax.adamw(1e-3)),
        opt_state=jax.eval_shape(tx.init, state_dict["params"]),
    )
    # flax does not store the empty parts of an optimizer's state, and wants them when it restores.
    state_dict["opt_state"] |= {str(i): {} for i in range(1, _parts(state))}
    return from_state_dict(state, state_dict)


def _parts(state: Any) -> int:
    """How many transformations the optimizer's state is made of."""
    return len(state.opt_state)


def struct_shardings(work: str, over_devices: bool) -> dict[Path_, jax.ShapeDtypeStruct]:
    """Structs by key path, for peers that take no tree."""
    from .trees import WORKS

    shapes = WORKS[work].shapes()
    where = shardings(shapes, over_devices)
    return {
        path: jax.ShapeDtypeStruct(shape, np.dtype(dtype), sharding=where[path])
        for path, (shape, dtype) in shapes.items()
    }


def flat_state(tree: Any) -> dict[Path_, Any]:
    """The leaves of a dict or of a train state by the key paths under which they are stored."""
    from flax.serialization import to_state_dict

    return flatten(to_state_dict(tree))
