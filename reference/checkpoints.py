"""Checkpoints as users meet them: save, load, scan, iterate, and a lazy mapping from key path to leaf."""

from __future__ import annotations

import functools
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from .containers import PREFIXES, read_container, split_prefix, subtree
from .conversion import CastPayload, cast_leaf, float_dtype, is_cast
from .errors import FormatError
from .files import FileSource, Path_
from .keypaths import KeyPath, display, parse
from .kinds import STREAM
from .leaves import Leaf, copy_value, describe, read_value, text_bytes, view_value
from .outputs import check_output, replace
from .payloads import MemoryPayload, Payload, array_payload, write_steps
from .records import Item, Record, no_collection, with_path
from .streams import stream_steps, too_big_for_old_loaders
from .trees import flatten, unflatten
from .wire import BytesSource

KeyPathLike = str | tuple[str, ...]
_SMALL: Final = 1 << 16  # leaves up to this size are read together
_BLOCK: Final = 1 << 22


class Checkpoint(Mapping[tuple[str, ...], Any]):
    """An opened checkpoint: a read-only mapping from key path to leaf that reads a leaf when it is asked for.

    Keys are tuples; a display form such as "params/layers/0/kernel" is taken too. Arrays come back as new
    numpy arrays, or with `mmap` as read-only views of a memory map. Close it, or use it in a `with` block.
    """

    def __init__(self, file: FileSource, kind: str, records: list[Record], mmap: bool = False) -> None:
        self.kind = kind
        self.records = records
        self.source = file
        self._map = file.map() if mmap else None

    @functools.cached_property
    def _index(self) -> dict[tuple[str, ...], Record]:
        return {record.path: record for record in self.records}

    def record(self, path: KeyPathLike) -> Record:
        """Where a leaf stands and what it is. Raises KeyError."""
        try:
            return self._index[parse(path) if isinstance(path, str) else tuple(path)]
        except (KeyError, ValueError):  # a ValueError is a wrong escape
            raise KeyError(path if isinstance(path, str) else display(path)) from None

    def __getitem__(self, path: KeyPathLike) -> Any:
        record = self.record(path)
        try:
            return self._read(record)
        except FormatError as error:
            raise with_path(record.path, error) from None

    def _read(self, record: Record) -> Any:
        if self._map is not None:
            return view_value(self._map, record.leaf_offset, record.leaf)
        return read_value(self.source, record.leaf_offset, record.leaf)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self.records)

    def __contains__(self, path: object) -> bool:
        try:
            self.record(path)  # pyright: ignore[reportArgumentType]
        except (KeyError, TypeError):
            return False
        return True

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Key paths and leaves in the order of the file, one leaf (or one block of small ones) in memory at a time."""
        if self._map is not None:
            for record in self.records:
                yield record.path, self._read(record)
            return
        block = BytesSource(b"")
        base = top = 0  # the part of the file that the block holds
        for i, (path, leaf, _, at, end) in enumerate(self.records):
            try:
                if end - at > _SMALL:
                    value = read_value(self.source, at, leaf)
                else:
                    if not base <= at <= end <= top:
                        base, top = at, self._block_end(i)
                        block = BytesSource(self.source.read_at(base, top - base))
                    value = copy_value(block, at - base, leaf)
            except FormatError as error:
                raise with_path(path, error) from None
            yield path, value

    def _block_end(self, first: int) -> int:
        """Where the run of small neighbouring leaves that starts with record `first` ends."""
        start = self.records[first].leaf_offset
        end = self.records[first].end
        for record in itertools.islice(self.records, first + 1, None):
            if record.offset < end or record.end - end > _SMALL or record.end - start > _BLOCK:
                break
            end = record.end
        return end

    @no_collection()
    def tree(self) -> dict[str, Any]:
        """The whole nested dict."""
        return unflatten(self.leaves())

    def close(self) -> None:
        self.source.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(path: Path_, prefix: KeyPathLike | None = None, *, mmap: bool = False, any_kind: bool = False) -> Checkpoint:
    """Open a checkpoint: every header is read and checked, no payload.

    `path` may begin with a load prefix (`params::`, `flax::`, ...; spec CONV-5). Without one the file has to
    be a stream, or with `any_kind` any container. `prefix` chooses the subtree under a key path, given as a
    tuple or in display form, and takes that path off; "trainstate_params::" and the like are taken as well.
    Raises FormatError, OSError, and UsageError (a ValueError) for a prefix that does not exist.
    """
    if isinstance(prefix, str) and prefix.endswith("::"):
        path, prefix = f"{prefix}{path}", None
    load_prefix, name = split_prefix(path) if isinstance(path, str) else (None, path)
    wanted = PREFIXES[load_prefix] if load_prefix else None if any_kind else STREAM
    file = FileSource(name)
    try:
        kind, records = read_container(file, load_prefix, wanted)
        if prefix:
            records = subtree(records, parse(prefix) if isinstance(prefix, str) else tuple(prefix))
        return Checkpoint(file, kind, records, mmap)
    except BaseException as error:
        file.close()
        if isinstance(error, FormatError):
            error.file = file.path
        raise


def load(path: Path_, prefix: KeyPathLike | None = None, *, mmap: bool = False) -> dict[str, Any]:
    """The nested dict of a checkpoint, or of its subtree under `prefix`: numpy arrays, scalars and small values.

    Takes what `open` takes. Raises FormatError and OSError.
    """
    with open(path, prefix, mmap=mmap) as checkpoint:
        return checkpoint.tree()


def scan(path: Path_) -> list[Record]:
    """The records of a checkpoint: key path, kind, dtype, shape, bytes and offsets. Payloads are not read."""
    with open(path) as checkpoint:
        return checkpoint.records


def records(path: Path_, prefix: KeyPathLike | None = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over key paths and leaves, one leaf in memory at a time.

    The headers of the whole file are checked before the first leaf is given. Raises FormatError and OSError.
    """
    with open(path, prefix) as checkpoint:
        yield from checkpoint.leaves()


