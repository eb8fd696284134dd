"""The sizes of version 2.0, and smaller ones under which the reference does to small files what it does to large ones.

A record has several checksums, an array stands in parts, and most arrays are padded: all that in a few kilobytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, NamedTuple
from unittest import mock


class Scale(NamedTuple):
    """Numbers of bytes: of a block (SUM-2), of the least array that is padded (ALIGN-3), of the largest that stands in
    one record (PART-1), and of the rows of a part (PART-2).
    """

    block: int
    padded: int
    whole: int
    row: int


TRUE: Final = Scale(1 << 22, 4096, (1 << 31) - (1 << 17), 1 << 30)
SMALL: Final = Scale(512, 64, 2048, 1024)


@contextlib.contextmanager
def at_scale(scale: Scale) -> Iterator[None]:
    """Make the reference go by a scale. At a small one no key path may be as long as a block."""
    # Here, since an engine decides how the reference is imported, and has to know the scales before.
    from reference.containers import sealed_file, sealed_records
    from reference.format import aligned, checksums, index_rows, indexes, parts, sealing

    of_blocks = (checksums, indexes, index_rows, sealed_file, sealed_records)
    sizes = (
        *((module, "BLOCK", scale.block) for module in of_blocks),
        (aligned, "LEAST", scale.padded),
        (parts, "LARGEST_WHOLE", scale.whole),
        (parts, "_ROWS", scale.row),
    )
    pieces = (
        *((sealing, name, size) for name, size in (("_SMALL", 16), ("_COPIED", 100), ("_STEP", 300))),
        *((sealed_file, name, size) for name, size in (("_READ", 200), ("LARGE", 3000))),
        *((sealed_records, name, size) for name, size in (("_PIECE", 200), ("_SMALL", 300))),
    )
    with contextlib.ExitStack() as stack:
        for module, name, size in sizes if scale == TRUE else (*sizes, *pieces):
            stack.enter_context(mock.patch.object(module, name, size))
        yield
