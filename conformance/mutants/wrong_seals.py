"""Wrong programs that were thought of: those that take or make another seal, in its stream or beside it."""

from __future__ import annotations

from typing import Final

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    ("takes every minor version", "format/seals", "if (major, minor) != (MAJOR, MINOR):", "if major != MAJOR:"),
    (
        "takes every older version",
        "format/seals",
        "if (major, minor) != (MAJOR, MINOR):",
        "if (major, minor) > (MAJOR, MINOR):",
    ),
    (
        "takes every newer version",
        "format/seals",
        "if (major, minor) != (MAJOR, MINOR):",
        "if (major, minor) < (MAJOR, MINOR):",
    ),
    (
        "reads versions in 8 bits",
        "format/seals",
        "if (major, minor) != (MAJOR, MINOR):",
        "if (major % 256, minor % 256) != (MAJOR, MINOR):",
    ),
    (
        "compares no checksum of the footer",
        "format/seals",
        'if checksum(fields) != int.from_bytes(crc, "big"):',
        "if False:",
    ),
    (
        "compares 16 bits of the checksum of the footer",
        "format/seals",
        'if checksum(fields) != int.from_bytes(crc, "big"):',
        'if (checksum(fields) ^ int.from_bytes(crc, "big")) & 0xFFFF:',
    ),
    ("compares no checksum of the index", "format/seals", "if checksum(data) != crc:", "if False:"),
    (
        "compares 31 bits of the checksum of the index",
        "format/seals",
        "if checksum(data) != crc:",
        "if (checksum(data) ^ crc) << 1 & 0xFFFFFFFF:",
    ),
    (
        "compares the checksum of an index of up to 4 KiB",
        "format/seals",
        "if checksum(data) != crc:",
        "if len(data) <= 4096 and checksum(data) != crc:",
    ),
    (
        "compares the checksum of an index of up to 64 KiB",
        "format/seals",
        "if checksum(data) != crc:",
        "if len(data) <= 65536 and checksum(data) != crc:",
    ),
    (
        "looks at the length of the seal alone",
        "format/seals",
        "if tail[:_HEAD] != _head(length):",
        "if tail[1:_HEAD] != _head(length)[1:]:",
    ),
    (
        "looks at the first byte of the seal alone",
        "format/seals",
        "if tail[:_HEAD] != _head(length):",
        "if tail[:1] != _head(length)[:1]:",
    ),
    (
        "takes a seal that is a whole bin",
        "format/seals",
        "if tail[:_HEAD] != _head(length):",
        "if tail[:_HEAD] not in (_head(length), _head(length - 1)):",
    ),
    (
        "looks at the low half of the length of the seal",
        "format/seals",
        "if tail[:_HEAD] != _head(length):",
        "if tail[:1] + tail[3:_HEAD] != _head(length)[:1] + _head(length)[3:]:",
    ),
    (
        "adds the numbers of the footer in 32 bits",
        "format/seals",
        "if seal_at + _HEAD + length + FOOTER != size:",
        "if (seal_at + _HEAD + length + FOOTER) % (1 << 32) != size:",
    ),
    (
        "takes zeros behind the footer",
        "format/seals",
        "    tail = source.read_at(tail_at, size - tail_at)\n    seal_at",
        '    tail = source.read_at(tail_at, size - tail_at).rstrip(b"\\0")\n    size = tail_at + len(tail)\n    seal_at',
    ),
    (
        "takes line feeds behind the footer",
        "format/seals",
        "    tail = source.read_at(tail_at, size - tail_at)\n    seal_at",
        '    tail = source.read_at(tail_at, size - tail_at).rstrip(b"\\n") + b"\\n"\n    size = tail_at + len(tail)\n    seal_at',
    ),
    (
        "writes the length of a whole bin",
        "format/seals",
        "(length + FOOTER + 1).to_bytes(4",
        "(length + FOOTER).to_bytes(4",
    ),
    ("marks every record", "format/sealing", "(RECORD if self._at else MARK) + key", "MARK + key"),
    (
        "writes names of parts before the last place",
        "format/sealing",
        "if _PART in key and has_part_name(path):",
        "if _PART in key and has_part_name(path[-1:]):",
    ),
    (
        "states no place of the payload of a scalar",
        "format/sealing",
        "is_array = leaf.dtype is not None",
        'is_array = leaf.kind == "ndarray"',
    ),
    (
        "digests the payload of an array alone",
        "format/sealing",
        "            digest.update(content_head(item.leaf))\n",
        "            pass\n",
    ),
    (
        "digests the tree in the order of its leaves",
        "format/sealing",
        "tree_digest(self._digests)",
        '__import__("hashlib").sha256(b"".join(self._digests)).digest()',
    ),
    (
        "writes the checksum of the last record for that of all",
        "format/sealing",
        "self._whole = with_record(self._whole, data, sums, size)",
        "self._whole = with_record(0, data, sums, size)",
    ),
    (
        "takes a seal of a longer stream",
        "format/seals",
        "    if records_end != size:\n",
        "    if records_end < size:\n",
    ),
    (
        "takes a seal of a shorter stream",
        "format/seals",
        "    if records_end != size:\n",
        "    if records_end > size:\n",
    ),
    ("takes a seal of a stream of any size", "format/seals", "    if records_end != size:\n", "    if False:\n"),
    (
        "takes bytes between index and footer of a detached seal",
        "format/seals",
        "if length + FOOTER != source.size:",
        "if length + FOOTER > source.size:",
    ),
)