def save(path: Path_, tree: Any, float_dtype: str | None = None, *, keep_empty_nodes: bool = False) -> None:
    """Write a nested dict of arrays and small values as a stream; the file appears whole or not at all.

    `float_dtype` (bf16, fp16, fp32, fp64 or a long name) casts the float arrays and numpy scalars; None keeps
    every dtype. Empty nodes are left out unless `keep_empty_nodes` (spec TREE-4). Flax states are taken as
    they are. Raises FormatError before the old file is touched, and OSError.
    """
    items, overflows = items_of(tree, float_dtype, keep_empty_nodes)
    steps = stream_steps(items)
    if too_big := too_big_for_old_loaders(items, steps):
        # REC-4: "A writer SHOULD warn when it writes a larger one."
        shown = ", ".join(map(display, too_big[:3]))
        warnings.warn(f"loaders built on msgpack-python cannot read leaves over 2 GiB: {shown}", stacklevel=2)
    check_output(path)
    with replace(path) as sink:
        write_steps(sink, steps)
    if overflows:
        warnings.warn(f"{sum(overflows)} finite values became infinite in {float_dtype}", stacklevel=2)


def items_of(tree: Any, float_type: str | None, keep_empty_nodes: bool) -> tuple[list[Item], list[int]]:
    """The leaves of a tree, ready to be written, and a list that will hold how many values overflowed."""
    dtype = float_dtype(float_type)
    overflows: list[int] = []
    items = []
    for path, value in flatten(tree, keep_empty_nodes, _flax_expansion()):
        try:
            leaf = describe(value)
            item = Item(path, leaf, _payload_of(path, leaf, value))
            items.append(cast_item(item, dtype, overflows.append))
        except FormatError as error:
            raise with_path(path, error) from None
    return items, overflows


def _flax_expansion() -> Callable[[Any], Any] | None:
    """flax's own view of its states and of optax's; they can only be in a tree where flax has been imported."""
    if "flax" not in sys.modules:
        return None
    from flax.serialization import to_state_dict

    return to_state_dict


def _payload_of(path: tuple[str, ...], leaf: Leaf, value: Any) -> Callable[[], Payload] | None:
    if leaf.dtype is not None:
        return lambda: array_payload(_as_described(path, leaf, value))
    if leaf.kind == "str":
        return lambda: MemoryPayload(memoryview(text_bytes(value)))
    if leaf.kind == "bin":
        return lambda: MemoryPayload(memoryview(bytes(value)))
    return None


def _as_described(path: tuple[str, ...], leaf: Leaf, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != leaf.shape or array.dtype.newbyteorder("=") != leaf.dtype:
        detail = f"its array is {array.dtype}{list(array.shape)}, and it says {leaf.dtype}{list(leaf.shape)}"
        raise FormatError("LEAF-5", None, KeyPath(path), f"a {type(value).__name__} contradicts itself: {detail}")
    return array


def cast_item(item: Item, dtype: np.dtype | None, on_overflow: Callable[[int], None]) -> Item:
    """The item with its floats cast to `dtype` on the way, where CONV-2 says so."""
    leaf, payload = item.leaf, item.payload
    if dtype is None or leaf.dtype is None or payload is None or not is_cast(leaf.dtype, dtype):
        return item
    old = leaf.dtype
    return Item(item.path, cast_leaf(leaf, dtype), lambda: CastPayload(payload(), old, dtype, on_overflow))
