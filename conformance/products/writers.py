"""What no writer can write, behind much that it can: nothing is written (CONF-7)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..assembly import MARKER
from ..declare import given
from .product import product
from .sizes import Size, sizes


class Fault(NamedTuple):
    """A leaf that cannot be written, the clause that says so, and the kind of file."""

    name: str
    about: str
    clause: str
    part: str
    record: dict[str, Any]


_ANY: Final = (
    ("int-too-large", "an int of 2^64", "LEAF-1", given(["k"], "int", value=str(1 << 64))),
    ("int-too-small", "an int of -2^63 - 1", "LEAF-1", given(["k"], "int", value=str(-(1 << 63) - 1))),
    ("kind-that-is-none", "a leaf of no kind", "LEAF-1", given(["k"], "set")),
    (
        "dtype-that-is-none",
        "an array of objects",
        "DTYPE-7",
        given(["k"], "ndarray", dtype="object", shape=["0"], payload=""),
    ),
    ("path-of-no-part", "a key path of no part", "KEY-1", given([], "nil")),
    ("path-of-513-parts", "a key path of 513 parts", "KEY-3", given(["p"] * 513, "nil")),
    ("path-of-65536-bytes", "a key path of 65,536 bytes", "KEY-4", given(["p" * 65_000, "q" * 536], "nil")),
    ("text-that-is-none", "half of a pair of surrogates", "WIRE-5", given(["k"], "str", value="a\ud800")),
    ("path-again", "the first key path again", "STREAM-4", given(["good"], "nil")),
    (
        "shape-of-65-dimensions",
        "a shape of 65 dimensions",
        "LEAF-3",
        given(["k"], "ndarray", dtype="int8", shape=["1"] * 65, payload="07"),
    ),
)
_FAULTS: Final = [
    *(
        Fault(f"{name}-to-{part.partition('-')[0]}", about, clause, part, record)
        for part in ("stream-encode", "flax-encode")
        for name, about, clause, record in _ANY
    ),
    Fault("marker-to-flax", "the key that marks a chunked array", "FLAX-3", "flax-encode", given(["k", MARKER], "nil")),
]
_GOOD: Final = sizes("bytes that are good", (0, 4096, 65_536, 131_072, 1 << 20, 5 << 20))


@product(
    "CONF-7",
    want="reject",
    places=_FAULTS,
    sizes=_GOOD,
    cites=lambda fault, _: (fault.clause, "CONF-7"),
    also=lambda *_: ("TREE-1", "FLAX-5", "STREAM-5", "LEAF-4", "FLAX-2"),
)
def a_leaf_that_cannot_be_written(fault: Fault, size: Size):
    """A tree has a good array of so many bytes, and then a leaf that cannot be written. Nothing of it is written."""
    good = given(["good"], "ndarray", dtype="uint8", shape=[str(size.n)], fill="07")
    return [good, fault.record]
