"""Padded arrays put together by hand for the cases of chapter 11. No case stands here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..assembly import (
    MARKER,
    Bytes,
    data,
    header,
    hexed,
    int_,
    map_,
    ndarray_,
    numbered,
    patterned,
    raw,
    str_,
    together,
)
from ..declare import array
from .delta_assembly import Leaf
from .sealed_assembly import Sealed, sealed
from .sealed_leaves import Form, Item, item, number

PAYLOAD: Final = "f1 f2 f3 f4 f5 f6 f7 f8"
SHAPE: Final = str_("shape") + numbered([int_(8)])
CHUNKS: Final = str_("chunks") + numbered([ndarray_("uint8", (8,), PAYLOAD)])
TRUE: Final = str_(MARKER) + raw("c3")


def FIRST(at: int) -> int:  # noqa: N802 (it stands where a number of zeros could)
    """As many zeros as put the first payload, which would begin at a byte, at a multiple of 64."""
    return -at % 64


def head(n: int) -> Bytes:
    """What stands before the payload of a chunk of so many bytes."""
    whole = ndarray_("uint8", (n,), patterned(n))
    return whole.piece(0, whole.size - n)


ALL: Final = (head(8), hexed(PAYLOAD))  # the eight bytes in one chunk


def small(form: Form, path: str = "k") -> Item:
    """An array of eight bytes, in a form that is given."""
    leaf = Leaf((path,), "ndarray", Bytes(), hexed(PAYLOAD), "uint8", (8,))
    return item(leaf, array(path, "uint8", (8,), PAYLOAD), form)


def around(form: Form) -> list[Item]:
    """The array between two other leaves."""
    return [number("a", 1), small(form), number("z", 2)]


def entries(made: Callable[[Bytes], Sequence[Bytes]], more: int = 0) -> Form:
    """A map of the entries that are made with some zeros: with as many as put the payload at a multiple of 64, and so
    many more."""

    def leaf(zeros: int) -> Bytes:
        held = made(data(bytes(zeros)))
        return map_(len(held)) + together(held)

    def form(at: int) -> tuple[Bytes, int | None]:
        before = 5 + leaf(0).data().index(hexed(PAYLOAD).data())
        zeros = -(at + before) % 64
        zeros -= 1 if leaf(zeros).size - leaf(0).size > zeros else 0  # a header that is longer than for none
        blob = leaf(zeros + more)
        blob = header(0xC6, 4, blob.size) + blob
        return blob, blob.data().index(hexed(PAYLOAD).data())

    return form


def pad(zeros: Bytes, key: str = "pad", wide: int = 2) -> Bytes:
    """The entry of the padding, its bin with a header whose length takes so many bytes."""
    return str_(key) + header({1: 0xC4, 2: 0xC5, 4: 0xC6}[wide], wide, zeros.size) + zeros


def fitting(leaves: Callable[[str], Sequence[Item]], fits: Callable[[Sealed], bool], alignment: int = 64) -> Sealed:
    """The leaves with the shortest key path, of the letter k alone, with which they fit."""
    found = (sealed(leaves("k" * n), alignment) for n in range(1, 2 * alignment))
    return next(whole for whole in found if fits(whole))
