"""The peers, each through its public API, and the limits: plain reads and writes of the same bytes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import ml_dtypes  # noqa: F401 (gives numpy its bfloat16)
import numpy as np

from .trees import Path_, Shapes, flatten, leaf_bytes, nest

_READ_SIZE: Final = 83886080  # of the published loop


# --- the usual loop, as EasyLM published it and others copied it: msgpack and flax -----------------------------


def loop_save(path: Path, tree: Any, gather: Callable[[Path_, Any], Any] | None = None) -> None:
    import msgpack
    from flax.serialization import to_bytes, to_state_dict
    from flax.traverse_util import flatten_dict

    packer = msgpack.Packer()
    flattened = flatten_dict(to_state_dict(tree))
    with path.open("wb") as file:
        for key, value in flattened.items():
            if gather is not None:
                value = gather(key, value)
            file.write(packer.pack((key, to_bytes(value))))


def loop_leaves(path: Path) -> Iterator[tuple[Path_, Any]]:
    import msgpack
    from flax.serialization import from_bytes

    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file, read_size=_READ_SIZE, max_buffer_size=0)
        for key, value in unpacker:
            yield tuple(key), from_bytes(None, value)


def loop_load(path: Path, place: Callable[[Path_, Any], Any] | None = None) -> Any:
    from flax.traverse_util import unflatten_dict

    if place is None:
        return unflatten_dict(dict(loop_leaves(path)))
    return unflatten_dict({key: place(key, value) for key, value in loop_leaves(path)})


# --- flax, safetensors, orbax, numpy ----------------------------------------------------------------------------


def flax_save(path: Path, tree: Any) -> None:
    from flax.serialization import msgpack_serialize, to_state_dict

    path.write_bytes(msgpack_serialize(to_state_dict(tree)))


def flax_load(path: Path) -> Any:
    from flax.serialization import msgpack_restore

    return msgpack_restore(path.read_bytes())


def safetensors_save(path: Path, flat: dict[Path_, Any]) -> None:
    if all(isinstance(value, np.ndarray) for value in flat.values()):
        from safetensors.numpy import save_file
    else:
        from safetensors.flax import save_file
    save_file({".".join(key): value for key, value in flat.items()}, path)


def safetensors_load(path: Path, device: bool = False) -> dict[Path_, Any]:
    if device:
        from safetensors.flax import load_file
    else:
        from safetensors.numpy import load_file
    return {tuple(name.split(".")): value for name, value in load_file(path).items()}


def safetensors_one(path: Path, key: Path_) -> np.ndarray:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return file.get_tensor(".".join(key))


def safetensors_scan(path: Path) -> dict[Path_, tuple[Any, ...]]:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return {tuple(name.split(".")): tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def orbax_save(path: Path, tree: Any) -> None:
    import orbax.checkpoint as orbax

    orbax.PyTreeCheckpointer().save(path.absolute(), tree)


def orbax_load(path: Path, like: Any = None, structure: Any = None) -> Any:
    """As numpy arrays of the saved structure, or onto the devices that the structs of `like` name."""
    import orbax.checkpoint as orbax

    if like is None:
        return orbax.PyTreeCheckpointer().restore(path.absolute())
    arguments = orbax.checkpoint_utils.construct_restore_args(like)
    return orbax.PyTreeCheckpointer().restore(path.absolute(), item=structure or like, restore_args=arguments)


def orbax_one(path: Path, key: Path_) -> np.ndarray:
    """One tensor out of a checkpoint: a partial restore of a tree that has this leaf alone."""
    import orbax.checkpoint as orbax

    with orbax.PyTreeCheckpointer() as checkpointer:
        wanted = nest({key: 0})
        arguments = nest({key: orbax.RestoreArgs(restore_type=np.ndarray)})
        found = checkpointer.restore(
            path.absolute(), args=orbax.args.PyTreeRestore(item=wanted, restore_args=arguments, partial_restore=True)
        )
    return flatten(found)[key]


def numpy_save(path: Path, flat: dict[Path_, np.ndarray]) -> None:
    """A file for each leaf; numpy's format has no bfloat16, so its bits are stored."""
    path.mkdir()
    for i, value in enumerate(flat.values()):
        np.save(path / f"{i}.npy", _plain(value))


def numpy_load(path: Path, shapes: Shapes) -> dict[Path_, np.ndarray]:
    return {key: np.load(path / f"{i}.npy").view(dtype) for i, (key, (_, dtype)) in enumerate(shapes.items())}


def _plain(value: np.ndarray) -> np.ndarray:
    return value.view(np.uint16) if value.dtype.name == "bfloat16" else value


# --- limits -------------------------------------------------------------------------------------------------------


def plain_save(path: Path, flat: dict[Path_, Any]) -> None:
    """The memory of every array handed to the system, and nothing else."""
    plain_write(path, (np.asarray(value) for value in flat.values()))


def plain_write(path: Path, arrays: Iterable[np.ndarray]) -> None:
    with path.open("wb", buffering=0) as file:
        for value in arrays:
            view = value.reshape(-1).view(np.uint8).data
            while view:
                view = view[file.write(view) :]


def plain_load(path: Path, shapes: Shapes) -> dict[Path_, np.ndarray]:
    """Every byte read once, into fresh arrays."""
    found: dict[Path_, np.ndarray] = {}
    with path.open("rb", buffering=0) as file:
        for key, (shape, dtype) in shapes.items():
            found[key] = array = np.empty(shape, dtype)
            _fill(file, array)
    return found


def plain_one(path: Path, shapes: Shapes, key: Path_) -> np.ndarray:
    array = np.empty(*shapes[key])
    with path.open("rb", buffering=0) as file:
        file.seek(_offset(shapes, key))
        _fill(file, array)
    return array


def mapped_one(path: Path, shapes: Shapes, key: Path_) -> np.ndarray:
    """As `plain_one`, a copy out of a memory map of the file."""
    shape, dtype = shapes[key]
    return np.memmap(path, dtype, "r", _offset(shapes, key), shape).copy()


def mapped(path: Path, structs: dict[Path_, Any]) -> dict[Path_, np.ndarray]:
    """Each leaf as a part of one memory map of the file."""
    whole, at = np.memmap(path, np.uint8, "r"), 0
    found: dict[Path_, np.ndarray] = {}
    for key, struct in structs.items():
        n = leaf_bytes(struct.shape, struct.dtype)
        found[key] = whole[at : at + n].view(struct.dtype).reshape(struct.shape)
        at += n
    return found


def _offset(shapes: Shapes, key: Path_) -> int:
    return sum(leaf_bytes(*what) for _, what in itertools.takewhile(lambda item: item[0] != key, shapes.items()))


def plain_pass(path: Path) -> int:
    """Every byte read once, into one buffer."""
    buffer, total = memoryview(bytearray(1 << 22)), 0
    with path.open("rb", buffering=0) as file:
        while n := file.readinto(buffer):
            total += n
    return total


def _fill(file: Any, array: np.ndarray) -> None:
    view = array.reshape(-1).view(np.uint8).data
    while view:
        n = file.readinto(view)
        if not n:
            raise EOFError
        view = view[n:]


def sync(path: Path) -> None:
    """Bring an output to the disk, so that on a disk every peer's save ends where ours does."""
    for name in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if not name.is_dir():
            fd = os.open(name, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
