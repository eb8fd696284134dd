"""One zstd frame (RFC 8878), as DELTA-7 allows it: without dictionary, and of a window of at most 8 MiB."""

from __future__ import annotations

from typing import Final

from .fault import Fault, require
from .zstd_entropy import BackwardBits, Table, distribution, huffman_tree, literals, predefined

_MAGIC: Final = bytes.fromhex("28b52ffd")
_WINDOW: Final = 8 << 20
_BLOCK: Final = 128 << 10

# Of literal lengths, match lengths: the first value of each code, and the bits that are added to it.
_LL: Final = [(i, 0) for i in range(16)] + [
    *((16 + 2 * i, 1) for i in range(4)),
    *((24, 2), (28, 2), (32, 3), (40, 3), (48, 4), (64, 6), (128, 7), (256, 8), (512, 9), (1024, 10)),
    *((2048, 11), (4096, 12), (8192, 13), (16384, 14), (32768, 15), (65536, 16)),
]
_ML: Final = [(i + 3, 0) for i in range(32)] + [
    *((35 + 2 * i, 1) for i in range(4)),
    *((43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4), (99, 5), (131, 7), (259, 8), (515, 9), (1027, 10)),
    *((2051, 11), (4099, 12), (8195, 13), (16387, 14), (32771, 15), (65539, 16)),
]
_LARGEST: Final = {"ll": (9, 35), "of": (8, 31), "ml": (9, 52)}  # accuracy, and symbol


def content_of(frame: bytes, size: int) -> bytes:
    """The content of a frame, which is to have `size` bytes, with nothing after it. Raises Fault."""
    try:
        return _Frame(frame, size).content()
    except IndexError:
        raise Fault("DELTA-7", "the zstd frame ends too early") from None


