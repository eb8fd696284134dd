"""Sealed streams put together by hand for the cases of version 2.0: records, padding, parts, index and footer. What
they say follows from what is in them, unless a case says otherwise. No case stands here."""

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
    here,
    hexed,
    int_,
    map_,
    numbered,
    path_,
    str_,
    together,
)
from ..checksums import crc32c
from ..declare import array
from ..products.values import Value, assembled
from . import metadata_values
from .delta_assembly import Leaf, tree_digest
from .index_values import index_value

BLOCK: Final = 1 << 22
MARK: Final = "dd 00 00 00 02"
ALIGNED: Final = 4096  # bytes of a payload from which a writer pads it (ALIGN-3)
MAGIC: Final = b"streamckpt-seal\n"
FOOTER: Final = 40
# The leaf blob of a record that would stand at an offset, and how many bytes of it stand before the payload, where that
# is in one piece.
Form = Callable[[int], tuple[Bytes, int | None]]


def checksum(content: Bytes) -> bytes:
    """SUM-1."""
    return crc32c(content.pieces()).to_bytes(4, "big")


def checksums(record: Bytes) -> list[bytes]:
    """SUM-2."""
    return [checksum(record.piece(at, BLOCK)) for at in range(0, record.size, BLOCK)]


# --- leaves ----------------------------------------------------------------------------------------------------------


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


def in_chunks(shape: Sequence[int], chunks: Sequence[Bytes]) -> Form:
    """Chunks without padding; of one chunk the payload is in one piece, with which the chunk ends."""
    blob = bin_(chunked_(shape, chunks))
    return lambda at: (blob, None)


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
    body = arr_(3) + arr_(len(shape)) + together([int_(n) for n in shape]) + str_(tag) + bin_(content)
    from ..assembly import ext_

    leaf = Leaf(parts, "ndarray", ext_(1, body), content, tag, tuple(shape))
    if form is None and content.size >= ALIGNED:
        form = padded(tag, shape, content, alignment)
    return item(leaf, array(parts, tag, shape, content), form)


# --- records ---------------------------------------------------------------------------------------------------------


class Placed(NamedTuple):
    """A record as it stands in the file, and how many of its bytes stand before its payload."""

    data: Bytes
    payload: int | None


def laid(items: Sequence[Item], marked: bool = True) -> list[Placed]:
    """All records, one behind the other."""
    found, at = [], 0
    for piece in (piece for one in items for piece in one.pieces):
        first = hexed(MARK) if marked and not found else arr_(2)
        head = first + path_(*piece.path)
        blob, payload = piece.form(at + head.size)
        found.append(Placed(head + blob, None if payload is None else head.size + payload))
        at += found[-1].data.size
    return found


class Sealed(NamedTuple):
    """A stream and what seals it; a case replaces what it lies about."""

    items: Sequence[Item]
    records: list[Placed]
    alignment: int
    metadata: Any
    digests: bool

    def says(self) -> dict[str, Any]:
        """What the index says, to be changed and given to `data`."""
        leaves, at = [], 0
        for one in self.items:
            held = []
            for record in self.records[at : at + len(one.pieces)]:
                held.append([record.data.size, record.payload, b"".join(checksums(record.data))])
            at += len(one.pieces)
            shape = None if one.leaf.shape is None else list(one.leaf.shape)
            leaves.append([list(one.leaf.path), one.leaf.kind, one.leaf.dtype, shape, held])
        says = {"alignment": self.alignment, "checksum": checksum(self.before()), "leaves": leaves}
        says["metadata"] = metadata_values.encoded(self.metadata)
        return says | ({"digests": digests_of(self.items)} if self.digests else {})

    def before(self) -> Bytes:
        """All that stands before the seal."""
        return together([record.data for record in self.records])

    def index(self, says: dict[str, Any] | None = None) -> Value:
        return index_value(says or self.says())

    def data(
        self, says: dict[str, Any] | None = None, index: Bytes | None = None, fault: int | None = None, **footer: Any
    ) -> Bytes:
        """The file. Where the index is another than what it should say, it is given; `fault` is the record that is
        marked as the fault; `footer` are fields of it that are not what they should be."""
        records = [record.data for record in self.records]
        if fault is not None:
            records.insert(fault, here("! this record is at fault"))
        return together(records) + seal_(self.before().size, index or assembled(self.index(says)), **footer)

    def seal_file(self, says: dict[str, Any] | None = None, index: Bytes | None = None, **footer: Any) -> Bytes:
        """The detached seal."""
        index = index or assembled(self.index(says))
        return index + footer_(self.before().size, index, **footer)

    def seal(self) -> dict[str, Any]:
        """What a decoder prints of the seal."""
        return {
            "version": "2.0",
            "alignment": str(self.alignment),
            "checksum": checksum(self.before()).hex(),
            "metadata": metadata_values.described(self.metadata),
            "digests": digests_of(self.items).hex() if self.digests else None,
        }

    def read(self) -> list[dict[str, Any]]:
        """What a decoder prints of the leaves."""
        found, at = [], 0
        for one in self.items:
            records = self.records[at : at + len(one.pieces)]
            at += len(one.pieces)
            found.append(one.read | {"checksums": [c.hex() for record in records for c in checksums(record.data)]})
        return found

    def accepted(self) -> tuple[Bytes, list[dict[str, Any]], dict[str, Any]]:
        """What a case returns whose file is accepted."""
        return self.data(), self.read(), self.seal()


def sealed(
    items: Sequence[Item], alignment: int = 64, metadata: Any = None, digests: bool = False, marked: bool = True
) -> Sealed:
    return Sealed(items, laid(items, marked), alignment, metadata or {}, digests)


def detached(items: Sequence[Item], metadata: Any = None, digests: bool = False) -> Sealed:
    """A plain stream and what its detached seal says of it."""
    return sealed(items, 1, metadata, digests, marked=False)


def digests_of(items: Sequence[Item]) -> bytes:
    """INDEX-9."""
    found = [one.leaf.digest() for one in items]
    return b"".join(found) + bytes.fromhex(tree_digest(found))


# --- the seal --------------------------------------------------------------------------------------------------------


def seal_(offset: int, index: Bytes, says: int | None = None, first: int = 0xC6, **footer: Any) -> Bytes:
    """SEAL-3."""
    length = index.size + FOOTER + 1 if says is None else says
    return header(first, 4, length, "the seal") + index + footer_(offset, index, **footer)


def footer_(
    offset: int,
    index: Bytes,
    size: int | None = None,
    checks: bytes | None = None,
    major: int = 2,
    minor: int = 0,
    own: bytes | None = None,
    magic: bytes = MAGIC,
    at: int | None = None,
    note: str = "the footer",
) -> Bytes:
    """SEAL-4. `at` is another offset of the seal, `size` and `checks` are another size and checksum of the index, `own`
    is another checksum of the footer."""
    fields = (offset if at is None else at).to_bytes(8, "big")
    fields += (index.size if size is None else size).to_bytes(4, "big")
    fields += checksum(index) if checks is None else checks
    fields += major.to_bytes(2, "big") + minor.to_bytes(2, "big")
    return data(fields + (checksum(data(fields)) if own is None else own) + magic, note)
