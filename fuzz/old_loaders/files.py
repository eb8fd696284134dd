"""The sealed streams that old programs are given, the plain ones of the same trees, and what is to come out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final, NamedTuple

import ml_dtypes  # noqa: F401  (makes its dtypes known to numpy by their names)
import numpy as np

import reference
from fuzz.old_loaders.reading import listed
from fuzz.peers.sealer import parts_of
from fuzz.scales import SMALL, TRUE, Scale, at_scale
from reference.format.trees import flatten

SEALED, PLAIN = ".sealed", ".plain"


class Given(NamedTuple):
    """A tree, what it is for people, and how it is sealed."""

    about: str
    tree: dict[str, Any]
    options: dict[str, Any] = {}
    scale: Scale = TRUE


def _model(dtype: str, width: int = 64, layers: int = 4) -> dict[str, Any]:
    rng = np.random.default_rng(1)

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32).astype(dtype)

    layer = {
        str(i): {"attention": {"kernel": array(width, width)}, "norm": {"scale": array(width)}} for i in range(layers)
    }
    return {"params": {"embedding": array(width, 32), "layers": layer, "head": array(32, width)}}


_BASIC: Final = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOATS: Final = ("float16", "float32", "float64", "complex64", "complex128", "bfloat16")
_SMALL: Final = {
    "nil": None,
    "yes": True,
    "int": -7,
    "large": 2**64 - 1,
    "float": 1.5,
    "nan": float("nan"),
    "text": "é" * 300,
    "bytes": b"\0\1" * 40_000,
    "scalar": np.float32(1.5),
    "complex": 1 + 2j,
    "": {"a/b": 0},
    "__proto__": 1,
}
GIVEN: Final[dict[str, Given]] = {
    "one-int": Given("one record, nothing padded", {"a": 1}),
    "one-array": Given("one padded array", {"w": np.arange(4096, dtype=np.float32)}),
    "small-values": Given("values of every kind", _SMALL),
    "dtypes": Given(
        "arrays of the common dtypes, on both sides of 4 KiB",
        {tag: {str(n): np.arange(n).astype(tag) for n in (0, 1, 700, 5000)} for tag in (*_BASIC, *_FLOATS)},
    ),
    "narrow-dtypes": Given(
        "arrays of 8 bits and less, padded",
        {tag: np.zeros(5000, tag) for tag in ("float8_e4m3fn", "float8_e5m2", "int4", "uint4")},
    ),
    "shapes": Given(
        "arrays of many shapes",
        {
            str(i): np.ones(shape, np.float32)
            for i, shape in enumerate([(), (0,), (3, 0, 2), (1,) * 17, (9, 1, 999), (64, 64), (4, 4, 4, 4, 16)])
        },
    ),
    "model": Given("a small model in bfloat16", _model("bfloat16")),
    "model-4096": Given(
        "the same, aligned to 4,096 bytes, with digests", _model("bfloat16"), {"alignment": 4096, "digests": True}
    ),
    "metadata": Given(
        "with metadata of 3 MB",
        _model("float32"),
        {"metadata": {"step": 7, "config": {"names": ["a" * 1000] * 3000, "x": None, "y": [1.5, -1, b"\xff"]}}},
    ),
    "many-leaves": Given(
        "5,000 small leaves", {"layers": [{"w": np.full(3, i, np.float32), "i": i} for i in range(2500)]}
    ),
    "large-array": Given("an array of 17 MiB", {"a": 1, "w": np.arange(17 << 18, dtype=np.float32), "z": 2}),
    "parts": Given(
        "arrays in parts, made small: an old program sees a subtree",
        {"a": np.arange(9000, dtype=np.int16).reshape(9, 1000), "b": {"c": np.arange(5000, dtype=np.uint8)}, "d": 1},
        scale=SMALL,
    ),
}


def write_all(folder: Path, names: list[str]) -> None:
    """Write the files of these trees into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        about, tree, options, scale = GIVEN[name]
        del about
        with at_scale(scale):
            reference.save(folder / (name + SEALED), tree, format="2.0", **options)
        reference.save(folder / (name + PLAIN), tree)


def expected(name: str) -> list[Any]:
    """What an old program is to find in the sealed stream: an array in parts as these."""
    given = GIVEN[name]
    leaves = dict(flatten(given.tree))
    return listed({key: leaf for path, whole in leaves.items() for key, leaf in parts_of(path, whole, given.scale)})
