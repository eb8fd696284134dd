"""Sealed streams to begin with: of trees of all kinds, and of whatever streams are, made by hand or from others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import ml_dtypes  # noqa: F401  (makes its dtypes known to numpy by their names)
import numpy as np

from .peers.sealer import Sealing, in_order, sealed
from .scales import Scale
from .seals import sealed_from

_MARKER: Final = "__msgpack_chunked_array__"
_LONGEST: Final = 2000  # bytes of a stream that is sealed: there are many
_METADATA: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"step": 7},
    {"safetensors": {"format": "pt"}, "step": 2**64 - 1},
    {"": None, "a": [True, -1, 1.5, "é", b"\x00", [], {}], "b": {"c": {"d": float("nan")}}, "long": "x" * 300},
)


def _trees() -> Iterator[dict[str, Any]]:
    yield {"a": 7}
    yield {"a": None, "b": True, "c": -1, "d": 2.5, "e": 1j, "f": "é", "g": b"\x00\x01", "h": np.float32(1)}
    yield {"w": np.arange(4, dtype=np.float32)}
    yield {"w": np.arange(12, dtype=np.int8).reshape(3, 4), "b": np.array(2.0), "0": np.zeros((0, 3), np.float16)}
    yield {"params": {"k": np.arange(100, dtype=np.uint8), "b": np.arange(8, dtype=">f4").astype("<f4")}}
    yield {"k": np.ones((3, 300), np.int16), "v": "x" * 700, "i": 1}
    yield {"k": np.arange(700, dtype=np.float32)}
    yield {"k": np.arange(2 * 2 * 300, dtype=np.int16).reshape(2, 2, 300), "l": np.ones((1, 2049), np.bool_)}
    yield {"a": {"k": np.arange(2100, dtype=np.uint8)}, "b": {"k": np.arange(1500, dtype=np.uint16)}}
    yield {"w": np.arange(5000, dtype=np.uint8), "b": np.ones(3, "bfloat16"), "q": np.ones(64, "int4")}


def sealed_files(detached: bool, scale: Scale, streams: Iterable[bytes] = ()) -> Iterator[bytes]:
    """Sealed trees, and other streams that are sealed as they are."""
    if not detached:
        for i, tree in enumerate(_trees()):
            flat = {(k, *inner): leaf for k, node in tree.items() for inner, leaf in _below(node)}
            metadata = in_order(_METADATA[i % len(_METADATA)])
            yield sealed(flat.items(), Sealing((64, 128, 4096)[i % 3], metadata, i % 2 == 1, scale))
    for stream in streams:
        if len(stream) <= _LONGEST:
            yield sealed_from(stream, scale, detached)


def _below(node: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        yield from (((key,), leaf) for key, leaf in node.items())
    else:
        yield (), node
