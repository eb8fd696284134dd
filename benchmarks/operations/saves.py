"""Saves: from numpy, from jax on one device, from jax over eight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import reference
from reference.checkpoints.scanning import records

from .. import peers, trees
from ..jobs import Job, Task

SEALED: Final = "streamckpt, sealed"
Save = Callable[[Path, Any], object]
Flat = dict[trees.Path_, Any]


def _sealed(path: Path, tree: Any) -> None:
    reference.save(path, tree, format="2.0")


def _stream(job: Job) -> None:
    """The stream of `job.output` as the usual loop finds it; what that cannot read, as we do."""
    big = trees.greatest(job.work) >> 31
    leaves = records(job.output) if big else peers.loop_leaves(job.output)
    trees.check_stream(job.work, iter(leaves))


def _flax(job: Job) -> None:
    trees.check(job.work, trees.flatten(peers.flax_load(job.output)))


def _safetensors(job: Job) -> None:
    trees.check(job.work, peers.safetensors_load(job.output))


def _orbax(job: Job) -> None:
    trees.check(job.work, trees.flatten(peers.orbax_load(job.output)))


def _numpy(job: Job) -> None:
    trees.check(job.work, peers.numpy_load(job.output, trees.WORKS[job.work].shapes()))


def _raw(job: Job) -> None:
    trees.check(job.work, peers.plain_load(job.output, trees.WORKS[job.work].shapes()))


def _task(save: Save, check: Callable[[Job], None], job: Job, tree: Any) -> Task:
    def run() -> None:
        save(job.output, tree)
        peers.sync(job.output)

    return Task(run, lambda _: check(job))


def _from_numpy(save: Save, check: Callable[[Job], None], flat: bool = False) -> Callable[[Job], Task]:
    return lambda job: _task(save, check, job, trees.flat(job.work) if flat else trees.tree(job.work))


def _from_jax(over_devices: bool, save: Save, check: Callable[[Job], None], flat: bool = False) -> Any:
    def prepare(job: Job) -> Task:
        from ..device_trees import arrays, flat_state

        tree = arrays(job.work, over_devices)
        if not flat:
            return _task(save, check, job, tree)
        leaves = flat_state(tree)  # flax and jax sort the parts of a state
        return _task(save, check, job, {path: leaves[path] for path in trees.WORKS[job.work].shapes()})

    return prepare


def _gathered(job: Job) -> Task:
    """The usual loop with its gather functions: jitted, to be replicated on every device. They are compiled here."""
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    from ..device_trees import flat_arrays

    flat = flat_arrays(job.work, over_devices=True)
    functions: dict[trees.Path_, Any] = {}
    compiled: dict[Any, Any] = {}
    for path, array in flat.items():
        assert isinstance(array.sharding, NamedSharding)
        everywhere = NamedSharding(array.sharding.mesh, PartitionSpec())
        kind = (array.shape, array.dtype, array.sharding.spec)
        if kind not in compiled:
            compiled[kind] = jax.jit(lambda x: x, out_shardings=everywhere).lower(array).compile()
        functions[path] = compiled[kind]
    gather = lambda path, value: jax.device_get(functions[path](value))  # noqa: E731
    return _task(lambda path, tree: peers.loop_save(path, tree, gather), _stream, job, trees.nest(flat))


def _jax(over_devices: bool) -> dict[str, Callable[[Job], Task]]:
    return {
        "streamckpt": _from_jax(over_devices, reference.save, _stream),
        SEALED: _from_jax(over_devices, _sealed, _stream),
        "usual loop": _from_jax(over_devices, peers.loop_save, _stream),
        **({"usual loop, jitted gather": _gathered} if over_devices else {}),
        "flax msgpack": _from_jax(over_devices, peers.flax_save, _flax),
        "safetensors": _from_jax(over_devices, peers.safetensors_save, _safetensors, flat=True),
        "orbax": _from_jax(
            over_devices, lambda path, flat: peers.orbax_save(path, trees.nest(flat)), _orbax, flat=True
        ),
        "plain write": _from_jax(over_devices, peers.plain_save, _raw, flat=True),
    }


OPERATIONS: Final = {
    "save numpy": {
        "streamckpt": _from_numpy(reference.save, _stream),
        SEALED: _from_numpy(_sealed, _stream),
        "usual loop": _from_numpy(peers.loop_save, _stream),
        "flax msgpack": _from_numpy(peers.flax_save, _flax),
        "safetensors": _from_numpy(peers.safetensors_save, _safetensors, flat=True),
        "orbax": _from_numpy(peers.orbax_save, _orbax),
        "numpy.save": _from_numpy(peers.numpy_save, _numpy, flat=True),
        "plain write": _from_numpy(peers.plain_save, _raw, flat=True),
    },
    "save jax": _jax(over_devices=False),
    "save sharded": _jax(over_devices=True),
}
