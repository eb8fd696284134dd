"""Spec chapter 10: a checkpoint recovered from a delta and its base."""

from __future__ import annotations

import codecs
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..checkpoints.outputs import Output
from ..computing.backends import cast_on, words_on
from ..containers.load_prefixes import PREFIXES, split_prefix
from ..containers.registry import read_delta_file
from ..containers.safetensors_file import SPLIT
from ..containers.stream import STREAM, sealed_as
from ..format.blocks import BLOCK, Words, decode_block, zstd
from ..format.casts import Tally
from ..format.casts import float_dtype as dtype_called
from ..format.digests import LeafDigest, content_head, payload_size, tree_digest
from ..format.errors import FormatError, UsageError, counted
from ..format.keypaths import KeyPath, display
from ..format.leaves import Leaf, read_leaf, size_text, stored
from ..format.manifests import Manifest, block_path
from ..format.payloads import PiecesPayload
from ..format.records import Item, Record, extents_of, item_in, item_of_closed, with_path
from ..format.trees import depth_first
from ..format.wire import BytesSource, Cursor, Source
from ..storage.local_files import Path_
from ..storage.places import place_of
from ..storage.progress import Show, Shown, shown
from ..storage.reading_ahead import expect
from ..storage.threads import Pool, Work, in_order, workers
from .bases import cast_of, open_base
from .leaf_contents import content_blocks, content_size, digests_of, form
from .operands import Side, framework, refuse_operands


class RecoverReport(NamedTuple):
    """What a recovery from an exact delta wrote."""

    items: list[Item]
    nbytes: int  # of the output
    overflowed: int  # finite values that a cast has made infinite
    became_zero: int = 0  # nonzero values that it has made zero
    worst: tuple[str, ...] | None = None  # the leaf that it has cost the most values

    def __repr__(self) -> str:
        return f"<RecoverReport: wrote {counted(len(self.items), 'leaf')}, {size_text(self.nbytes)}>"


def recover(
    base: Any,
    delta: Path_,
    output: Path_,
    *,
    streaming: bool | None = None,
    float_dtype: str | None = None,
    names: str = SPLIT,
    max_shard_size: int | str | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Shown = False,
    format: str | None = None,
) -> RecoverReport:
    """Recover the target of a delta, as a stream or flax file, or as a prefix of `output` says.

    An output that ends in `/` is a folder of shards, of at most `max_shard_size` bytes of tensors (see `convert`).

    `base` is `[PREFIX::]PATH` of any container, or a tree of arrays. It is read and compared with the delta before
    anything is written (DELTA-11), and every leaf of the target before the output appears (DELTA-12). `delta`
    may have a prefix of streams, such as `params::`, which has no effect. `float_dtype` casts the float leaves of what
    has been checked. `backend` is "numpy" or "jax", by default jax where there is an accelerator: with it the large
    blocks of all dtypes are added, and casts run, on all of jax's local devices, to the same bytes.
    `progress` is True for a bar on a terminal, or a callable (see `reference.storage.progress.shown`). `format` is the
    version of the stream that is written, "1.0" (the default) or "2.0", and `names` is that of `convert`. Raises
    FormatError, OSError, UsageError.
    """
    zstd()
    dtype, show = dtype_called(float_dtype), shown(progress)
    tally = Tally()
    difference = delta_name(delta)
    to = Output(output, streaming, max_shard_size)
    seal = sealed_as(to.kind, format)
    refuse_operands(to, {"the base": base, "the delta": difference})
    with contextlib.closing(place_of(difference).open()) as file, contextlib.ExitStack() as stack:
        b = open_base(base, names, file, stack)
        try:
            manifest, blocks, tail = read_delta_file(file)
            words = words_on(backend, ((entry.dtype, entry.nbytes) for entry in manifest.leaves if entry.blocks))
            cast = cast_on(backend, ((dtype, entry.dtype) for entry in manifest.leaves))
            to.check()
            with workers(jobs) as pool, workers(1) as hasher:
                check_base(b, manifest, pool, show)
                recovery = Recovery(b.items, manifest, blocks, tail, words, pool, hasher)
                items = [cast(recovery.item(i), dtype, tally.add) for i in range(len(manifest.leaves))]
                items = depth_first(items)  # TREE-5, whatever the order of the manifest
                plan = to.plan(items, seal, framework(b, to.kind), names)
                total = plan.nbytes()
                b.expect()
                expect(file, ((tail.start + at, n) for at, n in extents_of(blocks.values())))
                with show("recover", total) as moved:
                    to.write(plan, moved)
        except FormatError as error:
            error.file = error.file or file.name
            raise
    items = [item_of_closed(item, difference) for item in items]
    return RecoverReport(items, total, tally.infinite, tally.zero, tally.worst)


