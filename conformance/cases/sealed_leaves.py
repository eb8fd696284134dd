"""Leaves of sealed streams: what they are, what is read of them, and the records in which they stand. No case stands
here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ..assembly import (
    MARKER,
    Bytes,
    arr_,
    bin_,
    chunked_,
    data,
    header,
    hexed,
    int_,
    map_,
    ndarray_,
    numbered,
    str_,
    together,
)
from ..declare import array, binary, integer, text
from ..products.specimens import Specimen
from ..products.values import assembled
from .delta_assembly import Leaf

ALIGNED: Final = 4096  # bytes of a payload from which a writer pads it (ALIGN-3)
# The leaf blob of a record that would stand at an offset, and how many bytes of it stand before the payload, where that
# is in one piece.
Form = Callable[[int], tuple[Bytes, int | None]]


class Piece(NamedTuple):
    """A record to be: its key path and its leaf."""

    path: tuple[str, ...]
    form: Form


class Item(NamedTuple):
    """A leaf of a sealed stream: what it is, what a decoder prints of it, and its records."""

    leaf: Leaf
    read: dict[str, Any]
    pieces: tuple[Piece, ...]


def as_in_1_0(leaf: Leaf) -> Form:
    """What version 1.0 writes."""
    blob = bin_(leaf.encoded)
    return lambda at: (blob, blob.size - leaf.content.size if leaf.dtype is not None else None)


def padded(tag: str, shape: Sequence[int], payload: Bytes, alignment: int, more: int = 0) -> Form:
    """ALIGN-4; with so many zeros more than are needed."""

    def form(at: int) -> tuple[Bytes, int | None]:
        elements = 1
        for n in shape:
            elements *= n
        body = arr_(3) + arr_(1) + int_(elements) + str_(tag) + header(0xC6, 4, payload.size)
        chunk = header(0xC9, 4, body.size + payload.size) + data(b"\1") + body
        before = map_(4) + str_(MARKER) + data(b"\xc3") + str_("pad")
        behind = str_("shape") + numbered([int_(n) for n in shape]) + str_("chunks") + map_(1) + str_("0") + chunk
        head = 5 + before.size + 3 + behind.size
        zeros = -(at + head) % alignment + more
        leaf = before + header(0xC5, 2, zeros) + data(bytes(zeros)) + behind
        return header(0xC6, 4, leaf.size + payload.size) + leaf + payload, leaf.size + 5

    return form


def in_chunks(shape: Sequence[int], chunks: Sequence[Bytes], last: int = 0) -> Form:
    """Chunks without padding; where there is one, it ends with a payload of `last` bytes, which is in one piece."""
    blob = bin_(chunked_(shape, chunks))
    return lambda at: (blob, blob.size - last if len(chunks) == 1 else None)


def padded_chunks(shape: Sequence[int], chunks: Sequence[tuple[Bytes, Bytes]], zeros: Callable[[int], int]) -> Form:
    """Chunks, each as what stands before its payload and the payload, behind a padding of so many zeros as are wanted
    where the first payload would begin without any."""

    def form(at: int) -> tuple[Bytes, int | None]:
        before = map_(4) + str_(MARKER) + data(b"\xc3") + str_("pad")
        behind = str_("shape") + numbered([int_(n) for n in shape]) + str_("chunks") + map_(len(chunks))
        held = together([str_(str(i)) + head + payload for i, (head, payload) in enumerate(chunks)])
        first = 5 + before.size + 3 + behind.size + str_("0").size + chunks[0][0].size
        count = zeros(at + first)
        leaf = before + header(0xC5, 2, count) + data(bytes(count)) + behind + held
        return header(0xC6, 4, leaf.size) + leaf, first + count if len(chunks) == 1 else None

    return form


def item(leaf: Leaf, read: dict[str, Any], form: Form | None = None) -> Item:
    """A leaf in one record, as version 1.0 writes it where no form is given."""
    return Item(leaf, read, (Piece(leaf.path, form or as_in_1_0(leaf)),))


def tensor(
    path: str | Sequence[str],
    tag: str,
    shape: Sequence[int],
    payload: str | Bytes,
    alignment: int = 64,
    form: Form | None = None,
) -> Item:
    """An array as a writer of sealed streams writes it, unless a form is given."""
    parts, content = (path,) if isinstance(path, str) else tuple(path), hexed(payload)
    leaf = Leaf(parts, "ndarray", ndarray_(tag, shape, content), content, tag, tuple(shape))
    if form is None and content.size >= ALIGNED:
        form = padded(tag, shape, content, alignment)
    return item(leaf, array(parts, tag, shape, content), form)


def number(path: str | Sequence[str], value: int) -> Item:
    parts = (path,) if isinstance(path, str) else tuple(path)
    return item(Leaf(parts, "int", int_(value), int_(value)), integer(parts, value))


def words(path: str | Sequence[str], value: str) -> Item:
    """A text."""
    parts = (path,) if isinstance(path, str) else tuple(path)
    return item(Leaf(parts, "str", str_(value), str_(value)), text(parts, value))


def blob(path: str | Sequence[str], content: Bytes) -> Item:
    """A bin."""
    parts, leaf = (path,) if isinstance(path, str) else tuple(path), bin_(content)
    return item(Leaf(parts, "bin", leaf, leaf), binary(parts, content.data()))


def of_specimen(specimen: Specimen, path: Sequence[str] = ("k",)) -> Item:
    """A leaf of any kind; the chunked one stands in two pieces."""
    read, encoded = specimen.read(list(path)), assembled(specimen.value)
    if "dtype" not in read:
        return item(Leaf(tuple(path), read["kind"], encoded, encoded), read)
    shape, content = tuple(map(int, read.get("shape", ()))), hexed(read["payload"])
    leaf = Leaf(tuple(path), read["kind"], encoded, content, read["dtype"], shape)
    is_whole = specimen.value.kind == "ext"
    return item(leaf, read, None if is_whole else lambda _: (bin_(encoded), None))