class _Frame:
    def __init__(self, frame: bytes, size: int) -> None:
        self._data, self._at, self._size = frame, 4, size
        require(frame[:4] == _MAGIC, "DELTA-7", "a packed block is not a zstd frame")
        self._out = bytearray()
        self._recent = [1, 4, 8]
        self._tree: Table | None = None
        self._tables: dict[str, Table] = {}

    def content(self) -> bytes:
        has_sum = self._header()
        last = False
        while not last:
            header = self._number(3)
            last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            require(size <= self._largest and kind < 3, "DELTA-7", "a block of the zstd frame is malformed")
            if kind == 0:
                self._out += self._take(size)
            elif kind == 1:
                self._out += self._take(1) * size
            else:
                self._compressed(self._take(size))
            require(len(self._out) <= self._size, "DELTA-7", "the zstd frame holds more than it states")
        require(len(self._out) == self._size, "DELTA-7", "the zstd frame holds less than it states")
        if has_sum:
            found, expected = self._number(4), xxh64(bytes(self._out)) & 0xFFFFFFFF
            require(found == expected, "DELTA-7", "the checksum of the zstd frame is not that of its content")
        require(self._at == len(self._data), "DELTA-7", "bytes follow the zstd frame")
        return bytes(self._out)

    def _take(self, n: int) -> bytes:
        taken = self._data[self._at : self._at + n]
        require(len(taken) == n, "DELTA-7", "the zstd frame ends too early")
        self._at += n
        return taken

    def _number(self, n: int) -> int:
        return int.from_bytes(self._take(n), "little")

    def _header(self) -> bool:
        """Whether a checksum ends the frame."""
        said = self._number(1)
        single = bool(said & 0x20)
        require(not said & 0x08, "DELTA-7", "a reserved bit of the zstd frame is set")
        window = None
        if not single:
            exponent, mantissa = divmod(self._number(1), 8)
            window = (1 << 10 + exponent) // 8 * (8 + mantissa)
        dictionary = self._number((0, 1, 2, 4)[said & 3])
        require(not dictionary, "DELTA-7", "the zstd frame names a dictionary")
        width = (1 if single else 0, 2, 4, 8)[said >> 6]
        require(bool(width), "DELTA-7", "the zstd frame does not state its content size")
        stated = self._number(width) + (256 if width == 2 else 0)
        require(stated == self._size, "DELTA-7", f"the zstd frame states {stated} bytes; expected {self._size}")
        self._window = stated if window is None else window
        require(self._window <= _WINDOW, "DELTA-7", f"the window of the zstd frame has {self._window} bytes")
        self._largest = min(_BLOCK, self._window)
        return bool(said & 0x04)

    # --- a compressed block ----------------------------------------------------------------------------------

    def _compressed(self, block: bytes) -> None:
        text, at = self._literals(block)
        count, at = _count(block, at)
        before = len(self._out)
        if count:
            modes = block[at]
            require(not modes & 3, "DELTA-7", "a reserved bit of the zstd frame is set")
            at += 1
            for name, shift in (("ll", 6), ("of", 4), ("ml", 2)):
                at = self._table(name, modes >> shift & 3, block, at)
            text = self._sequences(text, count, block[at:])
        else:
            require(at == len(block), "DELTA-7", "bytes are left over in a block of the zstd frame")
        self._out += text
        require(len(self._out) - before <= _BLOCK, "DELTA-7", "a block of the zstd frame is too long")

    def _literals(self, block: bytes) -> tuple[bytes, int]:
        """The literals of a block, and where they end."""
        kind, form = block[0] & 3, block[0] >> 2 & 3
        if kind < 2:
            width, shift = (1, 3) if not form & 1 else (2, 4) if form == 1 else (3, 4)
            size, at = int.from_bytes(block[:width], "little") >> shift, width
            require(size <= _BLOCK, "DELTA-7", "the literals of the zstd frame are too many")
            taken = size if kind == 0 else 1
            require(at + taken <= len(block), "DELTA-7", "the zstd frame ends too early")
            return block[at : at + taken] * (1 if kind == 0 else size), at + taken
        width, bits = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        sizes = int.from_bytes(block[:width], "little") >> 4
        size, packed = sizes & (1 << bits) - 1, sizes >> bits
        require(size <= _BLOCK, "DELTA-7", "the literals of the zstd frame are too many")
        require(width + packed <= len(block), "DELTA-7", "the zstd frame ends too early")
        section = block[width : width + packed]
        if kind == 2:
            self._tree, used = huffman_tree(section)
            section = section[used:]
        require(self._tree is not None, "DELTA-7", "the literals of the zstd frame have no tree")
        assert self._tree
        return literals(self._tree, section, size, 1 if form == 0 else 4), width + packed

    def _table(self, name: str, mode: int, block: bytes, at: int) -> int:
        """Set the table of literal lengths, offsets or match lengths; gives where it ends."""
        accuracy, symbol = _LARGEST[name]
        if mode == 0:
            self._tables[name] = predefined(name)
        elif mode == 1:
            require(block[at] <= symbol, "DELTA-7", "a code of the zstd frame is not known")
            self._tables[name] = Table([(block[at], 0, 0)], 0)
            at += 1
        elif mode == 2:
            self._tables[name], at = distribution(block, at, accuracy, symbol)
        require(name in self._tables, "DELTA-7", "a table of the zstd frame is missing")
        return at

    def _sequences(self, text: bytes, count: int, stream: bytes) -> bytes:
        """Write what the sequences of a block say; gives the literals that are left."""
        bits = BackwardBits(stream)
        (ll, ll_log), (of, of_log), (ml, ml_log) = (self._tables[name] for name in ("ll", "of", "ml"))
        ll_state, of_state, ml_state = bits.read(ll_log), bits.read(of_log), bits.read(ml_log)
        out, used = self._out, 0
        for i in range(count):
            code = of[of_state][0]
            offset = (1 << code) + bits.read(code)
            (first, more), (least, added) = _ML[ml[ml_state][0]], _LL[ll[ll_state][0]]
            length, n = first + bits.read(more), least + bits.read(added)
            require(used + n <= len(text), "DELTA-7", "the zstd frame has too few literals")
            out += text[used : used + n]
            used += n
            self._repeat(self._distance(offset, n), length)
            if i < count - 1:
                _, more, least = ll[ll_state]
                ll_state = least + bits.read(more)
                _, more, least = ml[ml_state]
                ml_state = least + bits.read(more)
                _, more, least = of[of_state]
                of_state = least + bits.read(more)
        require(bits.left == 0, "DELTA-7", "bits are left over in a block of the zstd frame")
        return text[used:]

    def _distance(self, offset: int, literals: int) -> int:
        """How far back a match lies: an offset, or one of the last three again."""
        recent = self._recent
        if offset > 3:
            distance = offset - 3
            self._recent = [distance, *recent[:2]]
            return distance
        which = offset - 1 + (literals == 0)
        distance = recent[which] if which < 3 else recent[0] - 1
        if which:
            self._recent = [distance, recent[0], recent[2 if which == 1 else 1]]
        return distance

    def _repeat(self, distance: int, length: int) -> None:
        out = self._out
        reach = min(len(out), self._window)
        require(0 < distance <= reach, "DELTA-7", "a match of the zstd frame lies before its window")
        require(len(out) + length <= self._size, "DELTA-7", "the zstd frame holds more than it states")
        piece = bytes(out[-distance:][:length])
        out += (piece * -(-length // len(piece)))[:length]


def _count(block: bytes, at: int) -> tuple[int, int]:
    """How many sequences a block has, and where that ends."""
    first = block[at]
    if first < 128:
        return first, at + 1
    if first < 255:
        return (first - 128 << 8) + block[at + 1], at + 2
    return block[at + 1] + (block[at + 2] << 8) + 0x7F00, at + 3


# --- the checksum of a frame -------------------------------------------------------------------------------------

_P: Final = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
_ALL: Final = (1 << 64) - 1


def xxh64(data: bytes) -> int:
    """XXH64 of the data, with the seed 0."""
    p1, p2, p3, p4, p5 = _P

    def turned(x: int, n: int) -> int:
        return (x << n | x >> 64 - n) & _ALL

    def mixed(x: int, lane: int) -> int:
        return turned(x + lane * p2 & _ALL, 31) * p1 & _ALL

    at, n = 0, len(data)
    if n >= 32:
        sums = [p1 + p2 & _ALL, p2, 0, -p1 & _ALL]
        lanes = _lanes(data[: n // 32 * 32])
        for i in range(0, len(lanes), 4):
            sums = [mixed(x, lanes[i + j]) for j, x in enumerate(sums)]
        at = n // 32 * 32
        total = sum(turned(x, bits) for x, bits in zip(sums, (1, 7, 12, 18), strict=True)) & _ALL
        for x in sums:
            total = (total ^ mixed(0, x)) * p1 + p4 & _ALL
    else:
        total = p5
    total = total + n & _ALL
    while at + 8 <= n:
        total = turned(total ^ mixed(0, int.from_bytes(data[at : at + 8], "little")), 27) * p1 + p4 & _ALL
        at += 8
    if at + 4 <= n:
        total = turned(total ^ int.from_bytes(data[at : at + 4], "little") * p1 & _ALL, 23) * p2 + p3 & _ALL
        at += 4
    for byte in data[at:]:
        total = turned(total ^ byte * p5 & _ALL, 11) * p1 & _ALL
    total = (total ^ total >> 33) * p2 & _ALL
    total = (total ^ total >> 29) * p3 & _ALL
    return total ^ total >> 32


def _lanes(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
