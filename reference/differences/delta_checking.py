"""Spec chapter 10: a delta is checked, with its base or as far as that goes without, and nothing is written."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..computing.backends import words_on
from ..containers.registry import read_delta_file
from ..containers.safetensors_file import SPLIT
from ..format.blocks import BLOCK, check_block, zstd
from ..format.errors import FormatError, counted
from ..format.leaves import size_text, stored
from ..format.manifests import Delta, Entry, block_path
from ..format.records import extents_of, with_path
from ..storage.local_files import Path_
from ..storage.places import place_of
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.threads import in_order, workers
from .bases import open_base
from .exact_recovery import Recovery, check_base, delta_name
from .leaf_contents import content_blocks


class DeltaReport(NamedTuple):
    """A good delta: its size, the tree digests of base and target, and how many leaves the target has.

    `compared` counts the leaves whose digests were compared with what the delta gives. Without the base that cannot be
    done for those that differ from one of its leaves, `changed`, nor for those that it alone holds, `unchanged`.
    """

    nbytes: int
    base: bytes
    target: bytes
    leaves: int
    compared: int
    changed: int
    unchanged: int
    with_base: bool

    def __repr__(self) -> str:
        what = f"{self.compared} of {counted(self.leaves, 'leaf')} compared"
        return f"<DeltaReport: a good delta of {size_text(self.nbytes)}, {what}>"


def verify_delta(
    delta: Path_,
    base: Any = None,
    *,
    names: str = SPLIT,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Shown = False,
) -> DeltaReport:
    """Check a delta: its mark, its manifest, every block, and the digest of each leaf that can be made.

    With its `base`, `[PREFIX::]PATH` or a tree, every leaf of the target is made and compared; without it those alone
    that do not need it, and of the others the frames are unpacked. Nothing is written. `jobs` is how many threads
    compute, and `backend` what does (see `recover`); `names` is that of `open`. `progress` is True for a bar on a
    terminal, or a callable (see `reference.storage.progress.shown`). Raises FormatError, OSError, UsageError.
    """
    zstd()
    name, show = delta_name(delta), shown(progress)
    with contextlib.closing(place_of(name).open()) as file, contextlib.ExitStack() as stack:
        side = open_base(base, names, file, stack) if base is not None else None
        try:
            found = read_delta_file(file)
            entries = found.manifest.leaves
            made = [i for i, entry in enumerate(entries) if side is not None or not _needs_base(entry)]
            others = [i for i, entry in enumerate(entries) if side is None and _needs_base(entry)]
            words = words_on(backend, ((entries[i].dtype, entries[i].nbytes) for i in made))
            with workers(jobs) as pool, workers(1) as hasher:
                if side is not None:
                    check_base(side, found.manifest, pool, show)
                    side.expect()
                items = side.items if side is not None else []
                recovery = Recovery(items, *found, words, pool, hasher, made)
                with show("verify", sum(entry.nbytes for entry in entries)) as moved:
                    expect(file, ((found.tail.start + at, n) for at, n in extents_of(found.blocks.values())))
                    for i in made:
                        for _ in content_blocks(recovery.item(i)):
                            pass
                        moved(entries[i].nbytes)
                    tasks = (task for i in others for task in _checks(found, i))
                    for n in in_order(pool, tasks, sum(entries[i].blocks for i in others)):
                        moved(n)
            file.refuse_changes()
        except FormatError as error:
            error.file = error.file or file.name
            raise
        changed = sum(entries[i].base != entries[i].digest for i in others)
        digests = found.manifest.base, found.manifest.target
        counts = len(entries), len(made), changed, len(others) - changed
        return DeltaReport(file.size, *digests, *counts, side is not None)


def _needs_base(entry: Entry) -> bool:
    """Whether a leaf cannot be made of the delta alone."""
    return entry.like_base or entry.base == entry.digest


def _checks(delta: Delta, i: int) -> Iterator[Callable[[], int]]:
    """What checks each block of a leaf without the base, and gives how many bytes it stands for."""
    entry = delta.manifest.leaves[i]

    def check(k: int) -> int:
        record = delta.blocks[block_path(i, k)]
        n = min(entry.nbytes - k * BLOCK, BLOCK)
        try:
            check_block(stored(delta.tail, record.leaf_offset, record.leaf).read(), n, entry.like_base)
        except FormatError as error:
            raise with_path(entry.path, error) from None
        return n

    return (functools.partial(check, k) for k in range(entry.blocks))
