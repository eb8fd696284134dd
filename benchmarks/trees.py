"""The trees that are saved and loaded, made leaf by leaf from their names, so that any process makes the same ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import ml_dtypes  # noqa: F401 (gives numpy its bfloat16)
import numpy as np

Path_ = tuple[str, ...]
Shapes = dict[Path_, tuple[tuple[int, ...], str]]  # key path to shape and dtype

_POOL: Final = (1 << 22) + 4099  # elements; no compressor here looks back as far, so nobody gains by the repetition
_CHANGE: Final = 1e-4  # standard deviation of a fine-tuning, where that of the weights is 0.02


class Work(NamedTuple):
    """A tree by name. `warm` is the small tree of the same kind on which a process practises first. A `sparse` one is
    all zeros, in a file with holes: it is opened, and never read as a whole."""

    title: str
    shapes: Callable[[], Shapes]
    warm: str
    sparse: bool = False


def llama(layers: int, width: int, hidden: int, vocabulary: int, dtype: str = "bfloat16") -> Shapes:
    """The weights of a LLaMA as EasyLM names them."""
    found: Shapes = {("transformer", "wte", "embedding"): ((vocabulary, width), dtype)}
    found |= layers_of_llama(layers, width, hidden, width, dtype)
    found["transformer", "ln_f", "kernel"] = ((width,), dtype)
    found["lm_head", "kernel"] = ((width, vocabulary), dtype)
    return found


def layers_of_llama(n: int, width: int, hidden: int, keys: int, dtype: str = "bfloat16") -> Shapes:
    """Its layers alone; `keys` is the width of keys and values, which several heads share in large models."""
    found: Shapes = {}
    for i in range(n):
        layer = ("transformer", "h", str(i))
        for name, columns in (("wq", width), ("wk", keys), ("wv", keys)):
            found[(*layer, "attention", name, "kernel")] = ((width, columns), dtype)
        found[(*layer, "attention", "wo", "kernel")] = ((width, width), dtype)
        for name, shape in (("w1", (width, hidden)), ("w2", (hidden, width)), ("w3", (width, hidden))):
            found[(*layer, "feed_forward", name, "kernel")] = (shape, dtype)
        for name in ("attention_norm", "ffn_norm"):
            found[(*layer, name, "kernel")] = ((width,), dtype)
    return found


def train_state(weights: Shapes) -> Shapes:
    """A flax train state with adamw, as its state dict is stored: the weights, and two moments of each."""
    found: Shapes = {("step",): ((), "int32")}
    found |= {("params", "params", *path): what for path, what in weights.items()}
    found["opt_state", "0", "count"] = ((), "int32")
    for moment in ("mu", "nu"):
        found |= {("opt_state", "0", moment, "params", *path): what for path, what in weights.items()}
    return found


def small(n: int) -> Shapes:
    """n leaves of 256 bytes."""
    return {("params", str(i // 2), ("kernel", "bias")[i % 2]): ((64,), "float32") for i in range(n)}


def one_leaf(rows: int, columns: int) -> Shapes:
    return {("params", "embedding"): ((rows, columns), "bfloat16")}


SERIES: Final = (1_000, 10_000, 100_000, 1_000_000)  # records, for what one of them costs

WORKS: Final[dict[str, Work]] = {
    "llama-1gb": Work("LLaMA, bfloat16, 75 leaves, 1.07 GB", lambda: llama(8, 2048, 5504, 32000), "tiny"),
    "llama-3gb": Work("LLaMA, bfloat16, 102 leaves, 3.14 GB", lambda: llama(11, 3200, 8640, 32000), "tiny"),
    "llama-quick": Work("LLaMA, bfloat16, 39 leaves, 0.26 GB", lambda: llama(4, 1024, 4096, 32000), "tiny"),
    "llama-1gb-f32": Work(
        "LLaMA, float32, 57 leaves, 1.07 GB", lambda: llama(6, 1536, 4096, 32000, "float32"), "tiny-f32"
    ),
    "llama-quick-f32": Work(
        "LLaMA, float32, 39 leaves, 0.26 GB", lambda: llama(4, 640, 2560, 32000, "float32"), "tiny-f32"
    ),
    "state-1gb": Work(
        "train state with adamw, float32, 1.1 GB",
        lambda: train_state(llama(8, 768, 2048, 24000, "float32")),
        "tiny-state",
    ),
    "small-20k": Work("20,000 leaves of 256 B", lambda: small(20_000), "tiny-small"),
    # The shapes of real models, from the smallest leaves to the largest.
    "medium-1gb": Work(
        "381 leaves of up to 8 MB, most of 2 to 6, 1.10 GB", lambda: llama(42, 1024, 2816, 4096), "tiny"
    ),
    "medium-quick": Work(
        "93 leaves of up to 8 MB, most of 2 to 6, 0.27 GB", lambda: llama(10, 1024, 2816, 4096), "tiny"
    ),
    "llama-100m": Work("LLaMA of 0.1 B, bfloat16, 111 leaves, 0.27 GB", lambda: llama(12, 768, 2048, 32000), "tiny"),
    "llama-1b": Work("LLaMA of 1 B, bfloat16, 201 leaves, 2.52 GB", lambda: llama(22, 2048, 5632, 32000), "tiny"),
    "layers-7b": Work(
        "3 layers of LLaMA 7 B, bfloat16, 27 leaves, 1.21 GB", lambda: layers_of_llama(3, 4096, 11008, 4096), "tiny"
    ),
    "layers-70b": Work(
        "a layer of LLaMA 70 B, bfloat16, 9 leaves, 1.71 GB", lambda: layers_of_llama(1, 8192, 28672, 1024), "tiny"
    ),
    "sparse-100gb": Work(
        "59 layers of LLaMA 70 B, bfloat16, 531 leaves, 101 GB of zeros",
        lambda: layers_of_llama(59, 8192, 28672, 1024),
        "tiny-sparse",
        sparse=True,
    ),
    "leaf-3gib": Work("one leaf of 3 GiB, bfloat16", lambda: one_leaf(3 << 9, 1 << 20), "tiny-leaf"),
    **{f"records-{n}": Work(f"{n:,} leaves of 256 B", lambda n=n: small(n), "tiny-small") for n in SERIES},
    "tiny": Work("a tiny LLaMA", lambda: llama(1, 64, 128, 512), "tiny"),
    "tiny-f32": Work("a tiny LLaMA, float32", lambda: llama(1, 64, 128, 512, "float32"), "tiny-f32"),
    "tiny-state": Work("a tiny train state", lambda: train_state(llama(1, 64, 128, 512, "float32")), "tiny-state"),
    "tiny-small": Work("64 leaves of 256 B", lambda: small(64), "tiny-small"),
    "tiny-sparse": Work(
        "a tiny layer of a LLaMA, all zeros", lambda: layers_of_llama(1, 1024, 2816, 128), "tiny-sparse", sparse=True
    ),
    "tiny-leaf": Work("one leaf of 32 kB", lambda: one_leaf(16, 1 << 10), "tiny-leaf"),
}


def nbytes(work: str) -> int:
    return sum(leaf_bytes(*what) for what in WORKS[work].shapes().values())


def greatest(work: str) -> int:
    """Bytes of the largest leaf."""
    return max(leaf_bytes(*what) for what in WORKS[work].shapes().values())


def leaf_bytes(shape: tuple[int, ...], dtype: str | np.dtype) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize


@functools.cache
def _pool(dtype: str, changed: bool) -> np.ndarray:
    """Random values from which all leaves are cut; `changed`, the same after a small step of training."""
    chance = np.random.default_rng(1)
    values = chance.standard_normal(_POOL, np.float32) * np.float32(0.02)
    if changed:
        values += chance.standard_normal(_POOL, np.float32) * np.float32(_CHANGE)
    return values.astype(dtype)


def leaf(index: int, shape: tuple[int, ...], dtype: str, changed: bool = False) -> np.ndarray:
    """The leaf that stands at `index`; `changed`, that of the fine-tuned tree."""
    if dtype == "int32":
        return np.full(shape, 1000 + index + changed, np.int32)
    pool, array = _pool(dtype, changed), np.empty(math.prod(shape), dtype)
    at, start = 0, index * 7919 * 64 % _POOL
    while at < len(array):
        part = pool[start : start + len(array) - at]
        array[at : at + len(part)] = part
        at, start = at + len(part), 0
    return array.reshape(shape)


def leaves(work: str, changed: bool = False) -> Iterator[tuple[Path_, np.ndarray]]:
    """Key paths and leaves, one in memory at a time."""
    for i, (path, what) in enumerate(WORKS[work].shapes().items()):
        yield path, leaf(i, *what, changed)


def flat(work: str, changed: bool = False) -> dict[Path_, np.ndarray]:
    return dict(leaves(work, changed))


def nest(flattened: dict[Path_, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in flattened.items():
        node = root
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return root


def tree(work: str) -> dict[str, Any]:
    return nest(flat(work))


def flatten(tree: Any) -> dict[Path_, Any]:
    """The leaves of a nested dict by key path."""
    found: dict[Path_, Any] = {}
    stack: list[tuple[Path_, Any]] = [((), tree)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict):
            stack += [((*path, key), child) for key, child in reversed(node.items())]
        else:
            found[path] = node
    return found


class Wrong(Exception):
    """What an operation gave is not what it was to give: its time says nothing."""


def check(work: str, found: dict[Path_, Any], changed: bool = False, dtype: str | None = None) -> None:
    """Hold what was loaded, by key path, against the tree or its cast to `dtype`, bit for bit. Raises Wrong."""
    check_stream(work, iter(found.items()), changed, dtype)


def check_stream(
    work: str, found: Iterator[tuple[Path_, Any]], changed: bool = False, dtype: str | None = None
) -> None:
    """`check` for leaves that come one by one, in any order: jax sorts what it maps over."""

    def same(value: Any, want: np.ndarray) -> bool:
        want, value = want.astype(dtype) if dtype else want, np.asarray(value)
        return value.shape == want.shape and value.dtype == want.dtype and _same(value, want)

    check_leaves(work, found, lambda i, value, what: same(value, leaf(i, *what, changed)))


def check_leaves(
    work: str, found: Iterator[tuple[Path_, Any]], is_right: Callable[[int, Any, tuple[tuple[int, ...], str]], bool]
) -> None:
    """Hold leaves that come one by one against a tree: each once, and right, given its place. Raises Wrong."""
    shapes = WORKS[work].shapes()
    left = {path: i for i, path in enumerate(shapes)}
    for path, value in found:
        if path not in left:
            raise Wrong(f"the leaf {'/'.join(path)} is there twice, or was not to be")
        if not is_right(left.pop(path), value, shapes[path]):
            raise Wrong(f"the leaf {'/'.join(path)} is not what it was to be")
    if left:
        raise Wrong(f"{len(left)} leaves are missing")


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(_bits(a), _bits(b))


def _bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
