"""Sealed streams put together by hand for the cases of version 2.0: records, padding, parts, index and footer. What
they say follows from what is in them, unless a case says otherwise. No case stands here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..assembly import (
    Bytes,
    arr_,
    data,
    header,
    here,
    hexed,
    path_,
    together,
)
from ..checksums import crc32c
from ..products.values import Value, assembled
from . import metadata_values
from .delta_assembly import tree_digest
from .index_values import index_value
from .sealed_leaves import Item

BLOCK: Final = 1 << 22
MARK: Final = "dd 00 00 00 02"
MAGIC: Final = b"streamckpt-seal\n"
FOOTER: Final = 40


def checksum(content: Bytes) -> bytes:
    """SUM-1."""
    return crc32c(content.pieces()).to_bytes(4, "big")


def checksums(record: Bytes) -> list[bytes]:
    """SUM-2."""
    if 0 < record.size <= BLOCK:
        return [checksum(record)]
    return [checksum(record.piece(at, BLOCK)) for at in range(0, record.size, BLOCK)]


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

    def before(self, fault: int | None = None) -> Bytes:
        """All that stands before the seal; `fault` is the record that is marked as the fault."""
        records = [record.data for record in self.records]
        if fault is not None:
            records.insert(fault, here("! this record is at fault"))
        return together(records)

    def index(self, says: dict[str, Any] | None = None) -> Value:  # pyright: ignore[reportIncompatibleMethodOverride]
        return index_value(says or self.says())

    def data(
        self, says: dict[str, Any] | None = None, index: Bytes | None = None, fault: int | None = None, **footer: Any
    ) -> Bytes:
        """The file. Where the index is another than what it should say, it is given; `fault` is that of `before`, and
        `footer` are fields of it that are not what they should be."""
        return self.before(fault) + seal_(self.before().size, index or assembled(self.index(says)), **footer)

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
