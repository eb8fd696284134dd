"""Wrong programs that were thought of: those that take or make another index of a sealed stream."""

from __future__ import annotations

from typing import Final

# What the program does; the file of the reference; the text in it; the text that takes its place.
WRONG: Final = (
    (
        "takes every alignment from 1 on",
        "format/indexes",
        "if alignment not in ((DETACHED,) if detached else ALIGNMENTS):",
        "if alignment < 1:",
    ),
    (
        "takes the alignment 1 in a sealed stream",
        "format/indexes",
        "if detached else ALIGNMENTS):",
        "if detached else (DETACHED, *ALIGNMENTS)):",
    ),
    (
        "takes every multiple of 64 for an alignment",
        "format/indexes",
        "if alignment not in ((DETACHED,) if detached else ALIGNMENTS):",
        "if alignment < 1 or (alignment % 64 and not detached):",
    ),
    (
        "takes every alignment in a detached seal",
        "format/indexes",
        "((DETACHED,) if detached else ALIGNMENTS)",
        "((DETACHED, *ALIGNMENTS) if detached else ALIGNMENTS)",
    ),
    (
        "takes records that end before the seal",
        "format/indexes",
        "sum(columns.sizes)) != seal_at:",
        "sum(columns.sizes)) > seal_at:",
    ),
    (
        "takes records that end behind the seal",
        "format/indexes",
        "sum(columns.sizes)) != seal_at:",
        "sum(columns.sizes)) < seal_at:",
    ),
    (
        "adds sizes in 32 bits",
        "format/indexes",
        "sum(columns.sizes)) != seal_at:",
        "sum(columns.sizes)) % (1 << 32) != seal_at:",
    ),
    ("takes digests of any number", "format/indexes", "if n != DIGEST * (leaves + 1):", "if n % DIGEST:"),
    (
        "takes digests without that of the tree",
        "format/indexes",
        "if n != DIGEST * (leaves + 1):",
        "if n not in (DIGEST * leaves, DIGEST * (leaves + 1)):",
    ),
    ("takes bytes behind the index", "format/indexes", "        cursor.leave(region)\n", ""),
    (
        "takes keys of the index in any case",
        "format/indexes",
        "cursor.text(length, at) != wanted:",
        "cursor.text(length, at).lower() != wanted:",
    ),
    (
        "takes the beginning of a key of the index",
        "format/indexes",
        "cursor.text(length, at) != wanted:",
        "not wanted.startswith(cursor.text(length, at)):",
    ),
    (
        "takes longer lengths in the index",
        "format/index_rows",
        'and kind != "float":',
        'and kind not in ("float", "str", "bin"):',
    ),
    (
        "takes longer counts in the index",
        "format/index_rows",
        'and kind != "float":',
        'and kind not in ("float", "array", "map"):',
    ),
    (
        "takes ints of the index in the form of negative ones",
        "format/index_rows",
        'if kind == "int" and self._window',
        'if kind == "never" and self._window',
    ),
    (
        "takes leaves of the index that clash",
        "format/index_rows",
        "if end is not None and not odd and find_clash(columns.keys) is None:",
        "if end is not None and not odd:",
    ),
    ("takes names of parts in the index", "format/index_rows", "any(PREFIX in key or 4", "any(4"),
    (
        "takes records of no byte in the index",
        "format/index_rows",
        "if min(sizes) <= 0 or list",
        "if min(sizes) < 0 or list",
    ),
    (
        "takes checksums of any number in the index",
        "format/index_rows",
        "!= [WIDTH * -(-size // BLOCK) for size in sizes]:",
        "!= [len(one) // WIDTH * WIDTH for one in sums]:",
    ),
    (
        "takes more checksums than blocks",
        "format/index_rows",
        "or list(map(len, sums)) != [WIDTH * -(-size // BLOCK) for size in sizes]:",
        "or any(len(one) < WIDTH * -(-size // BLOCK) for one, size in zip(sums, sizes)):",
    ),
    (
        "takes kinds in any case",
        "format/index_rows",
        'kind = cursor.text(expect(cursor, "str", "INDEX-2", "the kind of a leaf"), at)',
        'kind = cursor.text(expect(cursor, "str", "INDEX-2", "the kind of a leaf"), at).lower()',
    ),
    (
        "takes leaves of the index with more than five values",
        "format/index_rows",
        'if (found := expect(cursor, "array", clause, what)) != n:',
        'if (found := expect(cursor, "array", clause, what)) < n:',
    ),
)
