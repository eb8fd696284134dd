"""Sealed streams that are cut off at any byte, or of which a bit has changed, or a byte is missing or too many: each is
refused (chapters 13 and 16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..assembly import data, fill, here
from ..cases.sealed_assembly import FOOTER
from .product import Plain, product
from .sealed_streams import KINDS, ONE, PADDED, THREE, Shape

# What a header may break that says something else (SEAL-9: "A damaged header breaks the checksum of its block and,
# mostly, another clause. A reader MAY name either.").
_OF_HEADERS: Final = (
    *[
        "INDEX-4",
        "INDEX-7",
        "INDEX-8",
        "SEAL-1",
        "SEAL-5",
        "REC-1",
        "REC-2",
        "KEY-1",
        "WIRE-3",
        "WIRE-4",
        "WIRE-5",
        "WIRE-6",
        "STREAM-2",
        "STREAM-4",
    ],
    *[
        "LEAF-1",
        "LEAF-2",
        "LEAF-3",
        "LEAF-4",
        "LEAF-5",
        "LEAF-6",
        "LEAF-7",
        "LEAF-10",
        "LEAF-11",
        "LEAF-12",
        "DTYPE-1",
        "DTYPE-2",
    ],
    *["STREAM-5", "ALIGN-1", "ALIGN-2", "ALIGN-5"],
)


class Spot(NamedTuple):
    """A byte of a stream."""

    shape: Shape
    at: int
    part: str = "stream"

    @property
    def name(self) -> str:
        return f"byte-{self.at}-of-{self.shape.name}"

    @property
    def about(self) -> str:
        return f"byte {self.at:,} of {self.shape.about}"

    def clauses(self) -> tuple[str, ...]:
        """What is broken where this byte is another."""
        return _clauses(self.shape, self.at)


def _clauses(shape: Shape, at: int) -> tuple[str, ...]:
    """The mark, a record, the header of the seal, the index, the footer, its last 16 bytes."""
    seal, size = shape.seal, shape.file.size
    if at < 5:
        return ("REC-1", "CONF-9")
    if at < seal:
        return ("SUM-3", "INDEX-8")
    if at < seal + 5:
        return ("SEAL-3", "SEAL-9")
    return ("SEAL-4", "SEAL-9") if at < size - 16 else ("SEAL-5", "SEAL-9")


def _also(spot: Spot) -> Sequence[str]:
    if spot.at >= spot.shape.seal:
        return ("SEAL-1", "SEAL-2", "SEAL-3")
    return _OF_HEADERS


def _spots(shape: Shape, step: int = 1) -> list[Spot]:
    """Each so many-th byte; of a padded array all that are not its payload, and a few of that."""
    size = shape.file.size
    if shape is PADDED:
        return [Spot(shape, at) for at in range(size) if at < 140 or at > size - 180 or at % 211 == 0]
    return [Spot(shape, at) for at in range(0, size, step)]


_EACH: Final = [*_spots(ONE), *_spots(THREE), *_spots(PADDED), *_spots(KINDS, 3)]
_BITS: Final = [Plain(f"bit-{i}", f"bit {i}", 1 << i) for i in range(8)]


def _is_looked_at(spot: Spot, bit: int) -> bool:
    """Every bit of the smallest stream; of the others one of a byte, or of two."""
    if spot.shape is THREE and spot.at % 2:
        return False
    return spot.shape is ONE or 1 << (spot.at * 5 + 3) % 8 == bit


def _fault(shape: Shape, at: int) -> int | None:
    """SEAL-9: where the fault lies, if that is told by one row."""
    seal, size = shape.seal, shape.file.size
    if at < seal:
        return None
    if at < seal + 5:
        return seal
    return seal + 5 if at < size - FOOTER else size - FOOTER if at < size - 16 else size


@product(
    "SUM-3", want="reject", places=_EACH, sizes=_BITS, cites=lambda spot, _: spot.clauses(), also=lambda s, _: _also(s)
)
def every_bit_is_told_from_its_opposite(spot: Spot, bit: Plain):
    """One bit is another. Wherever it stands, it is noticed."""
    if not _is_looked_at(spot, bit.value):
        return None
    whole = spot.shape.file
    (byte,) = whole.piece(spot.at, 1).data()
    changed = whole.piece(0, spot.at) + data(bytes((byte ^ bit.value,))) + whole.piece(spot.at + 1, whole.size)
    at = _fault(spot.shape, spot.at)
    return changed if at is None else changed.piece(0, at) + here("! at fault") + changed.piece(at, whole.size)


def _cut(spot: Spot) -> tuple[str, ...]:
    return ("SEAL-5", "SEAL-9") if spot.at >= 5 else ("CONF-9", "STREAM-2" if spot.at else "STREAM-3")


@product("SEAL-5", want="reject", places=_EACH, cites=lambda spot, _: _cut(spot), also=("STREAM-2", "WIRE-3"))
def every_cut_is_told_from_a_whole(spot: Spot, _: Plain):
    """The stream ends before one of its bytes. That is noticed also between two records, and behind the last."""
    cut = spot.shape.file.piece(0, spot.at)
    return cut + here("! the end") if spot.at >= 5 else here("! cut off") + cut


_MOVED: Final = (*_OF_HEADERS, "SUM-3", "SEAL-3", "SEAL-4")
_SOME: Final = [*_spots(ONE, 2), *_spots(THREE, 3)]


@product("SEAL-2", want="reject", places=_SOME, also=_MOVED)
def a_byte_that_is_missing(spot: Spot, _: Plain):
    """One byte is missing, and those behind it stand one before their places."""
    whole = spot.shape.file.data()
    return data(whole[: spot.at] + whole[spot.at + 1 :])


_BYTES: Final = (Plain("zero", "a zero"), Plain("the-same", "the byte that stands there, once more"))


@product(
    "SEAL-2",
    want="reject",
    places=_SOME[::2],
    sizes=_BYTES,
    also=_MOVED,
)
def a_byte_too_many(spot: Spot, byte: Plain):
    """One byte is too many, and those behind it stand one behind their places."""
    whole = spot.shape.file.data()
    more = b"\0" if byte.name == "zero" else whole[spot.at : spot.at + 1]
    return data(whole[: spot.at] + more + whole[spot.at :])


_BEHIND: Final = [Plain(f"{n}-bytes", f"{n:,} bytes", n) for n in (1, 2, 16, 40, 64, 512, 4096, 65_536)]
_FILLED: Final = (Plain("zeros", "zeros", 0), Plain("line-feeds", "line feeds", 10), Plain("ones", "bytes ff", 255))


@product("SEAL-2", "SEAL-5", want="reject", places=_BEHIND, sizes=_FILLED)
def bytes_behind_the_footer(place: Plain, byte: Plain):
    """Behind the footer stand so many bytes of one kind, as file systems and copies leave them."""
    return THREE.file + fill(byte.value, place.value) + here("! the end")


@product(
    "SEAL-2",
    "CONF-9",
    want="reject",
    places=_BEHIND,
    sizes=_FILLED,
    part=lambda _: "stream",
    also=("REC-1", "STREAM-1"),
)
def bytes_before_the_mark(place: Plain, byte: Plain):
    """Before the mark stand so many bytes of one kind: the file does not begin with the mark, nor with a record."""
    return here("! not a record") + fill(byte.value, place.value) + THREE.file
