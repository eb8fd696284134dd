"""Sealed streams of several shapes, which the rules of version 2.0 take for what they change. A new one is looked at by
each rule that is made of them."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..assembly import Bytes, patterned
from ..cases.sealed_assembly import Sealed, sealed
from ..cases.sealed_leaves import number, of_specimen, tensor, words
from .specimens import ARRAY, CHUNKED, SCALAR, SPECIMENS


class Shape(NamedTuple):
    """A sealed stream, and what it is; its bytes, and where its seal begins."""

    name: str
    about: str
    sealed: Sealed
    file: Bytes
    seal: int
    part: str = "stream"


def _shape(name: str, about: str, sealed: Sealed) -> Shape:
    return Shape(name, about, sealed, sealed.data(), sealed.before().size)


_KINDS: Final = [of_specimen(one, (one.name,)) for one in SPECIMENS]
_META: Final = {"bin": b"\0\xff", "list": [1, None, {}], "map": {"a": 1.5, "b": True}, "step": 300, "text": "\u00e9"}
ONE: Final = _shape("one-leaf", "a stream of one int", sealed([number("k", 7)]))
THREE: Final = _shape(
    "three-leaves",
    "a stream of three leaves, with metadata and digests",
    sealed([of_specimen(ARRAY, ("a",)), number(("b", "c"), 7), of_specimen(CHUNKED, ("d",))], 64, _META, True),
)
PADDED: Final = _shape(
    "padded",
    "a stream of a padded array between two leaves",
    sealed([words("t", "x"), tensor("k", "uint8", (64, 64), patterned(4096)), of_specimen(SCALAR, ("s",))]),
)
KINDS: Final = _shape("all-kinds", "a stream of a leaf of each kind", sealed(_KINDS, 64, {"step": 1}))
SHAPES: Final = (ONE, THREE, PADDED, KINDS)
