"""Footers and headers of seals each of whose fields is another, by one in both directions and at the edges of words,
with checksums that fit (SEAL-3, SEAL-4, SEAL-6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..assembly import data, here
from ..cases.sealed_assembly import FOOTER, MAGIC, checksum, detached, footer_, seal_, sealed
from .product import Plain, product
from .sealed_streams import KINDS, ONE, THREE, Shape
from .values import assembled

_EDGES: Final = [1 << k for k in (8, 15, 16, 31, 32, 53, 62, 63)]
_CHANGES: Final[list[Plain]] = [
    Plain("one-more", "one more", lambda n: n + 1),
    Plain("one-less", "one less", lambda n: n - 1),
    Plain("forty-more", "40 more, as though the footer counted", lambda n: n + FOOTER),
    Plain("five-more", "five more, as though the header counted", lambda n: n + 5),
    Plain("five-less", "five less", lambda n: n - 5),
    Plain("zero", "0", lambda n: 0),
    Plain("all-ones", "2^64 - 1", lambda n: (1 << 64) - 1),
    *(Plain(f"2-to-the-{k.bit_length() - 1}", f"2^{k.bit_length() - 1}", lambda n, k=k: k) for k in _EDGES),
    *(
        Plain(f"2-to-the-{k.bit_length() - 1}-more", f"2^{k.bit_length() - 1} more", lambda n, k=k: n + k)
        for k in _EDGES[2:]
    ),
    Plain("in-reverse", "with its bytes in reverse", None),
]
_FIELDS: Final = (
    Plain("offset", "the offset of the seal", ("at", 8)),
    Plain("bytes-of-the-index", "the number of bytes of the index", ("size", 4)),
)
_IN: Final = [
    Plain(f"{field.name}-of-{shape.name}", f"{field.about} in {shape.about}", (field.value, shape))
    for field in _FIELDS
    for shape in (ONE, THREE)
]


def _changed(change: Callable[[int], int] | None, n: int, width: int) -> int | None:
    """The changed number; None where it is the same, or does not fit its field."""
    made = int.from_bytes(n.to_bytes(width, "little"), "big") if change is None else change(n)
    made = made & ((1 << 8 * width) - 1) if change is not None and made == (1 << 64) - 1 else made
    return made if made != n and 0 <= made < 1 << 8 * width else None


@product(
    "SEAL-4",
    want="reject",
    places=_IN,
    sizes=_CHANGES,
)
def a_number_in_the_footer_is_another(place: Plain, change: Plain):
    """A number in the footer is another, and the checksum of the footer fits. The numbers no longer add up to the size
    of the file."""
    (field, width), shape = place.value
    whole = shape.sealed
    index = assembled(whole.index())
    n = _changed(change.value, whole.before().size if field == "at" else index.size, width)
    return None if n is None else whole.data(note="! the footer", **{field: n})


_BOTH: Final = [Plain(f"by-{n}", f"by {n:,}", n) for n in (-40, -5, -4, -1, 1, 2, 4, 5, 40)]


@product(
    "SEAL-3",
    want="reject",
    places=(ONE, THREE),
    sizes=_BOTH,
    also=("SEAL-4", "INDEX-4", "INDEX-5"),
)
def two_numbers_that_add_up(place: Shape, by: Plain):
    """The offset of the seal is larger, and the number of bytes of the index is smaller by as many: they add up to the
    size of the file, and the checksum is that of the bytes that are meant."""
    whole = place.sealed
    index = assembled(whole.index())
    seal = whole.data().data()[whole.before().size :]
    start = 5 + by.value
    meant = (whole.before().data() + seal)[whole.before().size + start : whole.before().size + 5 + index.size]
    fields: dict[str, Any] = {"at": whole.before().size + by.value, "size": index.size - by.value}
    if fields["at"] < 0:
        return None
    return whole.data(checks=checksum(data(meant)), **fields)


@product(
    "SEAL-4",
    want="reject",
    places=(ONE, THREE),
    sizes=_BOTH,
    cites=lambda place, by: ("SEAL-4", "SEAL-3"),
    also=("SEAL-1",),
)
def two_numbers_that_add_up_beside_a_good_index(place: Shape, by: Plain):
    """The same, and the checksum is that of the index as it stands there. A reader of a pipe, who comes to the
    footer last, has read all that it tells of, and compares it."""
    whole = place.sealed
    index = assembled(whole.index())
    fields: dict[str, Any] = {"at": whole.before().size + by.value, "size": index.size - by.value}
    return None if fields["at"] < 0 else whole.data(**fields)


_LENGTHS: Final = [
    *(
        Plain(f"by-{n}", f"another by {n:,}", lambda length, n=n: length + n)
        for n in (-41, -40, -2, -1, 1, 2, 40, 256, 65_536)
    ),
    *(Plain(f"2-to-the-{k}", f"2^{k}", lambda _, k=k: 1 << k) for k in (8, 16, 24, 31)),
    Plain("2-to-the-31-less-1", "2^31 - 1", lambda _: (1 << 31) - 1),
    Plain("2-to-the-32-less-1", "2^32 - 1", lambda _: (1 << 32) - 1),
    Plain("zero", "0", lambda _: 0),
    Plain("in-reverse", "with its bytes in reverse", lambda n: int.from_bytes(n.to_bytes(4, "little"), "big")),
]


@product(
    "SEAL-3",
    want="reject",
    places=(ONE, THREE),
    sizes=_LENGTHS,
    also=("SEAL-1", "STREAM-2"),
)
def another_length_of_the_seal(place: Shape, change: Plain):
    """The length of the bin with which the seal begins is another. Among these is that which the bin would have if it
    were whole."""
    whole = place.sealed
    index = assembled(whole.index())
    length = index.size + FOOTER + 1
    says = change.value(length)
    if says == length or says < 0:
        return None
    return whole.before() + here("! the seal") + seal_(whole.before().size, index, says)


_FIRSTS: Final = [Plain(f"{n:02x}", f"`{n:02x}`", n) for n in range(256) if n != 0xC6]


@product("SEAL-3", want="reject", places=_FIRSTS, also=("SEAL-1", "REC-1", "INDEX-7"))
def another_first_byte_of_the_seal(place: Plain, _: Plain):
    """The seal begins with another byte than `c6`."""
    whole = ONE.sealed
    return whole.before() + here("! the seal") + seal_(whole.before().size, assembled(whole.index()), first=place.value)


_OTHERS: Final = ["0.0", "0.2", "1.0", "1.255", "2.1", "2.2", "2.256", "2.65535", "3.0", "20.0", "512.0", "65535.0"]
_VERSIONS: Final = [Plain(one.replace(".", "-"), f"version {one}", tuple(map(int, one.split(".")))) for one in _OTHERS]


@product(
    "SEAL-6",
    want="reject",
    places=_VERSIONS,
    sizes=(ONE, KINDS),
    part=lambda _: "stream",
)
def another_version(place: Plain, shape: Shape):
    """The footer has another version, and its checksum fits."""
    major, minor = place.value
    return shape.sealed.data(note="! the footer", major=major, minor=minor)


@product("SEAL-4", want="reject", places=_VERSIONS, also=("SEAL-6",))
def another_version_and_the_old_checksum(place: Plain, _: Plain):
    """The footer has another version, and the checksum is that of version 2.0: it is damaged, and of no version."""
    whole = ONE.sealed
    index = assembled(whole.index())
    own = footer_(whole.before().size, index).data()[20:24]
    major, minor = place.value
    return whole.data(note="! the footer", own=own, major=major, minor=minor)


def _flipped(one: bytes, bit: int) -> bytes:
    return (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(4, "big")


_SUMS: Final = [
    Plain("zero", "zeros", lambda _: bytes(4)),
    Plain("ones", "bytes ff", lambda _: b"\xff" * 4),
    Plain("in-reverse", "the right one in reverse", lambda one: one[::-1]),
    *(Plain(f"bit-{k}", f"another in bit {k}", lambda one, k=k: _flipped(one, k)) for k in (0, 7, 8, 31)),
]
_CHECKED: Final = (Plain("of-the-index", "of the index", "checks"), Plain("of-the-footer", "of the footer", "own"))


@product("SEAL-4", want="reject", places=_CHECKED, sizes=_SUMS)
def another_checksum_in_the_footer(place: Plain, change: Plain):
    """A checksum in the footer is another, and that of the footer fits what the footer says, but where it is itself the
    other."""
    whole = THREE.sealed
    index = assembled(whole.index())
    fields = footer_(whole.before().size, index).data()
    if place.value == "own":
        return whole.data(note="! the footer", own=change.value(fields[20:24]))
    return whole.data(index=here("! the index") + index, checks=change.value(fields[12:16]))


_INDEXES: Final = [Plain(f"of-{n}", f"an index of some more than {n:,} bytes", n) for n in (4096, 65_536)]
_SPOTS: Final = [
    Plain("near-the-first", "a bit near its beginning", lambda at, n: at + 300),
    Plain("in-the-middle", "a bit in its middle", lambda at, n: at + n // 2),
    Plain("near-the-last", "a bit near its end", lambda at, n: at + n - 60),
]


@product("SEAL-4", want="reject", places=_INDEXES, sizes=_SPOTS)
def a_bit_of_a_long_index(index: Plain, spot: Plain):
    """A bit of a text in the metadata is another: the index is what it could be, and does not have its checksum."""
    whole = sealed(THREE.sealed.items, metadata={"k": "x" * index.value, "z": "y" * 60})
    file, before = whole.data().data(), whole.before().size + 5
    at = spot.value(before, len(file) - FOOTER - before)
    return data(file[:before]) + here("! the index") + data(file[before:at] + bytes((file[at] ^ 1,)) + file[at + 1 :])


_MAGICS: Final = [Plain(f"byte-{i}", f"byte {i} of the last 16", i) for i in range(16)]


@product("SEAL-5", want="reject", places=_MAGICS)
def another_of_the_last_bytes(place: Plain, _: Plain):
    """One of the last 16 bytes is in the other case, or another: it is not a footer."""
    at = place.value
    magic = MAGIC[:at] + bytes((MAGIC[at] ^ 0x20,)) + MAGIC[at + 1 :]
    return THREE.sealed.data(magic=magic) + here("! the end")


@product(
    "DETACHED-2", "SEAL-4", want="reject", places=_FIELDS, sizes=_CHANGES, also=("INDEX-4", "INDEX-5", "DETACHED-1")
)
def a_number_in_the_footer_of_a_detached_seal(place: Plain, change: Plain):
    """A number in the footer of a detached seal is another: it does not fit the stream, or its own file."""
    field, width = place.value
    whole = detached(THREE.sealed.items, {"step": 3})
    index = assembled(whole.index())
    n = _changed(change.value, whole.before().size if field == "at" else index.size, width)
    changed: dict[str, Any] = {field: n}
    return None if n is None else (whole.before(), whole.seal_file(**changed))
