"""The arrays of an orbax folder, through tensorstore: boxes of them read, and new ones written chunk by chunk."""

from __future__ import annotations

import errno
import functools
import math
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from ..format.errors import UsageError
from ..format.extras import how_to_install
from ..format.wire import Source
from .orbax_boxes import Box, chunk_of, chunks, is_of_chunks

MOST_DIMS: Final = 32  # of an array in tensorstore
_AT_ONCE: Final = 256  # arrays that are opened at once
# Arrays that stay open once they were found: 4,000 small ones are read in 0.66 of the time, for 2.5 kB each.
_KEPT: Final = 1 << 14
_OPEN: Final = 4  # arrays whose decoded chunks are kept while they are read in pieces
_GROUP: Final = 1 << 26  # bytes that are put into the database at once, while as many are gathered
_FEW: Final = 1000  # arrays of which the same holds: a database takes longer for each change than for each array


def tensorstore() -> ModuleType:
    """The library. Raises UsageError, which names the extra, where it is not installed."""
    try:
        import tensorstore
    except ImportError:
        raise UsageError(f"orbax folders need tensorstore: {how_to_install('orbax')}") from None
    return tensorstore


def can_hold(dtype: np.dtype) -> bool:
    """Whether tensorstore has arrays of a dtype."""
    try:
        return tensorstore().dtype(dtype).numpy_dtype == dtype
    except (ValueError, TypeError):
        return False


class Stored(NamedTuple):
    """An array as it stands: its name, its shape, that of its chunks, and its dtype."""

    name: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype


class Arrays:
    """The arrays of a folder: opened together, then read by box or by run, each chunk decoded once where it can be.

    Whatever tensorstore refuses is a ValueError.
    """

    def __init__(self, base: Mapping[str, Any], database: bool, driver: str, fills: bool) -> None:
        """`base` is tensorstore's specification of the folder in which they are."""
        self._ts = tensorstore()
        self._spec = functools.partial(_spec, base, database, driver)
        self._options = {"fill_missing_data_reads": fills, "recheck_cached_data": False}
        self._context = self._ts.Context(_CONTEXT)
        self._open: OrderedDict[tuple[str, bool], Any] = OrderedDict()
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def find(self, names: Sequence[str]) -> Iterator[Stored | ValueError]:
        """What the array of each name is, or why it is none."""
        for at in range(0, len(names), _AT_ONCE):
            under_way = [self._begin_to_open(name) for name in names[at : at + _AT_ONCE]]
            for name, future in zip(names[at : at + _AT_ONCE], under_way, strict=True):
                try:
                    if isinstance(future, ValueError):
                        raise future
                    store = future.result()
                except ValueError as error:
                    yield error
                    continue
                if len(self._kept) < _KEPT:
                    self._kept[name] = store
                chunk = tuple(store.chunk_layout.read_chunk.shape or store.shape)
                yield Stored(name, tuple(store.shape), chunk, np.dtype(store.dtype.numpy_dtype))

    def _begin_to_open(self, name: str) -> Any:
        try:
            return self._ts.open({**self._spec(name), **self._options}, open=True, read=True, context=self._context)
        except ValueError as error:  # a name that leads out of the folder
            return error

    def read_box(self, array: Stored, box: Box, out: np.ndarray | None = None) -> np.ndarray:
        """The elements of a box, in `out` where that is given. Raises ValueError."""
        index = tuple(slice(*side) for side in box)
        part = self._store(array, is_of_chunks(box, array.chunk, array.shape))[index]
        if out is None:
            return part.read().result()
        if out.flags.aligned:
            self._ts.array(out, copy=False, write=True).write(part).result()
        else:
            out[...] = part.read().result()
        return out

    def _store(self, array: Stored, whole_chunks: bool) -> Any:
        """An array opened to be read; with a memory of its chunks where not all of one is read at once."""
        if whole_chunks and (kept := self._kept.get(array.name)) is not None:
            return kept
        key = array.name, whole_chunks
        with self._lock:
            store = self._open.get(key)
            if store is None:
                context = self._context
                if not whole_chunks:
                    # What is read front to back needs the chunks of one row of them.
                    rows = array.chunk[0] / array.shape[0] if array.shape else 1
                    most = math.prod(array.shape) * array.dtype.itemsize
                    limit = {"total_bytes_limit": int(min(1.0, rows) * most) + (1 << 20)}
                    context = self._ts.Context({"cache_pool": limit}, self._context)
                spec = {**self._spec(array.name), **self._options}
                store = self._ts.open(spec, open=True, read=True, context=context).result()
                self._open[key] = store
                while len(self._open) > _OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(key)
            return store

    def close(self) -> None:
        with self._lock:
            self._open.clear()
            self._kept.clear()


