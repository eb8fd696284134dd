"""Small files to try the explorer with: a model, a train state, every dtype, a cut-off copy and a hostile file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import ml_dtypes
import numpy as np

from conformance.assembly import Bytes, arr_, bin_, data, map_, ndarray_, raw, record_, scalar_, str_
from conformance.sealed_by_hand import Leaf, sealed
from reference.format.dtypes import WIDTHS

Arrays = dict[tuple[str, ...], np.ndarray]

_TAGS: Final = tuple(WIDTHS)
# The bits of elements that are drawn as they come; others are drawn as numbers.
_BITS: Final = {
    "bool": 1,
    **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (1, 2, 4)},
    **{tag: int(tag[5]) for tag in _TAGS if tag.startswith(("float4_", "float6_", "float8_"))},
}


def examples() -> dict[str, bytes]:
    """Each file by its name. They are the same in every build."""
    arrays = _model(np.random.default_rng(7))
    model = b"".join(_record(path, array) for path, array in arrays.items())
    return {
        "model.stream": model,
        "sealed.stream": _sealed(arrays),
        "train-state.msgpack": _flax(_train_state(np.random.default_rng(8))),
        "dtypes.stream": _dtypes(np.random.default_rng(9)),
        "cut-off.stream": model[: len(model) * 3 // 5],
        "hostile.stream": _hostile(),
    }


def _model(random: np.random.Generator) -> Arrays:
    """A transformer in the manner of LLaMA, small enough for a page."""
    width, inner, words, layers = 64, 160, 512, 4

    def weights(*shape: int, scale: float = 0.02) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(ml_dtypes.bfloat16)

    tree: Arrays = {("transformer", "wte", "embedding"): weights(words, width)}
    for layer in map(str, range(layers)):
        block = ("transformer", "h", layer)
        for name in ("wq", "wk", "wv", "wo"):
            tree[*block, "attention", name, "kernel"] = weights(width, width)
        for name, shape in (("w1", (width, inner)), ("w2", (inner, width)), ("w3", (width, inner))):
            tree[*block, "feed_forward", name, "kernel"] = weights(*shape)
        for name in ("attention_norm", "ffn_norm"):
            tree[*block, name, "kernel"] = (1 + 0.05 * random.standard_normal(width)).astype(np.float32)
    tree["transformer", "ln_f", "kernel"] = (1 + 0.05 * random.standard_normal(width)).astype(np.float32)
    tree["lm_head", "kernel"] = weights(width, words)
    return tree


def _sealed(arrays: Arrays) -> bytes:
    leaves = [Leaf(path, "ndarray", str(one.dtype), one.shape, one.tobytes()) for path, one in arrays.items()]
    config = {"width": 64, "inner": 160, "words": 512, "layers": 4, "rate": 3e-4, "tied": False, "activation": "silu"}
    metadata = {
        "step": 1200,
        "config": config,
        "data": {"mixture": [{"name": "books", "share": 0.25}, {"name": "code", "share": 0.75}], "seed": 7},
        "notes": "Weights of noise, to look at. " * 40,
    }
    return sealed(leaves, metadata, digests=True)


def _train_state(random: np.random.Generator) -> Arrays:
    tree: Arrays = {("step",): np.asarray(1200, np.int32)}
    shapes = {
        ("dense", "kernel"): (48, 96),
        ("dense", "bias"): (96,),
        ("out", "kernel"): (96, 10),
        ("out", "bias"): (10,),
    }
    for path, shape in shapes.items():
        tree["params", "params", *path] = random.standard_normal(shape).astype(np.float32) / 7
    for moment, scale in (("mu", 1e-3), ("nu", 1e-6)):
        for path, shape in shapes.items():
            tree["opt_state", "0", moment, *path] = (random.standard_normal(shape) ** 2 * scale).astype(np.float32)
    tree["opt_state", "0", "count"] = np.asarray(1200, np.int32)
    return tree


def _leaf(array: np.ndarray) -> Bytes:
    return ndarray_(str(array.dtype), array.shape, data(array.tobytes()))


def _record(path: tuple[str, ...], array: np.ndarray) -> bytes:
    return record_(path, _leaf(array)).data()


def _flax(arrays: Arrays) -> bytes:
    tree: dict = {}
    for path, array in arrays.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = array

    def encoded(node: dict | np.ndarray) -> Iterator[bytes]:
        if not isinstance(node, dict):
            yield _leaf(node).data()
            return
        yield map_(len(node)).data()
        for key, child in node.items():
            yield str_(key).data()
            yield from encoded(child)

    return b"".join(encoded(tree))


def _dtypes(random: np.random.Generator) -> bytes:
    """An array of each dtype, with normal values where they fit, and a leaf of each kind."""
    records = [record_(("dtypes", tag), ndarray_(tag, (16, 32), data(_elements(tag, random)))) for tag in _TAGS]
    small = {
        "nil": raw("c0"),
        "bool": raw("c3"),
        "int": raw("cd 04 b0"),
        "float": raw("cb 3f b9 99 99 99 99 99 9a"),
        "complex": raw("c7 13 02 92 cb 3f f0 00 00 00 00 00 00 cb c0 00 00 00 00 00 00 00"),
        "str": str_("a text"),
        "bin": bin_(data(bytes(range(40)))),
        "scalar": scalar_("float32", "00 00 80 3f"),
        "empty node": raw("80"),
    }
    records += [record_(("kinds", name), leaf) for name, leaf in small.items()]
    return b"".join(record.data() for record in records)


def _elements(tag: str, random: np.random.Generator) -> bytes:
    count = 16 * 32
    if tag in ("complex32", "bcomplex32"):
        part = np.float16 if tag == "complex32" else ml_dtypes.bfloat16
        return random.standard_normal(2 * count).astype(part).tobytes()
    if tag.startswith("complex"):
        return (random.standard_normal(count) + 1j * random.standard_normal(count)).astype(tag).tobytes()
    if tag in _BITS:
        return random.integers(0, 1 << _BITS[tag], count, dtype=np.uint16).astype(np.uint8).tobytes()
    values = random.standard_normal(count) * (30 if "int" in tag else 1)
    return (np.abs(values) if tag[0] == "u" else values).astype(tag).tobytes()


def _hostile() -> bytes:
    """Violations of several chapters, one behind the other, and key paths that would like to be markup."""
    good = ndarray_("int8", (4,), "01 02 03 04")
    parts = [
        record_("<img src=x onerror=alert(1)>", good),
        record_(("a/b", "\u202egnp.txt", "line\nend"), good),
        record_("__proto__", raw("07")),
        record_("a tag that does not exist", ndarray_("f4", (1,), "00 00 80 3f")),
        record_("a payload that is too short", ndarray_("float32", (2, 3), "00 00 80 3f")),
        record_("<img src=x onerror=alert(1)>", raw("c0")),
        record_(("__proto__", "polluted"), raw("c3")),
        record_("a leaf of eight gigabytes", raw("c6 ff ff ff ff 00")),
        raw("92 91 a2 c3 28 c4 01 c0"),
        record_("an array for a leaf", arr_(3) + raw("01 02 03")),
        record_("a negative dimension", ndarray_("int8", (-1,), "00")),
        record_("two leaves", raw("c0 c0")),
        record_("a long header", raw("d3 00 00 00 00 00 00 00 07")),
        raw("0a"),
    ]
    return b"".join(part.data() for part in parts)
