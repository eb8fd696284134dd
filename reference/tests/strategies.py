"""Hypothesis strategies for key paths, leaves and trees."""

import numpy as np
from hypothesis import strategies as st

from reference.dtypes import BITS, WIDTHS, dtype_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.one_of(st.sampled_from(["params", "kernel", "0", "", "a/b", "chunk_0", "é", "x" * 40]), texts)
dtypes = st.sampled_from(sorted(WIDTHS)).map(dtype_of)
shapes = st.one_of(
    st.lists(st.integers(0, 4), max_size=4).map(tuple),
    st.just((1,) * 17),
    st.sampled_from([(127,), (128,), (3, 0, 2), (0, 2**32), (300,), (65_536,)]),
)


@st.composite
def arrays(draw, dtypes=dtypes, shapes=shapes):
    """Arrays of any dtype and shape with any bits that carry a value in them, C-contiguous."""
    dtype, shape = draw(dtypes), draw(shapes)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    seed = draw(st.binary(min_size=1, max_size=16))
    raw = np.frombuffer((seed * (size // len(seed) + 1))[:size], np.uint8)
    raw = raw & np.uint8((1 << (1 if dtype == np.bool_ else BITS.get(dtype.name, 8))) - 1)
    return raw.view(dtype).reshape(shape) if size else np.empty(shape, dtype)


@st.composite
def any_layout(draw):
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


scalars = arrays(shapes=st.just(())).map(lambda array: array[()])
small_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.complex_numbers(),
    texts,
    st.binary(max_size=300),
)
leaves = st.one_of(arrays(), any_layout(), scalars, small_values)


def trees(leaves=leaves, min_leaves=1):
    """Nested dicts, lists and tuples with at least one leaf somewhere, and with empty nodes among them."""

    def nest(children):
        return st.one_of(
            st.dictionaries(keys, children, max_size=4),
            st.lists(children, max_size=3),
            st.lists(children, max_size=3).map(tuple),
        )

    nodes = st.recursive(leaves, nest, max_leaves=10)
    return st.builds(
        lambda tree, key, leaf: {**tree, key: leaf}, st.dictionaries(keys, nodes, max_size=4), keys, leaves
    )
