"""Spec chapter 10: the exact difference of two checkpoints, written as a delta."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..computing.backends import cast_on, words_on
from ..containers.load_prefixes import refuse_other_ending, split_prefix
from ..containers.safetensors_file import SPLIT
from ..format.blocks import EQUAL, Words, blocks_of, encode_block, zstd
from ..format.casts import Tally
from ..format.casts import float_dtype as dtype_called
from ..format.digests import LeafDigest, tree_digest
from ..format.errors import UsageError
from ..format.leaves import Leaf, size_text
from ..format.manifests import MANIFEST, MARK, Entry, Manifest, block_path, encode_manifest
from ..format.payloads import MemoryPayload, Step, write_steps
from ..format.records import Item, record_step
from ..format.streams import check_paths
from ..storage.local_files import Path_, Progress
from ..storage.places import place_of
from ..storage.progress import Shown, shown
from ..storage.threads import Pool, in_order, workers
from .leaf_contents import content_blocks, content_size, digest_of, form
from .operands import open_side, refuse_operands


class DiffReport(NamedTuple):
    """What a delta holds. Bytes are those of payloads, but for `delta_bytes`, the size of the file."""

    same: list[tuple[str, ...]]
    changed: list[tuple[str, ...]]
    added: list[tuple[str, ...]]
    removed: list[tuple[str, ...]]
    target_bytes: int
    delta_bytes: int
    overflowed: int  # finite values that a cast of the target has made infinite
    became_zero: int = 0  # nonzero values that it has made zero
    worst: tuple[str, ...] | None = None  # the leaf that it has cost the most values
    metadata_left_out: tuple[str, ...] = ()  # keys of the target's metadata, for which a delta has no place

    def __repr__(self) -> str:
        names = ("same", "changed", "added", "removed")
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in names)
        sizes = f"{size_text(self.delta_bytes)} for a target of {size_text(self.target_bytes)}"
        return f"<DiffReport: {sizes}; {counts}>"


def diff(
    base: Any,
    target: Any,
    output: Path_,
    *,
    float_dtype: str | None = None,
    names: str = SPLIT,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Shown = False,
) -> DiffReport:
    """Write the delta that turns `base` into `target`: `[PREFIX::]PATH` of any container, or a tree of arrays.

    `float_dtype` casts the float leaves of the target first; the delta is exact for what that gives. `jobs` threads
    compress. Holds a few blocks of 4 MiB for each, whatever the sizes. The output appears whole or not at all.
    `backend` is "numpy" or "jax", or None for jax where there is an accelerator. With jax, large blocks of all dtypes
    are subtracted, and casts run, on all of jax's local devices, to the same bytes; trying the methods, hashing and
    compressing happen on the host. `names` is that of `open`. `progress` is True for a bar on a terminal, or a callable
    (see `reference.storage.progress.shown`). Raises FormatError, OSError, UsageError.
    """
    zstd()  # missing libraries are told before the work
    dtype = dtype_called(float_dtype)
    tally = Tally()
    prefix, name = split_prefix(output)
    if prefix is not None:
        raise UsageError(f"an exact delta is a file format of its own; name the output without {prefix}::")
    refuse_other_ending(name, "a delta", "name it otherwise, such as my.delta (--method=subtract writes this kind)")
    place = place_of(name)
    refuse_operands(place, {"the base": base, "the target": target})
    with open_side(base, names=names) as b, open_side(target, names=names) as t:
        check_paths([item.path for item in t.items])
        place.check_output()
        cast = cast_on(backend, ((dtype, item.leaf.dtype) for item in t.items))
        items = [cast(item, dtype, tally.add) for item in t.items]
        words = words_on(backend, ((item.leaf.dtype, item.leaf.nbytes) for item in items))
        total = sum(content_size(item.leaf) for item in (*items, *b.items))
        most = sum(item.leaf.nbytes for item in items)  # a delta is hardly ever larger than what it makes
        with shown(progress)("diff", total) as moved, workers(jobs) as pool, place.replace(size=most) as sink:
            b.expect()
            t.expect()
            delta = _Delta(b.items, words, pool, moved)
            write_steps(sink, delta.steps(items))
            b.refuse_changes()
            t.refuse_changes()
    manifest = delta.manifest
    entries = manifest.leaves
    return DiffReport(
        [entry.path for entry in entries if entry.base == entry.digest],
        [entry.path for entry in entries if entry.base not in (entry.digest, None)],
        [entry.path for entry in entries if entry.base is None],
        [path for path, _ in manifest.removed],
        sum(item.leaf.nbytes for item in items),
        delta.nbytes,
        tally.infinite,
        tally.zero,
        tally.worst,
        t.left_out,
    )


class _Delta:
    """The delta of a base, made as it is written; `manifest` is there when all `steps` have been taken."""

    manifest: Manifest

    def __init__(self, base: list[Item], words: Words, pool: Pool, moved: Progress) -> None:
        self._words, self._pool, self._moved = words, pool, moved
        self._left = {item.path: item for item in base}
        self._digests: list[bytes] = []  # of the base
        self._entries: list[Entry] = []
        self.nbytes = 0  # of the steps that have been taken

    def steps(self, items: list[Item]) -> Iterator[Step]:
        """The steps that write the delta: the mark, the blocks of each leaf, the manifest (DELTA-1, DELTA-2)."""
        for step in self._steps(items):
            self.nbytes += step.size()
            yield step

    def _steps(self, items: list[Item]) -> Iterator[Step]:
        yield Step([(MARK, 0)])
        for item in items:
            yield from self._blocks(item)
        # Leaves that the base alone has are read for their digests.
        removed = [(path, self._base_digest(item)) for path, item in self._left.items()]
        target = tree_digest(entry.digest for entry in self._entries)
        self.manifest = Manifest(tree_digest(self._digests), target, self._entries, removed)
        yield _record(MANIFEST, encode_manifest(self.manifest).encode(), "str")

    def _blocks(self, item: Item) -> Iterator[Step]:
        """The blocks of a leaf, unless the base has the same; it is noted for the manifest."""
        other, leaf = self._left.pop(item.path, None), item.leaf
        like_base = other is not None and leaf.dtype is not None and form(other.leaf) == form(leaf)
        digest, base_digest = LeafDigest(item.path, leaf), None
        if other is not None and not like_base:
            base_digest = self._base_digest(other)
            if leaf.dtype is None and digest_of(item) == base_digest:
                self._note(item, base_digest, base_digest, False, 0)
                return
        known = digest.copy()
        base_blocks = content_blocks(other) if other is not None and like_base else None

        def pairs() -> Iterator[Callable[[], bytes]]:
            for block in content_blocks(item):
                digest.update(block.data)
                before = next(base_blocks) if base_blocks is not None else None
                if before is not None:
                    known.update(before.data)
                self._moved(len(block) * (2 if like_base else 1))
                yield lambda block=block, before=before: encode_block(block, before, leaf.dtype, self._words)

        held: list[bytes] = []  # blocks that equal the base's, until one does not: a leaf of such alone has none
        written = 0
        for encoded in in_order(self._pool, pairs(), blocks_of(content_size(leaf))):
            held.append(encoded)
            if written or encoded[0] != EQUAL:
                for block in held:
                    yield _record(block_path(len(self._entries), written), block)
                    written += 1
                held.clear()
        if like_base:
            base_digest = known.digest()
            self._digests.append(base_digest)
        self._note(item, digest.digest(), base_digest, like_base, written)

    def _note(self, item: Item, digest: bytes, base: bytes | None, like_base: bool, blocks: int) -> None:
        leaf = item.leaf
        size = content_size(leaf)
        entry = Entry(item.path, leaf.kind, leaf.dtype, leaf.shape, size, digest, base, like_base, blocks)
        self._entries.append(entry)

    def _base_digest(self, item: Item) -> bytes:
        digest = digest_of(item)
        self._digests.append(digest)
        self._moved(item.leaf.nbytes)
        return digest


def _record(path: tuple[str, ...], data: bytes, kind: str = "bin") -> Step:
    return record_step(Item(path, Leaf(kind, nbytes=len(data)), lambda: MemoryPayload(data)))
