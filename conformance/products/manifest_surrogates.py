"""Key paths in a manifest that hold half of a surrogate pair, whose digests are those of what a program may make of it
(CONV-11, DELTA-3)."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes
from ..cases.delta_assembly import MARK, Leaf, blocks_, manifest, manifest_, small, stream, text_
from .product import Plain, product

_OTHER: Final = small("other", "int", "07")
_PLACES: Final = (
    Plain("added", "of a leaf that is added", "leaves"),
    Plain("kept", "of a leaf that is kept", "kept"),
    Plain("removed", "of a leaf that is removed", "removed"),
)
_MADE: Final = (
    Plain("replacement", "U+FFFD in its place", "\ufffd"),
    Plain("question-mark", "a question mark in its place", "?"),
    Plain("nothing", "nothing in its place", ""),
    Plain("three-replacements", "U+FFFD for each of three bytes", "\ufffd\ufffd\ufffd"),
)


def _recover(_: Any) -> str:
    return "recover"


@product(
    "DELTA-3",
    "CONV-11",
    want="reject",
    places=_PLACES,
    sizes=_MADE,
    also=("DELTA-2", "WIRE-5", "KEY-2"),
    part=_recover,
)
def half_a_pair_that_is_replaced(place: Plain, made: Plain) -> tuple[Bytes, Bytes]:
    """The manifest spells a key path with half of a surrogate pair. All digests are those of the key path that a
    decoder makes of it which replaces what is not Unicode, and so is the base: it is refused, nothing is written."""
    leaf: Leaf = small("a" + made.value + "b", "int", "05")
    base = [_OTHER] if place.value == "leaves" else [_OTHER, leaf]
    target = [_OTHER] if place.value == "removed" else [_OTHER, leaf]
    says = manifest(base, target)
    spelled = text_(says).replace(f'"path":["a{made.value}b"]', '"path":["a\\ud83db"]')
    blocks = ["00 00 05"] if place.value == "leaves" else []
    return stream(base), MARK + blocks_(says, blocks) + manifest_(spelled)
