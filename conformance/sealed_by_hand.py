"""Sealed streams put together by hand from the text of `spec/2.0`, and from nothing else: files for tests."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

BLOCK: Final = 1 << 22  # SUM-2
WIDTHS: Final = {"int8": 1, "uint8": 1, "bfloat16": 2, "float32": 4, "float64": 8}


class Leaf(NamedTuple):
    """A leaf: an array by its dtype, shape and payload, or any other by its encoding (`blob`)."""

    path: Sequence[str]
    kind: str = "ndarray"
    dtype: str = ""
    shape: Sequence[int] = ()
    payload: bytes = b""
    blob: bytes = b""
    is_padded: bool = False  # also where it is small, which no writer does and every reader takes (ALIGN-3)


def table() -> list[int]:
    found = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        found.append(crc)
    return found


_TABLE: Final = table()


def crc32c(data: bytes) -> int:
    """SUM-1, by a table of one byte."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def sums(record: bytes) -> bytes:
    return b"".join(struct.pack(">I", crc32c(record[at : at + BLOCK])) for at in range(0, len(record), BLOCK))


# --- MessagePack in its shortest form -------------------------------------------------------------------------------


def _head(n: int, small: int, most: int, codes: tuple[int | None, int, int]) -> bytes:
    if n <= most:
        return bytes([small + n])
    if n < 256 and codes[0] is not None:
        return bytes([codes[0], n])
    return bytes([codes[1]]) + struct.pack(">H", n) if n < 65536 else bytes([codes[2]]) + struct.pack(">I", n)


def str_(text: str) -> bytes:
    data = text.encode()
    return _head(len(data), 0xA0, 31, (0xD9, 0xDA, 0xDB)) + data


def bin_(data: bytes) -> bytes:
    return _head(len(data), 0, -1, (0xC4, 0xC5, 0xC6)) + data


