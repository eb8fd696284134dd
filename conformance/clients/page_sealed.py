"""A reader of sealed streams, and of plain ones with a seal beside them, on a second page; the first is `page.py`."""

import hashlib
import math
import re
import struct
from functools import reduce

import numpy as np
from page import FORMS, Cursor, Refused, apart, bytes_of, fields, leaf, limited, need

BLOCK, PART = 1 << 22, re.compile("__part_(0|[1-9][0-9]*)_of_([1-9][0-9]*)__")
ENTRIES = {"alignment": int, "checksum": bytes, "leaves": list, "metadata": dict, "digests": bytes}
KINDS = {type(None): "nil", bool: "bool", int: "int", float: "float", complex: "complex", str: "str", bytes: "bin"}
KINDS |= {dict: "empty", np.ndarray: "ndarray"}
TABLE, BITS = np.arange(256, dtype=np.uint32), np.arange(32, dtype=np.uint32)
for _ in range(8):
    TABLE = TABLE >> 1 ^ (TABLE & 1) * np.uint32(0x82F63B78)
ZEROS = np.uint32(1) << BITS  # what each bit of a checksum becomes where 64 zero bytes follow
for _ in range(64):
    ZEROS = TABLE[ZEROS & 255] ^ ZEROS >> 8


def moved(by, crcs):
    return np.bitwise_xor.reduce((crcs[:, None] >> BITS & 1) * by, axis=1)


