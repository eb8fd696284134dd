"""Saves and loads of jax arrays against the usual loop, flax msgpack, safetensors and orbax, in turn in one run.

Run `python benchmarks/devices.py [FOLDER]`; give a folder on a memory file system for steady figures. Peers that
are not installed are left out: `pip install safetensors orbax-checkpoint`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import flax.serialization
import jax
import jax.numpy as jnp
import msgpack
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding

import reference

ROUNDS = 5
LEAVES, SHAPE = 16, (2048, 8192)  # 32 MiB each in bfloat16
Tree = dict[str, Any]
Peer = tuple[Callable[[Tree, Path], object], Callable[[Path, Tree], object]]  # save(tree, path), load(path, like)


def main() -> None:
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    mesh = Mesh(np.array(jax.devices()), ("x",))
    placements: dict[str, Sharding] = {
        "on one device": jax.sharding.SingleDeviceSharding(jax.devices()[0]),
        f"rows over {len(jax.devices())} devices": NamedSharding(mesh, PartitionSpec("x")),
        f"columns over {len(jax.devices())} devices": NamedSharding(mesh, PartitionSpec(None, "x")),
    }
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for name, sharding in placements.items():
            compare(name, sharding, Path(folder))


def compare(name: str, sharding: Sharding, folder: Path) -> None:
    """Print each peer's time as a ratio to the usual loop's."""
    # Random, so that no peer gains by compressing it.
    make = jax.jit(lambda i: jax.random.normal(jax.random.key(i), SHAPE, jnp.bfloat16), out_shardings=sharding)
    tree = {f"layer_{i}": make(i) for i in range(LEAVES)}
    like = {key: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding) for key, x in tree.items()}
    seconds: dict[str, tuple[list[float], list[float]]] = {peer: ([], []) for peer in peers()}
    for turn in range(ROUNDS + 1):
        for peer, (save, load) in peers().items():
            path = folder / peer.replace(" ", "-")
            times = timed(save, tree, path), timed(load, path, like)
            for kept, time_ in zip(seconds[peer], times, strict=True):
                kept.extend([time_] if turn else [])  # the first turn compiles and imports
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    size = sum(x.nbytes for x in tree.values()) / 1e9
    print(f"\n{LEAVES} leaves of 32 MiB, {name}: time over the usual loop's (its GB/s); medians of {ROUNDS}")
    for i, operation in enumerate(("save", "load")):
        loop = statistics.median(seconds["usual loop"][i])
        ratios = [f"{peer} {statistics.median(times[i]) / loop:.2f}" for peer, times in seconds.items()]
        print(f"  {operation}: {', '.join(ratios)} ({size / loop:.2f} GB/s)")


def timed(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    jax.block_until_ready(work(*arguments))
    return time.perf_counter() - start


def placed(arrays: Tree, like: Tree) -> Tree:
    return {key: jax.device_put(value, like[key].sharding) for key, value in arrays.items()}


def peers() -> dict[str, Peer]:
    found: dict[str, Peer] = {
        "streamckpt": (
            lambda tree, path: reference.save(path, tree),
            lambda path, like: reference.load(path, like=like),
        ),
        "usual loop": (loop_save, lambda path, like: placed(loop_load(path), like)),
        "flax msgpack": (
            lambda tree, path: path.write_bytes(flax.serialization.msgpack_serialize(tree)),
            lambda path, like: placed(dict(flax.serialization.msgpack_restore(path.read_bytes())), like),
        ),
        "plain write and read": (plain_save, lambda path, like: placed(plain_load(path, like), like)),
    }
    if importlib.util.find_spec("safetensors"):
        from safetensors import flax as safetensors

        found["safetensors"] = (
            lambda tree, path: safetensors.save_file(tree, path),
            lambda path, like: placed(safetensors.load_file(path), like),
        )
    if importlib.util.find_spec("orbax"):
        import orbax.checkpoint as orbax

        found["orbax"] = (
            lambda tree, path: orbax.PyTreeCheckpointer().save(path.absolute(), tree),
            lambda path, like: orbax.PyTreeCheckpointer().restore(
                path.absolute(), restore_args=orbax.checkpoint_utils.construct_restore_args(like)
            ),
        )
    return found


def loop_save(tree: Tree, path: Path) -> None:
    packer = msgpack.Packer()
    with path.open("wb") as file:
        for key, value in tree.items():
            file.write(packer.pack(((key,), flax.serialization.to_bytes(value))))


def loop_load(path: Path) -> Tree:
    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
        return {key[0]: flax.serialization.from_bytes(None, value) for key, value in unpacker}


def plain_save(tree: Tree, path: Path) -> None:
    """What no writer can do without: every byte handed to the system once."""
    with path.open("wb", buffering=0) as file:
        for value in tree.values():
            view = np.asarray(value).reshape(-1).view(np.uint8).data
            while view:
                view = view[file.write(view) :]


def plain_load(path: Path, like: Tree) -> Tree:
    with path.open("rb", buffering=0) as file:
        arrays = {key: np.empty(target.shape, target.dtype) for key, target in like.items()}
        for array in arrays.values():
            view = array.reshape(-1).view(np.uint8).data
            while view:
                view = view[file.readinto(view) :]
    return arrays


if __name__ == "__main__":
    main()