def array_(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return _head(len(items), 0x90, 15, (None, 0xDC, 0xDD)) + b"".join(items)


def map_(entries: dict[str, bytes]) -> bytes:
    body = b"".join(str_(key) + value for key, value in entries.items())
    return _head(len(entries), 0x80, 15, (None, 0xDE, 0xDF)) + body


def int_(n: int) -> bytes:
    if 0 <= n < 128 or -32 <= n < 0:
        return struct.pack("b", n)
    unsigned, signed = [(0xCC, 8), (0xCD, 16), (0xCE, 32), (0xCF, 64)], [(0xD0, 7), (0xD1, 15), (0xD2, 31), (0xD3, 63)]
    code, bits = next((code, bits) for code, bits in (unsigned if n > 0 else signed) if abs(n) <= (1 << bits) - (n > 0))
    size = bits + 7 >> 3
    return bytes([code]) + n.to_bytes(size, "big", signed=n < 0)


def value_(value: Any) -> bytes:
    """META-1, META-2"""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return int_(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        return str_(value)
    if isinstance(value, bytes):
        return bin_(value)
    if isinstance(value, list):
        return array_(value_(item) for item in value)
    return map_({key: value_(value[key]) for key in sorted(value, key=str.encode)})


# --- Records and the seal -------------------------------------------------------------------------------------------


def _ext(body: bytes, type_: int) -> bytes:
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(body))
    head = bytes([fixed]) if fixed else _head(len(body), 0, -1, (0xC7, 0xC8, 0xC9))
    return head + bytes([type_]) + body


def _ndarray(leaf: Leaf, type_: int = 1) -> bytes:
    return _ext(b"\x93" + array_(map(int_, leaf.shape)) + str_(leaf.dtype) + bin_(leaf.payload), type_)


def _padded(start: int, begin: bytes, leaf: Leaf, alignment: int) -> bytes:
    """ALIGN-4: the leaf blob, header included."""
    elements = len(leaf.payload) // WIDTHS[leaf.dtype]
    shape = map_({str(n): int_(size) for n, size in enumerate(leaf.shape)})
    body = b"\x93" + array_([int_(elements)]) + str_(leaf.dtype) + b"\xc6" + struct.pack(">I", len(leaf.payload))
    before = b"\x84" + str_("__msgpack_chunked_array__") + b"\xc3" + str_("pad") + b"\xc5"
    behind = str_("shape") + shape + str_("chunks") + b"\x81" + str_("0")
    behind += b"\xc9" + struct.pack(">I", len(body) + len(leaf.payload)) + b"\x01" + body
    pad = -(start + len(begin) + 5 + len(before) + 2 + len(behind)) % alignment
    blob = before + struct.pack(">H", pad) + bytes(pad) + behind + leaf.payload
    return b"\xc6" + struct.pack(">I", len(blob)) + blob


def record(leaf: Leaf, start: int, alignment: int, mark: bool) -> bytes:
    begin = (b"\xdd\0\0\0\2" if mark and start == 0 else b"\x92") + array_(map(str_, leaf.path))
    if leaf.kind == "ndarray" and (len(leaf.payload) >= 4096 or leaf.is_padded) and alignment > 1:
        return begin + _padded(start, begin, leaf, alignment)
    if leaf.kind in ("ndarray", "scalar"):
        return begin + bin_(_ndarray(leaf, 1 if leaf.kind == "ndarray" else 3))
    return begin + bin_(leaf.blob)


def digest(leaf: Leaf) -> bytes:
    """DELTA-4"""
    typed = str_(leaf.dtype) + array_(map(int_, leaf.shape)) if leaf.dtype else b""
    content = leaf.payload if leaf.dtype else leaf.blob
    return hashlib.sha256(array_(map(str_, leaf.path)) + str_(leaf.kind) + typed + content).digest()


def entry(leaf: Leaf, data: bytes) -> bytes:
    """INDEX-2, INDEX-3"""
    typed = leaf.dtype != ""
    payload = int_(len(data) - len(leaf.payload)) if typed else b"\xc0"
    pieces = [
        array_(map(str_, leaf.path)),
        str_(leaf.kind),
        str_(leaf.dtype) if typed else b"\xc0",
        array_(map(int_, leaf.shape)) if typed else b"\xc0",
        array_([array_([int_(len(data)), payload, bin_(sums(data))])]),
    ]
    return array_(pieces)


def index(records: bytes, entries: list[bytes], metadata: bytes, alignment: int, digests: bytes | None) -> bytes:
    """INDEX-1"""
    return map_(
        {
            "alignment": int_(alignment),
            "checksum": bin_(struct.pack(">I", crc32c(records))),
            "leaves": array_(entries),
            "metadata": metadata,
        }
        | ({} if digests is None else {"digests": bin_(digests)})
    )


def footer(offset: int, content: bytes, version: tuple[int, int] = (2, 0)) -> bytes:
    """SEAL-4"""
    head = struct.pack(">QIIHH", offset, len(content), crc32c(content), *version)
    return head + struct.pack(">I", crc32c(head)) + b"streamckpt-seal\n"


def closed(records: bytes, content: bytes) -> bytes:
    """SEAL-3: the records with an index behind them."""
    return records + b"\xc6" + struct.pack(">I", len(content) + 41) + content + footer(len(records), content)


def sealed(leaves: Sequence[Leaf], metadata: Any = None, alignment: int = 64, digests: bool = False) -> bytes:
    records, content = _parts(leaves, metadata, alignment, digests)
    return closed(records, content)


def detached(leaves: Sequence[Leaf], metadata: Any = None) -> tuple[bytes, bytes]:
    """A plain stream, and its seal (DETACHED-1)."""
    records, content = _parts(leaves, metadata, 1, False)
    return records, content + footer(len(records), content)


def around(records: Sequence[bytes], entries: Sequence[bytes], metadata: bytes = b"\x80", alignment: int = 64) -> bytes:
    """A sealed stream of records and entries as they come, right or wrong; all that is counted or summed fits."""
    joined = b"".join(records)
    return closed(joined, index(joined, list(entries), metadata, alignment, None))


def _parts(leaves: Sequence[Leaf], metadata: Any, alignment: int, digests: bool) -> tuple[bytes, bytes]:
    pieces, entries, start = [], [], 0
    for leaf in leaves:
        pieces.append(record(leaf, start, alignment, alignment > 1))
        entries.append(entry(leaf, pieces[-1]))
        start += len(pieces[-1])
    records = b"".join(pieces)
    each = [digest(leaf) for leaf in leaves]
    whole = b"".join(each) + hashlib.sha256(b"".join(sorted(each))).digest() if digests else None
    return records, index(records, entries, value_(metadata or {}), alignment, whole)


def small() -> list[Leaf]:
    """Leaves of every kind, with an array that is padded."""
    return [
        Leaf(["params", "w"], "ndarray", "float32", [2, 3], struct.pack("<6f", *range(6))),
        Leaf(["params", "big"], "ndarray", "uint8", [64, 64], bytes(range(256)) * 16),
        Leaf(["params", "none"], "ndarray", "int8", [0, 3], b""),
        Leaf(["scale"], "scalar", "float64", [], struct.pack("<d", 0.5)),
        Leaf(["step"], "int", blob=int_(1200)),
        Leaf(["rate"], "float", blob=value_(0.25)),
        Leaf(["name"], "str", blob=str_("a \u00e9 text")),
        Leaf(["raw"], "bin", blob=bin_(b"\x00\xff")),
        Leaf(["on"], "bool", blob=b"\xc3"),
        Leaf(["nothing"], "nil", blob=b"\xc0"),
        Leaf(["z"], "complex", blob=b"\xc7\x13\x02\x92" + value_(1.0) + value_(-2.0)),
        Leaf(["hollow"], "empty", blob=b"\x80"),
    ]


METADATA: Final = {
    "step": 1200,
    "config": {"width": 64, "rate": 0.5, "layers": ["a", None, True], "tied": False},
    "safetensors": {"format": "pt"},
    "\u00e9": b"\x01\x02",
    "negative": -(1 << 63),
    "largest": (1 << 64) - 1,
}