def crc32c(data, crc=0):
    """SUM-1, of rows of 64 bytes beside each other, which are then joined (SUM-4); `crc` is of the bytes before."""
    before, rows = ~crc & 0xFFFFFFFF, 1 << max(0, (len(data) - 1) // 64).bit_length()
    padded = np.zeros(rows * 64, np.uint8)
    padded[rows * 64 - len(data) :] = np.frombuffer(data, np.uint8)
    padded[rows * 64 - len(data) :][:4] ^= np.frombuffer(struct.pack("<I", before), np.uint8)[: len(data)]
    crcs, by = np.zeros(rows, np.uint32), ZEROS
    for column in padded.reshape(rows, 64).T:
        crcs = TABLE[(crcs ^ column) & 255] ^ crcs >> 8
    while len(crcs) > 1:
        crcs, by = moved(by, crcs[0::2]) ^ crcs[1::2], moved(by, by)
    return int(crcs[0]) ^ before >> 8 * len(data) ^ 0xFFFFFFFF


def header(kind, n):
    """The shortest (WIRE-1)."""
    for first, (name, form, least) in reversed([*enumerate(FORMS)]):
        if name == kind and (0 <= least <= n or n <= least < 0 if form else least == n):
            return bytes([first]) + (struct.pack(">" + form, n) if form else b"")
    raise KeyError(kind)


def packed(value):
    """A value in its canonical form, of which digests are made."""
    if isinstance(value, list):
        return header("array", len(value)) + b"".join(map(packed, value))
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        return header(KINDS[type(value)], len(raw)) + raw
    if isinstance(value, complex):
        return header("ext", 19) + b"\2" + packed([value.real, value.imag])
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    return b"\x80" if value == {} else header(KINDS[type(value)], value)


class Index(Cursor):
    """The values of an index, each of which has but one form."""

    deep, most, many, keyed, twice = 64, math.inf, "META-3", "META-1", "META-2"

    def head(self):
        at, (kind, n) = self.at, super().head()
        need(kind != "ext" and self.data[at] != 0xCA, "META-1", at)
        need(self.at == at + 1 or kind == "float" or self.data[at : self.at] == header(kind, n), "INDEX-5", at)
        return kind, n

    def value(self, depth=0):
        at, found = self.at, super().value(depth)
        need(type(found) is not dict or [*found] == sorted(found), "META-2", at)
        return bytes(found.raw()) if type(found) is Cursor else found


def seal_of(data, beside=None):
    """The seal of a stream as a dict, or None; `beside` are the bytes of its detached seal. Both are memoryviews."""
    inside = data[:5] == b"\xdd\0\0\0\2"  # CONF-9
    file = data if inside else beside
    if file is None:
        return None
    end = len(file) - 40
    need(end >= 0 and file[-16:] == b"streamckpt-seal\n", "SEAL-5", len(file))
    at, size, crc, *version, own = struct.unpack(">QIIHHI", file[end : end + 24])
    need(crc32c(file[end : end + 20]) == own, "SEAL-4", end)
    need(version == [2, 0], "SEAL-6", end)
    need(size + (at + 5) * inside == end, "SEAL-4", end)
    need(inside or at == len(data), "DETACHED-2", end)
    need(not inside or (size < 2**31 - 41 and file[at : at + 5] == struct.pack(">BI", 0xC6, size + 41)), "SEAL-3", at)
    need(crc32c(file[end - size : end]) == crc, "SEAL-4", end - size)
    start, c, seal = end, Index(file, end - size, end), {"end": at, "inside": inside, "digests": None}
    kind, n = c.head()
    need(kind == "map" and n in (4, 5), "INDEX-1", end - size)
    for name, kind in [*ENTRIES.items()][:n]:
        need(c.value() == name, "INDEX-5", c.at)
        start, c.left = c.at, 65535 if name == "metadata" else math.inf
        seal[name] = c.value(1)
        need(type(seal[name]) is kind, "INDEX-1", start)
        need(name != "metadata" or c.at - start <= 1 << 24, "META-3", start)
    need(c.at == end, "WIRE-6", c.at)
    need(seal["alignment"] in ([1 << n for n in range(6, 13)] if inside else [1]), "ALIGN-5", end - size)  # DETACHED-4
    for row in seal["leaves"]:
        need(type(row) is list and len(row) == 5 and type(row[4]) is list and row[4], "INDEX-2", start)
    return seal


def padded_leaf(value, at, align):
    padded = bool(align) and type(value) is dict and [*value][1:2] == ["pad"]  # ALIGN-1
    pad = value.pop("pad") if padded else Cursor(b"", 0, 0)
    need(type(pad) is Cursor and len(pad.raw()) < 4096 and not any(pad.raw()), "ALIGN-2", at)
    found, offsets = leaf(value, at)
    need(not padded or offsets[0] % align == 0, "ALIGN-5", at)
    return found, offsets


def is_part(key):
    found = PART.fullmatch(key)
    return bool(found) and (len(found[1]), found[1]) < (len(found[2]), found[2])


def joined(parts, shape, at):
    need(all(type(part) is np.ndarray and part.dtype == parts[0].dtype for part in parts), "PART-2", at)
    width, size = parts[0].itemsize, sum(part.nbytes for part in parts)
    need(bytes_of(shape, width, at) == size, "PART-2", at)
    need(size > 2**31 - 2**17, "PART-1", at)
    cut = next(a for a in range(len(shape)) if math.prod(shape[a + 1 :]) * width <= 1 << 30)
    rows = (1 << 30) // (math.prod(shape[cut + 1 :]) * width)
    boxes = [min(rows, shape[cut] - begin) for begin in range(0, shape[cut], rows)] * math.prod(shape[:cut])
    need([part.shape for part in parts] == [(1,) * cut + (n, *shape[cut + 1 :]) for n in boxes], "PART-2", at)
    return np.concatenate([part.reshape(-1) for part in parts]).reshape(shape)


def sealed(data, seal):
    """The key path, the leaf and the checksums of each leaf; all of it is compared with the index."""
    inside, align, rows = seal["inside"], seal["alignment"], seal["leaves"]
    c, places, digests, total = Cursor(data, 0, seal["end"], "INDEX-7"), [], [], 0
    need(c.end, "STREAM-3", 0)
    while c.at < c.end:
        start, path, pieces, parts = c.at, [], [], []
        need(len(places) < len(rows), "INDEX-4", start)
        row = rows[len(places)]
        for i in range(len(row[4])):
            at = c.at
            need(not inside or at == 0 or data[at] == 0x92, "SEAL-1", at)
            path, blob = fields(c)
            if inside and len(row[4]) > 1:
                need(path.pop() == f"__part_{i}_of_{len(row[4])}__" and path == row[0], "PART-3", at)
            need(not inside or not any(map(is_part, path)), "PART-3", at)
            found, offsets = padded_leaf(blob.whole(), at, align if inside else 0)
            blocks = [data[begin : min(begin + BLOCK, c.at)] for begin in range(at, c.at, BLOCK)]  # SUM-2
            total = reduce(lambda crc, block: crc32c(block, crc), blocks, total)
            sums = b"".join(crc32c(block).to_bytes(4, "big") for block in blocks)
            pieces.append([c.at - at, offsets[0] - at if len(offsets) == 1 else None, sums])
            parts.append(found)
        whole = joined(parts, row[3], start) if len(parts) > 1 else parts[0]  # PART-4
        kind = "scalar" if isinstance(whole, np.generic) else KINDS[type(whole)]
        form = [whole.dtype.name, [*whole.shape]] if kind in ("scalar", "ndarray") else [None, None]
        made = [path, kind, *form, pieces]
        if repr(made) != repr(row):  # which tells 1 from True
            told = [[*one[:4], [[*piece][:2] for piece in one[4] if type(piece) is list]] for one in (made, row)]
            raise Refused("SUM-3" if repr(told[0]) == repr(told[1]) else "INDEX-7", start)
        places.append((limited(path, start), start))
        digest = hashlib.sha256(b"".join(map(packed, [path, kind, *form] if form[0] else [path, kind])))  # DELTA-4
        digest.update(np.ascontiguousarray(whole).reshape(-1).view(np.uint8) if form[0] else packed(whole))
        digests.append(digest.digest())
        yield places[-1][0], whole, [sums[i : i + 4].hex() for _, _, sums in pieces for i in range(0, len(sums), 4)]
    apart(places)
    need(len(places) == len(rows), "INDEX-4", c.at)
    need(total.to_bytes(4, "big") == seal["checksum"], "INDEX-8", c.at)
    digests.append(hashlib.sha256(b"".join(sorted(digests))).digest())  # DELTA-5
    need(seal["digests"] in (None, b"".join(digests)), "INDEX-9", c.at)
