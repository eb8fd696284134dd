"""Hypothesis strategies for key paths, dtypes, leaves, trees, pairs of trees and files. Made for other projects too.

from fuzz.strategies import streams, trees

@given(trees())
def test_my_writer_and_my_reader_agree(tree): ...

@given(streams())
def test_my_reader_takes_every_accepted_form(pair): tree, data = pair; ...
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fuzz.files import file_of_tree
from fuzz.mutation import Mutator
from fuzz.nodes import encode, parse
from fuzz.peers.sealer import Sealing
from fuzz.scales import SMALL, TRUE
from fuzz.seeds import seeds
from reference.containers.stream import STREAM
from reference.format.dtypes import BITS, INSTALLED, dtype_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Texts at the lengths where a header grows, and others that mean something to somebody.
edges = st.sampled_from([31, 32, 255, 256]).map("x".__mul__)
keys = st.one_of(st.sampled_from(["params", "kernel", "0", "", "a/b", "chunk_0", "é", "x" * 40]), texts, edges)
dtypes = st.sampled_from(sorted(INSTALLED)).map(dtype_of)
shapes = st.one_of(
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.just((1,) * 17),
    st.sampled_from([(127,), (128,), (3, 0, 2), (0, 2**32), (300,), (65_536,)]),
)


@st.composite
def arrays(
    draw: DrawFn, dtypes: SearchStrategy[np.dtype] = dtypes, shapes: SearchStrategy[tuple[int, ...]] = shapes
) -> np.ndarray:
    """Arrays of any dtype and shape with any bits that carry a value in them, C-contiguous."""
    dtype, shape = draw(dtypes), draw(shapes)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    seed = draw(st.binary(min_size=1, max_size=16))
    raw = np.frombuffer((seed * (size // len(seed) + 1))[:size], np.uint8)
    raw = raw & np.uint8((1 << (1 if dtype == np.bool_ else BITS.get(dtype.name, 8))) - 1)
    return raw.view(dtype).reshape(shape) if size else np.empty(shape, dtype)


@st.composite
def any_layout(draw: DrawFn) -> np.ndarray:
    """Arrays that may be transposed, reversed, strided, broadcast or big-endian."""
    array = draw(arrays(shapes=st.lists(st.integers(0, 4), max_size=4).map(tuple)))
    for change in draw(st.lists(st.sampled_from("TRSB"), max_size=3)):
        if change == "T":
            array = array.T
        elif change == "R" and array.ndim:
            array = array[::-1]
        elif change == "S" and array.ndim:
            array = array[..., ::2]
        elif change == "B":
            array = np.broadcast_to(array, (2, *array.shape))
    return array


_NOT_ON_DEVICES = ("complex128", "complex32", "bcomplex32", "int1", "uint1", "float6_e2m3fn", "float6_e3m2fn")
# Dtypes that jax arrays can have without 64-bit mode.
DEVICE_TAGS = [
    tag for tag in sorted(INSTALLED) if tag not in _NOT_ON_DEVICES and (tag[-2:] != "64" or tag == "complex64")
]
device_dtypes = st.sampled_from(DEVICE_TAGS).map(dtype_of)


def _twice_and_one(n: int) -> int:
    return 2 * n + 1


@st.composite
def float_arrays(draw: DrawFn) -> np.ndarray:
    """Arrays of the four dtypes that casts change, of values near those at which rounding turns, and of any bits."""
    dtype = dtype_of(draw(st.sampled_from(("float16", "bfloat16", "float32", "float64"))))
    if draw(st.booleans()):
        return draw(arrays(st.just(dtype), st.lists(st.integers(0, 4), max_size=3).map(tuple)))
    # An odd number of 9, 12 or 25 bits is half way between two of one bit less; then a little to either side of it.
    odd = (
        st.sampled_from((8, 11, 24))
        .flatmap(lambda bits: st.integers(1 << bits - 1, (1 << bits) - 1))
        .map(_twice_and_one)
    )
    aside = st.sampled_from((0.0, 0.0, 2.0**-24, 2.0**-26, 2.0**-40, 2.0**-52))
    signs = st.sampled_from((1.0, -1.0))
    ties = st.builds(
        lambda odd, e, aside, sign, side: sign * odd * (1 + side * aside) * 2.0**e,
        *(odd, st.integers(-170, 130), aside, signs, signs),
    )
    values = draw(st.lists(ties | st.floats(), max_size=8))
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(dtype)


scalars = arrays(shapes=st.just(())).map(lambda array: array[()])
# Integers at the ends of the ranges that a header holds.
integers = st.sampled_from([*(2**k + d for k in (5, 7, 8, 15, 16, 31, 32, 63) for d in (-1, 0)), 2**64 - 1])
integers |= integers.map(lambda n: -1 - n).filter(lambda n: n >= -(2**63))
small_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    integers,
    st.floats(),
    st.complex_numbers(),
    texts,
    edges,
    st.binary(max_size=300),
)
leaves = st.one_of(arrays(), any_layout(), scalars, small_values)


def trees(leaves: SearchStrategy[Any] = leaves) -> SearchStrategy[dict[str, Any]]:
    """Nested dicts, lists and tuples with at least one leaf somewhere, and with empty nodes among them."""

    def nest(children: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return st.one_of(
            st.dictionaries(keys, children, max_size=4),
            st.lists(children, max_size=3),
            st.lists(children, max_size=3).map(tuple),
        )

    nodes = st.recursive(leaves, nest, max_leaves=10)
    return st.builds(
        lambda tree, key, leaf: {**tree, key: leaf}, st.dictionaries(keys, nodes, max_size=4), keys, leaves
    )


# Metadata of every kind that it may have (META-1), and none that it may not.
metadata_values = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), integers, st.floats(), texts, edges),
        st.binary(max_size=300),
    ),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
metadata = st.dictionaries(keys, metadata_values, max_size=4)
_short_keys = st.sampled_from(["params", "kernel", "0", "", "a/b", "é", "__part_0_of_0__", "__part_00_of_1__"])
_shapes_in_parts = ((2048,), (2049,), (513, 1), (5, 500), (2, 3, 300), (1, 1, 3000), (3, 1, 700), (40, 40), (2, 0, 999))
_small_shapes = shapes.filter(lambda shape: int(np.prod(shape, dtype=object)) < 1000)


@st.composite
def sealed_trees(draw: DrawFn) -> tuple[dict[str, Any], Sealing]:
    """A tree, and how a sealed stream of it is written. At the small scale many of its arrays stand in parts."""
    scale = draw(st.sampled_from((TRUE, SMALL)))
    if scale == TRUE:
        tree = draw(trees())
    else:
        some = arrays(shapes=_small_shapes | st.sampled_from(_shapes_in_parts) | st.sampled_from(_shapes_in_parts))
        tree = draw(st.dictionaries(_short_keys, some, min_size=1, max_size=4))
        tree = draw(st.sampled_from((tree, {"a": tree, "b": draw(small_values)})))
    alignment = draw(st.sampled_from([1 << i for i in range(6, 13)]))
    return tree, Sealing(alignment, draw(metadata), draw(st.booleans()), scale)


@st.composite
def pairs(draw: DrawFn, trees: SearchStrategy[dict[str, Any]] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two trees, the second made of the first: leaves the same, a little changed, replaced, left out or new."""
    base = draw(trees or flat_trees())
    target = {}
    for key, leaf in base.items():
        what = draw(st.sampled_from(("same", "same", "near", "near", "new", "none")))
        if what == "near" and isinstance(leaf, np.ndarray) and leaf.size:
            raw = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8).copy()
            raw[draw(st.integers(0, raw.size - 1)) :: draw(st.integers(1, 9))] ^= 1
            target[key] = raw.view(leaf.dtype).reshape(leaf.shape)
        elif what != "none":
            target[key] = draw(leaves) if what == "new" else leaf
    return base, target | draw(flat_trees())


def flat_trees() -> SearchStrategy[dict[str, Any]]:
    """Dicts of leaves, at least one, without subtrees."""
    return st.dictionaries(keys.filter(lambda key: key != "step"), leaves, min_size=1, max_size=5)


@st.composite
def streams(draw: DrawFn, trees: SearchStrategy[dict[str, Any]] | None = None) -> tuple[dict[str, Any], bytes]:
    """A dict of leaves, and a stream that holds it, in canonical form or with longer headers than that (WIRE-2)."""
    tree = draw(trees or flat_trees())
    file = parse(file_of_tree(tree, STREAM))
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    if draw(st.booleans()):
        for node in file.walk():
            node.width = rng.choice((node.width, 1, 2, 4))
    return tree, encode(file)


def mutated(kind: str) -> SearchStrategy[bytes]:
    """Files of the conformance corpus, changed: `kind` is stream, flax, safetensors, delta or any."""
    files = seeds(kind)
    mutator = Mutator(files)
    return st.builds(
        lambda data, seed: mutator.mutate(data, random.Random(seed), 1 << 14),
        st.sampled_from(files),
        st.integers(0, 1 << 32),
    )