_CONTEXT: Final = {"cache_pool#ocdbt": {"total_bytes_limit": 1 << 26}}  # of the tree of a database


def _spec(base: Mapping[str, Any], database: bool, driver: str, name: str) -> dict[str, Any]:
    if database:
        return {
            "driver": driver,
            "kvstore": {"driver": "ocdbt", "base": base, "path": f"{name}/", "cache_pool": "cache_pool#ocdbt"},
        }
    return {"driver": driver, "kvstore": {**base, "path": f"{base['path']}{name}/"}}


# --- writing ------------------------------------------------------------------------------------------


class NewArrays:
    """Arrays on their way into a new database in a folder, one after the other, each front to back.

    At most some 200 MB are held. `close` has all of it on the disk.
    """

    def __init__(self, folder: str) -> None:
        self._ts = tensorstore()
        self._folder = folder
        self._context = self._ts.Context(_CONTEXT)
        self._under_way: deque[Any] = deque()
        self._start()

    def _start(self) -> None:
        self._change = self._ts.Transaction()
        self._nbytes = self._count = 0

    def sink(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> ChunkSink:
        """A sink for the elements of an array of this name."""
        if self._count >= _FEW:
            self._commit()
        chunk = chunk_of(shape, dtype.itemsize)
        base = {"driver": "file", "path": os.path.join(os.path.abspath(self._folder), "")}
        spec = {
            **_spec(base, True, "zarr", name),
            "dtype": dtype.name,
            "metadata": {"shape": shape, "chunks": chunk, "compressor": {"id": "zstd", "level": 1}},
            "store_data_equal_to_fill_value": True,
        }
        spec["kvstore"] |= _DATABASE
        change = {"transaction": self._change} if chunk == shape else {}
        store = self._done(self._ts.open(spec, create=True, open=True, context=self._context, **change))
        self._count += 1
        return ChunkSink(self, store, shape, chunk, dtype)

    def put(self, store: Any, box: Box, values: np.ndarray) -> None:
        if store.transaction is None:
            store = store.with_transaction(self._change)
        part = store[tuple(slice(*side) for side in box)]
        self._done(part.write(values, can_reference_source_data_indefinitely=True))
        self._nbytes += values.nbytes
        if self._nbytes >= _GROUP:
            self._commit()

    def _commit(self) -> None:
        self._under_way.append(self._change.commit_async())
        self._start()
        while len(self._under_way) > 1:
            self._done(self._under_way.popleft())

    def _done(self, work: Any) -> Any:
        """What tensorstore gives for work; whatever goes wrong, a full disk among others, is an OSError."""
        try:
            return work.result()
        except ValueError as error:
            text = str(error).partition(" [")[0]
            if "No space left" in text:
                raise OSError(errno.ENOSPC, "no space left on device", self._folder) from None
            raise OSError(errno.EIO, f"tensorstore cannot write: {text}", self._folder) from None

    def close(self) -> None:
        self._commit()
        while self._under_way:
            self._done(self._under_way.popleft())


# As orbax has it: what is small stands in the tree of the database itself, which is one node.
_DATABASE: Final = {
    "config": {"max_inline_value_bytes": 1024, "max_decoded_node_bytes": 100_000_000, "manifest_kind": "single"},
    "assume_config": True,
    "target_data_file_size": 1 << 31,
}


class ChunkSink:
    """A sink that puts what is written to it into an array, chunk by chunk."""

    def __init__(
        self, arrays: NewArrays, store: Any, shape: tuple[int, ...], chunk: tuple[int, ...], dtype: np.dtype
    ) -> None:
        self._arrays, self._store, self._dtype = arrays, store, dtype
        self._boxes = chunks(shape, chunk)
        self._next()

    def _next(self) -> None:
        self._box = next(self._boxes, None)
        self._filled = 0
        shape = () if self._box is None else tuple(b - a for a, b in self._box)
        self._values = np.empty(shape if self._box is not None else (0,), self._dtype)
        self._memory = self._values.reshape(-1).view(np.uint8).data

    def _room(self, n: int) -> memoryview:
        part = self._memory[self._filled : self._filled + n]
        self._filled += len(part)
        return part

    def _settle(self) -> None:
        if self._box is not None and self._filled == len(self._memory):
            self._arrays.put(self._store, self._box, self._values)
            self._next()

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        while view:
            room = self._room(len(view))
            room[:], view = view[: len(room)], view[len(room) :]
            self._settle()

    def copy_from(self, source: Source, offset: int, n: int) -> None:
        while n:
            room = self._room(n)
            source.read_into(offset, room)
            offset, n = offset + len(room), n - len(room)
            self._settle()