def delta_name(delta: Path_) -> str:
    """The path of a delta, which may have a prefix of streams. Raises UsageError."""
    prefix, name = split_prefix(delta)  # the commands of old name every difference with params::
    if PREFIXES.get(prefix or "", STREAM) != STREAM:
        raise UsageError(f"{name} has to be a delta, and {prefix}:: asks for another kind of file")
    return name


# DELTA-11: "A program that recovers the target MUST refuse a base whose tree digest is not that of the manifest before
#            it writes anything."
def check_base(base: Side, manifest: Manifest, pool: Pool, show: Show) -> None:
    """Compare a base with the digests of a delta. Raises DELTA-11, naming the first leaves that differ."""
    expected = {entry.path: entry.base for entry in manifest.leaves if entry.base is not None} | dict(manifest.removed)
    base.expect()
    with show("check the base", sum(item.leaf.nbytes for item in base.items)) as moved:
        digests = digests_of(base.items, base.digests, pool, moved)
    differ = [path for path in {**expected, **digests} if expected.get(path) != digests.get(path)]
    found = tree_digest(digests.values())
    if found == manifest.base:
        if differ:
            detail = "the manifest's digests of the base's leaves are not those of its digest of the base"
            raise FormatError("DELTA-3", None, KeyPath(differ[0]), detail)
        _check_entries(base, manifest)
        return
    shown = ", ".join(map(display, differ[:5])) + (f" and {len(differ) - 5} more" if len(differ) > 5 else "")
    leaves = f"{counted(len(differ), 'leaf')} {'differs' if len(differ) == 1 else 'differ'}"
    detail = f"{base.name} is not the base of this delta: {leaves}: {shown}"
    if found == manifest.target:
        detail = f"{base.name} is the target of this delta, not its base"
    elif (cast := cast_of(base, manifest, differ)) is not None:
        detail += f"; all of them are {cast[0]} here, and the base had {cast[1]}: a cast made another base of it"
    raise FormatError("DELTA-11", None, None, detail, f"the base has the tree digest {manifest.base.hex()}")


def _check_entries(base: Side, manifest: Manifest) -> None:
    """Compare what the manifest says of the base's leaves with the base (DELTA-3), before any of it is believed."""
    leaves = {item.path: item.leaf for item in base.items}
    for entry in manifest.leaves:
        leaf = leaves.get(entry.path)
        alike = leaf is not None and leaf.dtype is not None and form(leaf) == (entry.kind, entry.dtype, entry.shape)
        same = entry.base == entry.digest
        if entry.like_base != alike or (leaf is None) != (entry.base is None):
            detail = "what the manifest says about this leaf of the base is wrong"
            raise FormatError("DELTA-3", None, KeyPath(entry.path), detail)
        if same and leaf is not None and (leaf.kind != entry.kind or content_size(leaf) != entry.nbytes):
            detail = f"this leaf of the base has {content_size(leaf)} bytes, and the manifest says {entry.nbytes}"
            raise FormatError("DELTA-3", None, KeyPath(entry.path), detail)


