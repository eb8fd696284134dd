"""Loads: to numpy, as a memory map, to jax on one device, to jax over eight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import reference

from .. import peers, trees
from ..jobs import Job, Task

SEALED: Final = "streamckpt, sealed"
UNCHECKED: Final = "streamckpt, sealed, unchecked"
Flat = dict[trees.Path_, Any]


def _to_numpy(form: str, load: Callable[[Path], Any]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        path = job.file(form)
        return Task(lambda: load(path), lambda tree: trees.check(job.work, trees.flatten(tree)))

    return prepare


def _with_shapes(form: str, load: Callable[[Path, trees.Shapes], Flat]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        path, shapes = job.file(form), trees.WORKS[job.work].shapes()
        return Task(lambda: load(path, shapes), lambda flat: trees.check(job.work, flat))

    return prepare


def _to_jax(over_devices: bool, form: str, load: Callable[..., Any]) -> Callable[[Job], Task]:
    """`load` is given the path, structs by key path, and the structure that is wanted."""

    def prepare(job: Job) -> Task:
        import jax

        from ..device_trees import as_state, flat_state, struct_shardings

        path = job.file(form)
        structs = struct_shardings(job.work, over_devices)
        wanted = as_state(job.work, dict(structs))

        def check(tree: Any) -> None:
            flat = flat_state(tree)
            for key, array in flat.items():
                if not isinstance(array, jax.Array) or not array.sharding.is_equivalent_to(
                    structs[key].sharding, array.ndim
                ):
                    raise trees.Wrong(f"the leaf {'/'.join(key)} is not where it was to be")
            trees.check(job.work, flat)

        return Task(lambda: jax.block_until_ready(load(path, structs, wanted)), check)

    return prepare


def _put(flat: Flat, structs: Flat) -> Any:
    """Host arrays onto their devices, one by one, each let go of when it is there."""
    import jax

    return {key: jax.device_put(flat.pop(key), struct.sharding) for key, struct in structs.items()}


def _rebuilt(flat: Flat, wanted: Any) -> Any:
    """In the structure that is wanted, as flax does it."""
    from flax.serialization import from_state_dict

    if isinstance(wanted, dict):
        return trees.nest(flat)
    nested = trees.nest(flat)
    nested["opt_state"] |= {str(i): {} for i in range(1, len(wanted.opt_state))}
    return from_state_dict(wanted, nested)


def _loop(path: Path, structs: Flat, wanted: Any) -> Any:
    import jax

    place = lambda key, value: jax.device_put(value, structs[key].sharding)  # noqa: E731
    return _rebuilt(trees.flatten(peers.loop_load(path, place)), wanted)


def _jitted(job: Job) -> Task:
    """The usual loop with its shard functions: jitted, one for each kind of leaf. They are compiled here."""
    import jax

    from ..device_trees import struct_shardings

    structs = struct_shardings(job.work, over_devices=True)
    compiled: dict[Any, Any] = {}
    functions: dict[trees.Path_, Any] = {}
    for key, struct in structs.items():
        kind = (struct.shape, struct.dtype, struct.sharding)
        if kind not in compiled:
            bare = jax.ShapeDtypeStruct(struct.shape, struct.dtype)
            compiled[kind] = jax.jit(lambda x: x, out_shardings=struct.sharding).lower(bare).compile()
        functions[key] = compiled[kind]
    place = lambda key, value: functions[key](value)  # noqa: E731
    task = _to_jax(True, "stream", lambda path, structs, wanted: peers.loop_load(path, place))
    return task(job)


def _mapped(path: Path, structs: Flat, wanted: Any) -> Any:
    """A map of the bare bytes of all leaves, which jax takes over where they stand at a multiple of 64 bytes."""
    import jax

    return _rebuilt({key: jax.device_put(view) for key, view in peers.mapped(path, structs).items()}, wanted)


def _jax(over_devices: bool) -> dict[str, Callable[[Job], Task]]:
    return {
        "streamckpt": _to_jax(over_devices, "stream", lambda path, structs, wanted: reference.load(path, like=wanted)),
        SEALED: _to_jax(over_devices, "sealed", lambda path, structs, wanted: reference.load(path, like=wanted)),
        "usual loop": _to_jax(over_devices, "stream", _loop),
        **({"usual loop, jitted shard functions": _jitted} if over_devices else {}),
        "flax msgpack": _to_jax(
            over_devices,
            "flax",
            lambda path, structs, wanted: _rebuilt(_put(trees.flatten(peers.flax_load(path)), structs), wanted),
        ),
        "safetensors": _to_jax(
            over_devices,
            "safetensors",
            lambda path, structs, wanted: _rebuilt(_put(peers.safetensors_load(path, device=True), structs), wanted),
        ),
        "orbax": _to_jax(
            over_devices,
            "orbax",
            lambda path, structs, wanted: _rebuilt(trees.flatten(peers.orbax_load(path, trees.nest(structs))), wanted),
        ),
        "plain read": _with_shapes("raw", peers.plain_load),
    }


OPERATIONS: Final = {
    "load numpy": {
        "streamckpt": _to_numpy("stream", reference.load),
        SEALED: _to_numpy("sealed", reference.load),
        UNCHECKED: _to_numpy("sealed", lambda path: reference.load(path, check=False)),
        "usual loop": _to_numpy("stream", peers.loop_load),
        "flax msgpack": _to_numpy("flax", peers.flax_load),
        "safetensors": _to_numpy("safetensors", lambda path: trees.nest(peers.safetensors_load(path))),
        "orbax": _to_numpy("orbax", peers.orbax_load),
        "numpy.save": _with_shapes("npy", peers.numpy_load),
        "plain read": _with_shapes("raw", peers.plain_load),
    },
    "memory map": {
        "streamckpt": _to_numpy("stream", lambda path: reference.load(path, mmap=True)),
        SEALED: _to_numpy("sealed", lambda path: reference.load(path, mmap=True)),
    },
    "map to jax": {
        SEALED: _to_jax(False, "sealed", lambda path, structs, wanted: reference.load(path, like=wanted, mmap=True)),
        **{peer: _jax(over_devices=False)[peer] for peer in ("safetensors", "orbax")},
        "plain map": _to_jax(False, "raw", _mapped),
    },
    "load jax": _jax(over_devices=False),
    "load sharded": _jax(over_devices=True),
}
