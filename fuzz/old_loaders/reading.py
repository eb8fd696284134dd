"""Read the streams of a folder as an old program does, and print what came out, as JSON: `reading.py FOLDER`.

It runs in environments of its own, and needs msgpack, flax and numpy there and nothing of this project. The loops are
told in the words of EasyLM, tux and JAXSeq, which differ in what they give to msgpack's Unpacker.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

READ_SIZE = 83886080


def _unpacked(file: BinaryIO, **options: Any) -> Iterator[Any]:
    import msgpack

    return iter(msgpack.Unpacker(file, **options))


def _fed(file: BinaryIO, size: int) -> Iterator[Any]:
    """The bytes in pieces, as they come from a network."""
    import msgpack

    unpacker = msgpack.Unpacker(max_buffer_size=0)
    while piece := file.read(size):
        unpacker.feed(piece)
        yield from unpacker


LOOPS: dict[str, Callable[[BinaryIO], Iterator[Any]]] = {
    "EasyLM, JAXSeq": lambda file: _unpacked(file, read_size=READ_SIZE, max_buffer_size=0),
    "tux, 2 GiB": lambda file: _unpacked(file, read_size=READ_SIZE, max_buffer_size=(1 << 31) - 1),
    "msgpack's defaults": _unpacked,
    "small reads": lambda file: _unpacked(file, read_size=100, max_buffer_size=0),
    "fed in pieces": lambda file: _fed(file, 1000),
}


def flat(file: BinaryIO, loop: str) -> dict[tuple[str, ...], Any]:
    from flax.serialization import from_bytes

    return {tuple(key): from_bytes(None, value) for key, value in LOOPS[loop](file)}


def restored(file: BinaryIO) -> dict[tuple[str, ...], Any]:
    """Each leaf blob by itself, through flax's other door."""
    from flax.serialization import msgpack_restore

    return {tuple(key): msgpack_restore(value) for key, value in LOOPS["EasyLM, JAXSeq"](file)}


def described(leaf: Any) -> list[Any]:
    """What is compared of a leaf: its type, dtype, shape and bits."""
    if hasattr(leaf, "dtype"):
        raw = leaf.tobytes()
        return [type(leaf).__name__, leaf.dtype.name, list(leaf.shape), hashlib.sha256(raw).hexdigest()]
    if isinstance(leaf, float):
        return ["float", struct.pack(">d", leaf).hex()]
    if isinstance(leaf, complex):
        return ["complex", struct.pack(">dd", leaf.real, leaf.imag).hex()]
    raw = leaf.encode() if isinstance(leaf, str) else leaf if isinstance(leaf, bytes) else repr(leaf).encode()
    return [type(leaf).__name__, hashlib.sha256(raw).hexdigest()]


def listed(leaves: dict[tuple[str, ...], Any]) -> list[Any]:
    return [[list(path), described(leaf)] for path, leaf in leaves.items()]


def outcome(read: Callable[[BinaryIO], dict[tuple[str, ...], Any]], path: Path) -> Any:
    """The leaves of a file, or in a text what was raised."""
    try:
        with path.open("rb") as file:
            return listed(read(file))
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


def main(folder: str) -> None:
    import flax
    import jax
    import msgpack
    import numpy as np

    told = {"flax": flax.__version__, "jax": jax.__version__, "numpy": np.__version__}
    told["msgpack"] = ".".join(map(str, msgpack.version[:3]))
    told["unpacker"] = "Python" if msgpack.Unpacker.__module__ == "msgpack.fallback" else "C"
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(folder).iterdir()):
        found[path.name] = {loop: outcome(lambda file, loop=loop: flat(file, loop), path) for loop in LOOPS}
        found[path.name]["msgpack_restore"] = outcome(restored, path)
    json.dump({"versions": told, "found": found}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