class Recovery:
    """The leaves of the target, made of those of the base and the blocks of the delta."""

    def __init__(
        self,
        base: list[Item],
        manifest: Manifest,
        blocks: dict[tuple[str, ...], Record],
        delta: Source,
        words: Words,
        pool: Pool,
        hasher: Pool,
        wanted: Sequence[int] | None = None,
    ) -> None:
        """`wanted` are the numbers of the leaves that will be asked for, in their order; None is all."""
        self._hasher = hasher
        self._base = {item.path: item for item in base}
        self._manifest, self._blocks, self._delta = manifest, blocks, delta
        self._words, self._pool = words, pool
        every = range(len(manifest.leaves)) if wanted is None else wanted
        self._left = deque(i for i in every if self._is_read_when_written(i))
        tasks = itertools.chain.from_iterable(map(self._decoders, list(self._left)))
        self._decoded = in_order(pool, tasks, sum(manifest.leaves[i].blocks for i in self._left))

    def _is_read_when_written(self, i: int) -> bool:
        entry = self._manifest.leaves[i]
        return entry.blocks > 0 and (entry.dtype is not None or entry.kind in ("str", "bin"))

    def item(self, i: int) -> Item:
        """The i-th leaf of the target, its content made as it is asked for."""
        entry = self._manifest.leaves[i]
        if entry.kind in ("str", "bin"):
            return self._text(i)
        leaf = Leaf(entry.kind, entry.dtype, entry.shape, entry.nbytes)
        if entry.dtype is None:
            content = b"".join(block.tobytes() for block in self._content(i, leaf))
            return _small_item(entry.path, entry.kind, content)
        if not entry.nbytes:
            list(self._content(i, leaf))
        return Item(entry.path, leaf, lambda: PiecesPayload(self._content(i, leaf)))

    def _text(self, i: int) -> Item:
        """A str or bin, which may be long: its bytes are made as they are asked for, like those of an array."""
        entry = self._manifest.leaves[i]
        size = payload_size(entry.kind, entry.nbytes)
        if size is None:
            detail = f"no {entry.kind} has an encoding of {entry.nbytes} bytes"
            raise FormatError("DELTA-3", None, KeyPath(entry.path), detail)
        leaf = Leaf(entry.kind, nbytes=size)

        def payload() -> Iterator[np.ndarray]:
            head = content_head(leaf)
            left = size
            decoder = codecs.getincrementaldecoder("utf-8" if entry.kind == "str" else "latin-1")()
            try:
                for block in self._content(i, leaf):
                    if block[: len(head)].tobytes() != head:
                        raise _not_canonical(entry.path, entry.kind)
                    part = block[len(head) :]
                    left -= len(part)
                    decoder.decode(part.data, final=not left)  # nobody comes back when the last bytes have been given
                    yield part
                    head = b""
            except UnicodeDecodeError:
                raise _not_canonical(entry.path, entry.kind) from None

        if not size:
            list(payload())
        return Item(entry.path, leaf, lambda: PiecesPayload(payload()))

    def _content(self, i: int, leaf: Leaf) -> Iterator[np.ndarray]:
        """The content of a leaf in blocks, the last of them given once the digest has been found right."""
        entry = self._manifest.leaves[i]
        digest = LeafDigest(entry.path, leaf)
        last: np.ndarray | None = None
        hashing: Work[None] | None = None
        for block in self._made(i):
            if hashing is not None:
                hashing.result()
            hashing = self._hasher.submit(digest.update, block.data)
            if last is not None:
                yield last
            last = block
        if hashing is not None:
            hashing.result()
        # DELTA-12: "A program that recovers the target MUST check the digest of every leaf, and MUST NOT leave a
        #            file in place where one differs."
        if digest.digest() != entry.digest:
            detail = "the recovered leaf does not match its digest"
            raise FormatError("DELTA-12", None, KeyPath(entry.path), detail, "the delta is damaged; get it again")
        if last is not None:
            yield last

    def _made(self, i: int) -> Iterator[np.ndarray]:
        entry = self._manifest.leaves[i]
        if entry.base == entry.digest:
            return content_blocks(self._base[entry.path])
        if not self._left or self._left[0] != i:
            return in_order(self._pool, self._decoders(i), entry.blocks)
        # Leaves are mostly taken in their order: then the next is begun while the last blocks of this are decoded.
        self._left.popleft()
        return itertools.islice(self._decoded, entry.blocks)

    def _decoders(self, i: int) -> Iterator[Callable[[], np.ndarray]]:
        entry = self._manifest.leaves[i]
        before = content_blocks(self._base[entry.path]) if entry.like_base else iter(())
        left = entry.nbytes
        for k in range(entry.blocks):
            record = self._blocks[block_path(i, k)]
            base = next(before) if entry.like_base else None
            n = min(left, BLOCK)
            left -= n

            def decode(record: Record = record, n: int = n, base: np.ndarray | None = base) -> np.ndarray:
                try:
                    data = stored(self._delta, record.leaf_offset, record.leaf).read()
                    return decode_block(data, n, base, entry.dtype, self._words)
                except FormatError as error:
                    raise with_path(entry.path, error) from None

            yield decode


def _not_canonical(path: tuple[str, ...], kind: str) -> FormatError:
    return FormatError("DELTA-6", None, KeyPath(path), f"the content of this leaf is not one canonical {kind}")


def _small_item(path: tuple[str, ...], kind: str, content: bytes) -> Item:
    """A leaf that is not an array, from its encoding."""
    cursor = Cursor(BytesSource(content), cut="DELTA-6")
    try:
        leaf = read_leaf(cursor)
    except FormatError as error:
        raise with_path(path, error) from None
    head = b"" if leaf.dtype is not None else content_head(leaf)
    if leaf.kind != kind or cursor.tell() != len(content) or not head or not content.startswith(head):
        raise _not_canonical(path, kind)
    return item_in(BytesSource(content), Record(path, leaf, 0, 0, len(content)))
