"""Wrong programs that were thought of: those that take or make other padding, parts or checksums."""

from __future__ import annotations

from typing import Final

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    (
        "looks at the first byte of the padding alone",
        "format/chunked",
        "if any(cursor.take(n)):",
        "if any(cursor.take(n)[:1]):",
    ),
    (
        "looks at the last byte of the padding alone",
        "format/chunked",
        "if any(cursor.take(n)):",
        "if any(cursor.take(n)[-1:]):",
    ),
    (
        "looks at all of the padding but its last byte",
        "format/chunked",
        "if any(cursor.take(n)):",
        "if any(cursor.take(n)[:-1]):",
    ),
    (
        "looks at all of the padding but its first byte",
        "format/chunked",
        "if any(cursor.take(n)):",
        "if any(cursor.take(n)[1:]):",
    ),
    (
        "looks at both ends of the padding alone",
        "format/chunked",
        "    if any(cursor.take(n)):",
        "    zeros = cursor.take(n)\n    if any(zeros[:16] + zeros[-16:]):",
    ),
    (
        "looks at padding of up to 64 bytes alone",
        "format/chunked",
        "if any(cursor.take(n)):",
        "if any(cursor.take(n)) and n <= 64:",
    ),
    (
        "takes padding in plain streams",
        "format/chunked",
        "entries == 4 and cursor.alignment is not None",
        "entries == 4",
    ),
    (
        "takes a padded payload at any multiple of 64",
        "format/chunked",
        "chunks[0].payload_at % (cursor.alignment or 1)",
        "chunks[0].payload_at % 64",
    ),
    (
        "looks for the payload of the last chunk at a round offset",
        "format/chunked",
        "chunks[0].payload_at % (cursor.alignment or 1)",
        "chunks[-1].payload_at % (cursor.alignment or 1)",
    ),
    (
        "takes padding before several chunks at any offset",
        "format/chunked",
        "if padded and chunks[0]",
        "if padded and len(chunks) == 1 and chunks[0]",
    ),
    ("counts padding from the record", "format/aligned", "-(at + 5 + len(_BEFORE)", "-(5 + len(_BEFORE)"),
    ("pads to 64 bytes whatever is asked for", "format/aligned", "len(after)) % alignment", "len(after)) % 64"),
    ("pads to 2 KiB at most", "format/aligned", "len(after)) % alignment", "len(after)) % min(alignment, 2048)"),
    (
        "pads by a whole alignment where nothing is needed",
        "format/aligned",
        "len(after)) % alignment",
        "len(after)) % alignment or alignment",
    ),
    ("pads with bytes ff", "format/aligned", "bytes(pad), after", 'b"\\xff" * pad, after'),
    ("takes 32 for an alignment", "format/aligned", "for i in range(6, 13)", "for i in range(5, 13)"),
    ("takes 8,192 for an alignment", "format/aligned", "for i in range(6, 13)", "for i in range(6, 14)"),
    ("compares the numbers of a part as texts", "format/parts", "(len(i), i) < (len(n), n)", "i < n"),
    (
        "compares the numbers of a part in 32 bits",
        "format/parts",
        "(len(i), i) < (len(n), n)",
        "int(i) % (1 << 32) < int(n) % (1 << 32)",
    ),
    (
        "takes a part for one whose number is its count",
        "format/parts",
        "(len(i), i) < (len(n), n)",
        "(len(i), i) <= (len(n), n)",
    ),
    ("takes what begins as the name of a part for one", "format/parts", "_NAME.fullmatch(key)", "_NAME.match(key)"),
    (
        "takes numbers with leading zeros for those of a part",
        "format/parts",
        "__part_(0|[1-9][0-9]*)_of",
        "__part_([0-9]+)_of",
    ),
    (
        "looks for names of parts in the last place alone",
        "format/parts",
        "any(map(is_part_name, path))",
        "is_part_name(path[-1])",
    ),
    (
        "looks for names of parts in the first place alone",
        "format/parts",
        "any(map(is_part_name, path))",
        "is_part_name(path[0])",
    ),
    (
        "cuts parts one row earlier",
        "format/parts",
        "return axis, _ROWS // row",
        "return axis, max(1, _ROWS // row - 1)",
    ),
    (
        "gives each range of parts the same number of rows",
        "format/parts",
        "(*[1] * axis, min(rows, shape[axis] - start), *shape[axis + 1 :])",
        "(*[1] * axis, rows, *shape[axis + 1 :])",
    ),
    ("counts parts from one", "format/parts", 'f"__part_{i}_of_{n}__"', 'f"__part_{i + 1}_of_{n}__"'),
    (
        "combines checksums in the wrong order",
        "format/checksums",
        "_product(_zeros(length), first) ^ second",
        "_product(_zeros(length), second) ^ first",
    ),
    ("takes the last block for a whole one", "format/checksums", "n = min(BLOCK, size)", "n = BLOCK"),
    (
        "writes a checksum of no byte behind a whole block",
        "format/checksums",
        "if self._left < BLOCK else",
        "if True else",
    ),
    (
        "writes checksums lowest byte first",
        "format/checksums",
        'value.to_bytes(WIDTH, "big")',
        'value.to_bytes(WIDTH, "little")',
    ),
    (
        "goes on with the checksum of the block before",
        "format/checksums",
        "self._block, self._left = 0, BLOCK\n            view",
        "self._left = BLOCK\n            view",
    ),
)
