"""Arrays around 4,096 bytes, at every offset and of every alignment, as a writer writes them; and padded payloads that
stand elsewhere (chapter 11)."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..assembly import Bytes, data, fill, hexed, patterned, str_
from ..cases.alignment_assembly import CHUNKS, PAYLOAD, SHAPE, TRUE, around, entries, head, pad, small
from ..cases.sealed_assembly import sealed
from ..cases.sealed_leaves import blob, number, padded_chunks, tensor, words
from .product import Plain, product
from .sizes import Size, sizes

ALIGNMENTS: Final = [Plain(f"to-{1 << k}", f"an alignment of {1 << k:,}", 1 << k) for k in range(6, 13)]


class Elements(NamedTuple):
    """A dtype, and the bytes of an element."""

    name: str
    width: int
    part: str = "stream"

    @property
    def about(self) -> str:
        return f"an array of {self.name}"


_WIDTHS: Final = {"uint8": 1, "bool": 1, "float8_e4m3fn": 1, "int16": 2, "bfloat16": 2, "float32": 4, "int64": 8}
_DTYPES: Final = [Elements(*one) for one in (_WIDTHS | {"complex64": 8, "complex128": 16}).items()]
_AROUND: Final = sizes("bytes", (4064, 4080, 4088, 4092, 4094, 4095, 4096, 4097, 4098, 4100, 4104, 4112, 8192, 65_536))


@product("ALIGN-3", "ALIGN-4", want="accept", places=_DTYPES, sizes=_AROUND, canonical=True)
def arrays_around_4096_bytes(elements: Elements, size: Size):
    """An array of somewhat more or fewer bytes than those from which a payload is padded. What counts are bytes, and
    not elements."""
    if size.n % elements.width or (size.n > 4112 and elements.name not in ("uint8", "float32")):
        return None
    payload = patterned(size.n) if elements.name != "bool" else fill(1, size.n)
    one = tensor("k", elements.name, (size.n // elements.width,), payload)
    return sealed([words("t", "x"), one, number("n", 7)]).accepted()


_OFFSETS: Final = [
    Plain(f"behind-{n}", f"behind a key of {n} bytes", n) for n in (*range(65), 127, 255, 256, 4000, 4095)
]


@product("ALIGN-3", "ALIGN-4", "ALIGN-5", want="accept", places=ALIGNMENTS, sizes=_OFFSETS, canonical=True)
def payloads_behind_records_of_every_length(alignment: Plain, offset: Plain):
    """A padded array behind a record with a key of so many bytes: each number of zeros at an alignment of 64, and some
    at the others."""
    if alignment.value > 64 and (offset.value + alignment.value // 64) % 8 and offset.value < 4000:
        return None
    one = tensor("k", "uint8", (4096,), patterned(4096), alignment.value)
    return sealed([number("x" * offset.value, 1), one], alignment.value).accepted()


_FAR: Final = [
    Plain("padded", "an array of 4,096 bytes at an alignment of 4,096", (4096, 4096)),
    Plain("small", "an array of one byte", (1, 64)),
]


@product("INDEX-3", "KEY-4", "ALIGN-3", want="accept", places=_FAR, canonical=True)
def payloads_behind_the_longest_key_paths(place: Plain, _: Plain):
    """A key path of 65,535 bytes stands in front of the payload, so that this begins behind 65,536 bytes of its record
    and more (INDEX-3)."""
    n, alignment = place.value
    one = tensor(("k" * 65_535,), "uint8", (n,), patterned(n), alignment)
    return sealed([number("a", 1), one], alignment).accepted()


_DIMENSIONS: Final = {
    "4096": (4096,),
    "1-by-4096": (1, 4096),
    "4096-by-1": (4096, 1),
    "64-by-64": (64, 64),
    "127-by-65": (127, 65),
    "3-by-70000": (3, 70_000),
    "16-by-16-by-16": (16, 16, 16),
    "12-dimensions": (2,) * 12,
    "15-dimensions": (*(1,) * 14, 4096),
    "16-dimensions": (*(1,) * 15, 4096),
    "64-dimensions": (4096, *(1,) * 63),
}
_SHAPES: Final = [Plain(name, name.replace("-", " "), shape) for name, shape in _DIMENSIONS.items()]


@product("ALIGN-4", "LEAF-11", want="accept", places=_SHAPES, canonical=True)
def shapes_of_padded_arrays(place: Plain, _: Plain):
    """The shape of a padded array stands in a map, the headers in which are the shortest (WIRE-1)."""
    total = 1
    for n in place.value:
        total *= n
    return sealed([tensor("k", "uint8", place.value, patterned(total))]).accepted()


_MANY: Final = [Plain(f"{n}-arrays", f"{n} arrays", n) for n in (2, 3, 7, 40)]


@product("ALIGN-3", "SEAL-7", want="accept", places=_MANY, sizes=ALIGNMENTS, canonical=True)
def padded_arrays_one_behind_the_other(place: Plain, alignment: Plain):
    """Several padded arrays, a small leaf between each two: the padding of each follows from all that stands before."""
    items = []
    for i in range(place.value):
        items.append(tensor(f"w{i}", "float32", (1024 + i,), patterned(4 * (1024 + i)), alignment.value))
        items.append(words(f"t{i}", "x" * (i % 5)))
    return sealed(items, alignment.value, {"step": place.value}, True).accepted()


_OFF: Final = [Plain(f"off-by-{n}", f"{n} bytes further", n) for n in (1, 2, 4, 8, 16, 31, 32, 48, 63)]


@product("ALIGN-5", want="reject", places=ALIGNMENTS, sizes=_OFF, also=("INDEX-7",))
def padded_payloads_that_stand_elsewhere(alignment: Plain, off: Plain):
    """A padded payload does not stand at a multiple of the alignment. The index says where it stands, and all else
    fits."""
    form = padded_chunks((8,), [(head(8), hexed(PAYLOAD))], lambda at: (off.value - at) % alignment.value)
    return sealed([number("a", 1), small(form)], alignment.value).data()


_VALUES: Final = {
    "nil": "c0",
    "false": "c2",
    "an-int": "00",
    "a-str": "a0",
    "a-long-str": f"d9 40 {'00' * 64}",
    "an-array": "90",
    "a-map": "80",
    "an-ext": f"c7 40 00 {'00' * 64}",
    "a-float": f"cb {'00' * 8}",
    "never-used": "c1",
}


_KINDS: Final = [Plain(name, name.replace("-", " "), digits) for name, digits in _VALUES.items()]


@product("ALIGN-2", want="reject", places=_KINDS, also=("ALIGN-1", "WIRE-4", "LEAF-10"))
def padding_of_another_kind(place: Plain, _: Plain):
    """The value of `pad` is not a bin. The payload stands where it has to."""
    form = entries(lambda _: (TRUE, str_("pad") + hexed(place.value), SHAPE, CHUNKS))
    found = (sealed([number("x" * n, 1), small(form)]) for n in range(64))
    return next(one for one in found if (one.records[0].data.size + (one.records[1].payload or 0)) % 64 == 0).data()


_BYTES: Final = [
    Plain(f"byte-{at}-is-{value:02x}", f"byte {at} of the padding is {value:02x}", (at, value))
    for at in (0, 1, 15, 31, -2, -1)
    for value in (1, 0x20, 0x80, 0xFF)
]


@product("ALIGN-2", want="reject", places=_BYTES)
def padding_that_is_not_zero(place: Plain, _: Plain):
    """A byte of the padding is not zero, and all checksums fit."""
    at, value = place.value

    def made(zeros: Bytes) -> tuple[Bytes, ...]:
        held = bytearray(zeros.data())
        held[at : at + 1 or None] = bytes((value,)) * bool(held)
        return TRUE, pad(data(bytes(held))), SHAPE, CHUNKS

    return sealed([number("xy", 1), *around(entries(made))]).data()


_MORE: Final = [
    Plain(f"with-{n}-more", f"{n:,} bytes of padding more than are needed", n) for n in (64, 192, 960, 3968)
]
_WHERE: Final = [
    Plain("the-first", "its first byte", lambda n: 0),
    Plain("the-17th", "its 17th byte", lambda n: 16),
    Plain("in-the-middle", "a byte in its middle", lambda n: n // 2),
    Plain("the-17th-from-the-end", "its 17th byte from the end", lambda n: n - 17),
    Plain("the-last", "its last byte", lambda n: n - 1),
]


@product("ALIGN-2", want="reject", places=_MORE, sizes=_WHERE)
def long_padding_that_is_not_zero(more: Plain, where: Plain):
    """A byte of a longer padding is not zero, and all checksums fit."""

    def made(zeros: Bytes) -> tuple[Bytes, ...]:
        held = bytearray(zeros.data())
        if held:  # it is made without any, too, to be counted
            held[where.value(len(held))] = 1
        return TRUE, pad(data(bytes(held))), SHAPE, CHUNKS

    return sealed([number("xy", 1), *around(entries(made, more.value))]).data()


_TWO: Final = ((0, 8), (1, 7), (4, 4), (7, 1), (8, 0))
_PIECES: Final = [Plain(f"{a}-and-{b}", f"chunks of {a} and {b} elements", (a, b)) for a, b in _TWO]


@product("ALIGN-1", "ALIGN-5", want="accept", places=ALIGNMENTS, sizes=_PIECES)
def padding_before_two_chunks_of_every_size(alignment: Plain, pieces: Plain):
    """Two chunks behind a padding: the first stands at a multiple of the alignment."""
    a, b = pieces.value
    whole = hexed(PAYLOAD)
    chunks = [(head(a), whole.piece(0, a)), (head(b), whole.piece(a, b))]
    form = padded_chunks((8,), chunks, lambda at: -at % alignment.value)
    return sealed([number("a", 1), small(form), blob("b", hexed("00"))], alignment.value).accepted()


_TOO_FAR: Final = [Plain(f"off-by-{n}", f"{n} bytes too far", n) for n in (1, 8, 32, 63)]


@product("ALIGN-5", want="reject", places=ALIGNMENTS, sizes=_TOO_FAR, also=("INDEX-7",))
def padding_before_two_chunks_at_another_offset(alignment: Plain, off: Plain):
    """Two chunks behind a padding, of which the first does not stand at a multiple of the alignment, and the second, of
    most alignments, neither."""
    whole = hexed(PAYLOAD)
    chunks = [(head(4), whole.piece(0, 4)), (head(4), whole.piece(4, 8))]
    form = padded_chunks((8,), chunks, lambda at: (off.value - at) % alignment.value)
    return sealed([number("a", 1), small(form), blob("b", hexed("00"))], alignment.value).data()


# Where in 64 bytes of padding stand which others: such as come to 0 when they are added or combined.
_PAIRS: Final = [
    Plain("two-that-are-equal", "twice the byte 5a", {10: 0x5A, 40: 0x5A}),
    Plain("two-that-are-equal-8-behind", "twice the byte 5a, the second 8 behind the first", {16: 0x5A, 24: 0x5A}),
    Plain("two-that-add-to-256", "the bytes 01 and ff", {5: 1, 6: 0xFF}),
    Plain("two-of-the-highest-bit", "twice the byte 80", {0: 0x80, 63: 0x80}),
    Plain("words-that-add-to-0", "words of 8 bytes, 1 and 2^64 - 1", {16: 1} | dict.fromkeys(range(24, 32), 0xFF)),
    Plain("all", "the byte 01 everywhere", dict.fromkeys(range(64), 1)),
]


@product("ALIGN-2", want="reject", places=_PAIRS)
def padding_that_comes_to_zero(others: Plain, _: Plain):
    """Several bytes of the padding are not zero, and come to zero where they are added or combined; all checksums
    fit."""

    def made(zeros: Bytes) -> list[Bytes]:
        held = bytearray(zeros.data())
        for at, byte in others.value.items():
            if len(held) >= 64:  # less of it is made, too, to be counted
                held[at] = byte
        return [TRUE, pad(data(bytes(held))), SHAPE, CHUNKS]

    return sealed(around(entries(made, 64))).data()
