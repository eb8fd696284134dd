"""What `demo.py` holds its results against: flax, safetensors and jax themselves, and the usual loop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import flax.serialization
import jax.numpy as jnp
import msgpack
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict


def prove(source: Path, stream: Path, flax_file: Path, again: Path, bf16: Path) -> None:
    """Hold every output against what the libraries themselves read from the source."""
    print("\nheld against flax and safetensors themselves:")
    tensors = safetensors.numpy.load_file(source)
    restored = flax.serialization.msgpack_restore(flax_file.read_bytes())
    check("flax's own restore gives every tensor of the safetensors file, bit for bit", same(flat(restored), tensors))
    check("the usual loop (msgpack and flax) reads our stream, bit for bit", same(usual_loop(stream), tensors))
    check("stream -> flax -> stream gives back the same bytes", stream.read_bytes() == again.read_bytes())
    cast = {name: to_bfloat16(tensor) for name, tensor in tensors.items()}
    check("the bfloat16 stream holds what jax's cast gives, bit for bit", same(usual_loop(bf16), cast))


def check(claim: str, holds: bool) -> None:
    print(f"  {'yes' if holds else 'NO '}  {claim}")
    if not holds:
        sys.exit(1)


def flat(tree: Any) -> dict[str, Any]:
    return {".".join(path): leaf for path, leaf in flatten_dict(tree).items()}


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return found.keys() == wanted.keys() and all(
        (found[name].dtype, found[name].shape, found[name].tobytes()) == (leaf.dtype, leaf.shape, leaf.tobytes())
        for name, leaf in wanted.items()
    )


def to_bfloat16(tensor: np.ndarray) -> np.ndarray:
    return np.asarray(jnp.asarray(tensor).astype(jnp.bfloat16)) if tensor.dtype == np.float32 else tensor


def usual_loop(path: Path) -> dict[str, Any]:
    """How existing code bases read a stream."""
    with path.open("rb") as file:
        unpacker = msgpack.Unpacker(file, read_size=83886080, max_buffer_size=0)
        return {".".join(key): flax.serialization.from_bytes(None, value) for key, value in unpacker}


def cut_off(stream: Path) -> tuple[str, Path]:
    """Lose the last third of a file, as an interrupted copy does: what the usual loop makes of it, and its path."""
    cut = stream.with_name("cut-off.stream")
    data = stream.read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    return f"{len(usual_loop(cut))} of {len(usual_loop(stream))} tensors, and no error", cut
