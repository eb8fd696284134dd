"""Checkpoints as users meet them: save, load, scan, iterate, and a lazy mapping from key path to leaf."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from ..containers.container import Contents
from ..containers.load_prefixes import PREFIXES, advise_subtree, dropped
from ..containers.load_prefixes import select as select_by_prefix
from ..containers.placeholders import refuse_placeholders
from ..containers.safetensors_file import SPLIT
from ..containers.seals_beside import read_with_seal_beside
from ..containers.shards import open_files
from ..containers.stream import STREAM
from ..devices.targets import TargetMismatch
from ..format.collector import no_collection
from ..format.errors import FormatError, UsageError
from ..format.leaves import is_viewed, view_value
from ..format.records import Record, copies, value_of
from ..format.trees import unflatten
from ..storage.local_files import Path_
from ..storage.place import OpenedFile
from ..storage.reading_ahead import expect, far_away
from ..storage.threads import LARGE
from .choosing import below_prefix, unfit
from .key_arguments import KeyPathLike, locate, parts_of
from .key_implementations import implementations
from .nearest import NoSuchLeaf
from .patterns import Chooser, select
from .reading_together import block_of, is_large, read_together
from .showing import Shown


class Checkpoint(Shown, Mapping[tuple[str, ...], Any]):
    """An opened checkpoint: a read-only mapping from key path to leaf that reads a leaf when it is asked for.

    Keys are tuples of strings. A display form such as "params/layers/0/kernel" works too, and so does an int as a
    part, since list items are stored under their index (TREE-2). Arrays come back as new numpy arrays, or with `mmap`
    as read-only views of a memory map. Close it, or use it in a `with` block.
    """

    def __init__(
        self, file: OpenedFile, kind: str, contents: Contents, mmap: bool = False, records: list[Record] | None = None
    ) -> None:
        self.kind = kind
        self._records = contents.records if records is None else records
        self.unheld = contents.unheld
        self._clash = contents.clash
        self.source = contents.checked or file
        self.memory = self.source.map() if mmap else None
        self.contents = contents
        self._closed = False

    @property
    def records(self) -> list[Record]:
        """The record of each leaf: what it is, and where it is in the file.

        Raises FormatError if a tensor among them has an unsupported dtype, or if names do not form one tree (CONV-7,
        CONV-8).
        """
        self._refuse_unfit()  # `select` leaves such leaves out, `listed` has all others, and `unheld` has these
        return self._records

    @property
    def listed(self) -> list[Record]:
        """The records of all leaves that can be read, where not all can, or their names clash."""
        return self._records

    def refusal(self) -> FormatError | None:
        """What `records` would raise."""
        if not self.unheld and not self._clash:
            return None
        error = unfit(self._records, self.unheld)
        if error is None:
            self._clash = None
        else:
            error.file = self.source.name
        return error

    def _refuse_unfit(self) -> None:
        if (error := self.refusal()) is not None:
            raise error

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the file: that of a sealed stream (spec 2.0, META-1), or of safetensors.

        The `__metadata__` of safetensors is a dict of strings.
        """
        return dict(self.contents.metadata)

    @property
    def prng_keys(self) -> dict[tuple[str, ...], str]:
        """The implementations of typed PRNG keys by the key paths of their data, where the metadata names them."""
        below, found = self.contents.below, self.contents.metadata
        return implementations(found, [((*below, *record.path), record.path) for record in self._records])

    @property
    def requests(self) -> int:
        """How many requests have been made to a server for this file; 0 for a local file."""
        return getattr(self.source, "requests", 0)

    @property
    def version(self) -> str:
        """The version of the specification that a stream follows: "2.0" if it has a seal, else "1.0"."""
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
        return {record.path: record for record in self._records}

    def record(self, path: KeyPathLike) -> Record:
        """The record of a leaf. Raises KeyError, which names the nearest key paths, and FormatError for a tensor of an
        unsupported dtype."""
        try:
            return self._index[parts_of(path)]
        except (KeyError, ValueError, TypeError):  # a wrong escape, or no key path at all
            for each in self.unheld:
                if parts_of(path) == each.path:
                    raise each.error from None
            raise NoSuchLeaf(path, self._index) from None

    def __getitem__(self, path: KeyPathLike) -> Any:
        return self._value(self.record(path))

    def _value(self, record: Record) -> Any:
        self._refuse_closed()
        # SUM-3: "one that gives a view of a memory map compares nothing"; what is copied all the same is compared
        if self.memory is not None and (self.contents.checked is None or is_viewed(record.leaf)):
            return value_of(self.memory, record, read=view_value)
        return value_of(self.source, record)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter([record.path for record in self.records])

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, path: object) -> bool:
        try:
            self.record(path)  # pyright: ignore[reportArgumentType]
        except (KeyError, FormatError):
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
            if is_large(first):
                yield first.path, self._value(first)
            else:
                stop, end = block_of(records, at, bridges=self.contents.checked is None)
                # Of a sealed stream whole records are read, which are compared as they come.
                base = first.leaf_offset if self.contents.checked is None else first.offset
                data = self.source.read_at(base, end - base)
                with no_collection():
                    block = deque(copies(data, base, records[at:stop]))
                while block:  # a leaf that was let go is gone
                    self._refuse_closed()
                    yield block.popleft()
            at = stop

    def leave_out(self, is_chosen: Chooser | None) -> None:
        """`select` where nothing need be left, and None chooses all."""
        if is_chosen is None:
            return
        self.unheld = tuple(each for each in self.unheld if is_chosen(each.path))
        self._records = [record for record in self._records if is_chosen(record.path)]
        self.__dict__.pop("_index", None)
        if self._records or self.unheld:
            self._refuse_unfit()

    def select(self, is_chosen: Chooser) -> None:
        """Leave out the leaves that are not chosen. Raises UsageError if none is left, and what `records` raises."""
        self.unheld = tuple(each for each in self.unheld if is_chosen(each.path))
        if self.unheld:
            self._refuse_unfit()
        self._records = select(self._records, is_chosen)
        self.__dict__.pop("_index", None)
        self._refuse_unfit()

    def tree(self) -> dict[str, Any]:
        """The whole nested dict."""
        with self.named_in_errors():
            return self._tree()

    def _tree(self) -> dict[str, Any]:
        if self.memory is not None:
            return unflatten(self.leaves())
        self._refuse_closed()
        records = self.records
        if not any(are_large := list(map(is_large, records))):
            return unflatten(self._leaves(records))
        large = list(itertools.compress(records, are_large))
        small = self._leaves([record for record, alone in zip(records, are_large, strict=True) if not alone])
        values = iter(read_together(self.source, large))
        both = (next(values) if alone else next(small)[1] for alone in are_large)
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
        """Close the file. What has been read stays usable; reading more raises ValueError."""
        self._closed = True
        self.source.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(
    path: Path_,
    prefix: KeyPathLike | None = None,
    *,
    mmap: bool = False,
    any_kind: bool = True,
    dialect: str | None = None,
    names: str = SPLIT,
    check: bool = True,
) -> Checkpoint:
    """Open a checkpoint: every header is read and checked, no payload.

    `path` may begin with a load prefix (`params::`, `flax::`, ...; spec CONV-5), and has then to be of that kind.
    Without one its kind is recognised from its first bytes (CONV-6), or has to be a stream where `any_kind` is False.
    A folder of safetensors or flax shards, or its index (`model.safetensors.index.json`), is one checkpoint.
    `names="whole"` keeps each safetensors name as a key path of one part; by default it is split at each dot. `prefix`
    chooses the subtree under a key path, given as a tuple or in display form, and drops that path.
    `dialect="split-leaves"` joins leaves that were cut into pieces with the paths `.../chunk_0`, `.../chunk_1`, ...
    A sealed stream is opened by reading only its index. So is a plain stream with its seal beside it, in a file of the
    same name plus `.seal`. What is read from either is checked against its checksums, unless `check` is False.
    With `mmap` the file must not become shorter while the map or a view of it is in use: the system would then end the
    process (SIGBUS). Without `mmap` that is a FormatError.
    Keys of a flax file that are ints become texts, and a warning says so; `dialect="int-keys"` asks for that, and
    `dialect="strict"` refuses them.
    Raises FormatError, OSError, and UsageError (a ValueError) for a prefix that does not exist.
    """
    load_prefix, name, prefix = locate(path, prefix)
    try:
        below = parts_of(prefix) if prefix else ()
    except TypeError as error:
        raise UsageError(str(error)) from None
    wanted = PREFIXES[load_prefix] if load_prefix else None if any_kind else STREAM
    file = open_files(name, wanted)
    try:
        if mmap and far_away(file) is not None:
            file.map()  # which says that there is none, before anything is read
        kind, contents = read_with_seal_beside(file, name, wanted, dialect, check, names)
        if contents.seal is None:  # what has one was opened before it was sealed; its texts are not read for this
            refuse_placeholders(file, contents.records, file.name)
        records, unheld = below_prefix(select_by_prefix(contents.records, load_prefix), contents.unheld, below)
        file.refuse_changes()
        if contents.departure is not None:
            contents.departure.tell(file.name)
        contents = contents._replace(unheld=unheld, below=(*dropped(load_prefix), *below))
        return Checkpoint(file, kind, contents, mmap, records)
    except BaseException as error:
        file.close()
        if isinstance(error, FormatError):
            error.file = error.file or file.name
            advise_subtree(error, load_prefix)
        raise
