"""Checkpoints as users meet them: save, load, scan, iterate, and a lazy mapping from key path to leaf."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from ..containers.container import Contents
from ..containers.load_prefixes import PREFIXES, split_prefix, subtree
from ..containers.load_prefixes import select as select_by_prefix
from ..containers.seals_beside import read_with_seal_beside
from ..containers.stream import STREAM
from ..devices.targets import TargetMismatch
from ..format.collector import no_collection
from ..format.errors import FormatError, UsageError
from ..format.keypaths import parse
from ..format.later_leaves import as_read
from ..format.leaves import is_viewed, view_value
from ..format.records import Record, copies, value_of
from ..format.trees import unflatten
from ..storage.local_files import Path_
from ..storage.place import OpenedFile
from ..storage.places import place_of
from ..storage.reading_ahead import expect, far_away
from ..storage.threads import LARGE
from .patterns import Chooser, select
from .reading_together import read_together

KeyPathLike = str | tuple[str | int, ...]
_READ_TOGETHER: Final = 1 << 16  # leaves up to this size are read together
_READ_AT_ONCE: Final = 1 << 19


def parts_of(path: Any) -> tuple[str, ...]:
    """The key path of a tuple, in which whole numbers stand for their texts, or of a display form (KEY-6).

    Raises ValueError for a wrong escape, TypeError for what cannot be a key path.
    """
    if isinstance(path, str):
        return parse(path)
    if not isinstance(path, tuple | list):
        raise TypeError(f"a key path is a tuple of texts, or its display form, not {type(path).__name__}")
    return tuple(map(_part, path))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bool) or not isinstance(part, int | np.integer):
        raise TypeError(f"the parts of a key path are texts, or whole numbers, and {part!r} is neither")
    return str(part)


class Checkpoint(Mapping[tuple[str, ...], Any]):
    """An opened checkpoint: a read-only mapping from key path to leaf that reads a leaf when it is asked for.

    Keys are tuples of texts; a display form such as "params/layers/0/kernel" is taken too, and a whole number for a
    part, since the items of a list are stored under theirs (TREE-2). Arrays come back as new numpy arrays, or with
    `mmap` as read-only views of a memory map. Close it, or use it in a `with` block.
    """

    def __init__(self, file: OpenedFile, kind: str, contents: Contents, mmap: bool = False) -> None:
        self.kind = kind
        self.records = contents.records
        self.source = contents.checked or file
        self.memory = self.source.map() if mmap else None
        self.contents = contents
        self._closed = False

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file holds beside its leaves: of a sealed stream its metadata (spec 2.0, META-1)."""
        return dict(self.contents.metadata)

    @property
    def requests(self) -> int:
        """How many requests have been made to a server for this file; 0 for one of this machine."""
        return getattr(self.source, "requests", 0)

    @property
    def version(self) -> str:
        """The version of the specification in which a stream is written, "1.0" or "2.0"; 1.0 where it has no seal."""
        return self.contents.version or "1.0"

    def leaf_digests(self) -> dict[tuple[str, ...], bytes]:
        """The digests (DELTA-4) that a seal states, by key path; of a subtree there are none, as they hold the path."""
        seal = self.contents.seal
        if seal is None or seal.index.digests is None:
            return {}
        known = {(path, at): digest for path, at, digest in zip(*seal.index.leaf_digests(), strict=True)}
        return {record.path: digest for record in self.records if (digest := known.get((record.path, record.offset)))}

    @functools.cached_property
    def _index(self) -> dict[tuple[str, ...], Record]:
        return {record.path: record for record in self.records}

    def record(self, path: KeyPathLike) -> Record:
        """Where a leaf stands and what it is. Raises KeyError."""
        try:
            return self._index[parts_of(path)]
        except (KeyError, ValueError, TypeError):  # a wrong escape, or no key path at all
            raise KeyError(path) from None

    def __getitem__(self, path: KeyPathLike) -> Any:
        return self._value(self.record(path))

    def _value(self, record: Record) -> Any:
        self._refuse_closed()
        # SUM-3: "one that gives a view of a memory map compares nothing"; what is copied all the same is compared
        if self.memory is not None and (self.contents.checked is None or is_viewed(record.leaf)):
            return value_of(self.memory, record, read=view_value)
        return value_of(self.source, record)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, path: object) -> bool:
        try:
            self.record(path)  # pyright: ignore[reportArgumentType]
        except KeyError:
            return False
        return True

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Key paths and leaves in the order of the file, one leaf (or one block of small ones) in memory at a time."""
        if self.memory is not None:
            for record in self.records:
                yield record.path, self._value(record)
            return
        yield from self._leaves(self.records)

    def _leaves(self, records: list[Record]) -> Iterator[tuple[tuple[str, ...], Any]]:
        # What is larger is fetched by several requests at once when its turn comes.
        ahead = (record for record in records if record.nbytes < LARGE)
        expect(self.source, ((record.leaf_offset, record.end - record.leaf_offset) for record in ahead))
        at = 0
        while at < len(records):
            first, stop = records[at], at + 1
            if _is_large(first):
                yield first.path, self._value(first)
            else:
                stop, end = _block(records, at, bridges=self.contents.checked is None)
                # Of a sealed stream whole records are read, which are compared as they come.
                base = first.leaf_offset if self.contents.checked is None else first.offset
                data = self.source.read_at(base, end - base)
                with no_collection():
                    block = deque(copies(data, base, records[at:stop]))
                while block:  # a leaf that was let go is gone
                    self._refuse_closed()
                    yield block.popleft()
            at = stop

    def select(self, is_chosen: Chooser) -> None:
        """Leave out the leaves that are not chosen. Raises UsageError where none is left."""
        self.records = select(self.records, is_chosen)
        self.__dict__.pop("_index", None)

    def tree(self) -> dict[str, Any]:
        """The whole nested dict."""
        with self.named_in_errors():
            return self._tree()

    def _tree(self) -> dict[str, Any]:
        if self.memory is not None:
            return unflatten(self.leaves())
        self._refuse_closed()
        if not any(are_large := list(map(_is_large, self.records))):
            return unflatten(self._leaves(self.records))
        large = list(itertools.compress(self.records, are_large))
        small = self._leaves([record for record, is_large in zip(self.records, are_large, strict=True) if not is_large])
        values = iter(read_together(self.source, large))
        both = (next(values) if is_large else next(small)[1] for is_large in are_large)
        return unflatten(zip((record.path for record in self.records), both, strict=True))

    @contextlib.contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """A block whose refusals name the file, where they do not yet."""
        try:
            yield
        except (FormatError, TargetMismatch) as error:
            error.file = error.file or self.source.name
            raise

    def _refuse_closed(self) -> None:
        if self._closed:
            raise ValueError(f"{self.source.name} is closed; open it again to read from it")

    def close(self) -> None:
        """Let go of the file. What has been read stays; every way to read more then raises ValueError."""
        self._closed = True
        self.source.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_large(record: Record) -> bool:
    return record.end - record.leaf_offset > _READ_TOGETHER


def _block(records: list[Record], first: int, bridges: bool) -> tuple[int, int]:
    """The run of small neighbouring leaves that starts with record `first`: the record after it, and its end.

    With `bridges` what stands between two of them is read, too. Of a sealed stream it would be compared.
    """
    start, end = records[first].leaf_offset, records[first].end
    i = first
    for i, (_, _, offset, _, stop) in enumerate(itertools.islice(records, first + 1, None), first + 1):
        if offset < end or stop - end > _READ_TOGETHER or stop - start > _READ_AT_ONCE:
            return i, end
        if offset > end and not bridges:
            return i, end
        end = stop
    return i + 1, end


def open(
    path: Path_,
    prefix: KeyPathLike | None = None,
    *,
    mmap: bool = False,
    any_kind: bool = False,
    dialect: str | None = None,
    check: bool = True,
) -> Checkpoint:
    """Open a checkpoint: every header is read and checked, no payload.

    `path` may begin with a load prefix (`params::`, `flax::`, ...; spec CONV-5). Without one the file has to
    be a stream, or with `any_kind` any container. `prefix` chooses the subtree under a key path, given as a
    tuple or in display form, and takes that path off; "trainstate_params::" and the like are taken as well.
    `dialect="split-leaves"` joins leaves that are cut into pieces with the paths `.../chunk_0`, `.../chunk_1`, ...
    A sealed stream is opened by its index alone, and so is a plain one beside which its seal stands, in a file of its
    name with `.seal` behind it. What is read from it is compared with its checksums, unless `check` is False.
    With `mmap` the file must not become shorter while the map or a view of it is in use: the system then ends the
    process (SIGBUS). Without it that is a FormatError.
    Raises FormatError, OSError, and UsageError (a ValueError) for a prefix that does not exist.
    """
    load_prefix, name, prefix = locate(path, prefix)
    try:
        below = parts_of(prefix) if prefix else ()
    except TypeError as error:
        raise UsageError(str(error)) from None
    wanted = PREFIXES[load_prefix] if load_prefix else None if any_kind else STREAM
    file = place_of(name).open()
    try:
        if mmap and far_away(file) is not None:
            file.map()  # which says that there is none, before anything is read
        kind, contents = read_with_seal_beside(file, name, wanted, dialect, check)
        records = select_by_prefix(contents.records, load_prefix)
        if below:
            records = subtree(records, below)
        file.refuse_changes()
        return Checkpoint(file, kind, contents._replace(records=records), mmap)
    except BaseException as error:
        file.close()
        if isinstance(error, FormatError):
            error.file = error.file or file.name
        raise


def locate(path: Path_, prefix: KeyPathLike | None) -> tuple[str | None, str, KeyPathLike | None]:
    """The load prefix, the file and the key path that `open` is asked for. Raises UsageError."""
    if isinstance(prefix, str) and prefix.endswith("::"):
        path, prefix = f"{prefix}{os.fspath(path)}", None
    load_prefix, name = split_prefix(path)
    return load_prefix, name, prefix


def scan(path: Path_) -> list[Record]:
    """The records of a checkpoint: key path, kind, dtype, shape, bytes and offsets. Payloads are not read."""
    with open(path) as checkpoint:
        return [record._replace(leaf=as_read(record.leaf)) for record in checkpoint.records]


def records(path: Path_, prefix: KeyPathLike | None = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over key paths and leaves, one leaf in memory at a time.

    The headers of the whole file are checked before the first leaf is given. Raises FormatError, and OSError, also in
    place of the last leaf: where the file was written to in the meantime.
    """
    with open(path, prefix) as checkpoint:
        leaves = checkpoint.leaves()
        for _ in range(len(checkpoint) - 1):
            yield next(leaves)  # and nothing here holds it when the next one is read
        last = next(leaves)
        checkpoint.source.refuse_changes()  # now: who counts the leaves does not come back for more after the last
        yield last
