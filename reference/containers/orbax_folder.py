"""An orbax folder as one source: arrays in tensorstore, and JSON that says their tree."""

from __future__ import annotations

import bisect
import errno
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

import numpy as np

from ..format.dtypes import dtype_of, tag_of
from ..format.errors import FormatError, UsageError
from ..format.keypaths import KeyPath, display, printable
from ..format.leaves import Leaf
from ..format.records import Record
from ..format.streams import check_paths
from ..format.wire import BytesSource
from ..storage.threads import all_done
from .container import Contents, Unheld
from .orbax_arrays import Arrays, Stored
from .orbax_boxes import Box, box_of_runs, boxes_of_run
from .orbax_metadata import ARRAYS, EMPTY, MANIFEST, NONE, SCALAR, STRING, TREE, OrbaxLeaf, OrbaxTree, read_tree
from .orbax_places import OrbaxPlace

ORBAX: Final = "orbax folder"
ADVICE: Final = "use orbax::"
_GET_AGAIN: Final = "get the folder again, or save it again"
# What an array of shape () is that orbax gives back as a number of Python.
NUMBERS: Final = {"bool": "bool", "int64": "int", "uint64": "int", "float64": "float", "complex128": "complex"}


# --- reading ----------------------------------------------------------------------------------------------


class OrbaxFolder:
    """The arrays of an orbax folder as one source, each as if its elements stood one after the other.

    `name` is what the user gave, and `folder` where the tree is. What is read of an array is decoded as it is read, of
    one that is on several devices the chunks alone that they need. Strings stand in memory.
    """

    def __init__(self, name: str, home: OrbaxPlace) -> None:
        """Raises FormatError, OSError, UsageError."""
        self.name = name
        self._home = home
        try:
            self.tree: OrbaxTree = read_tree(home.read)
        except FormatError as error:
            error.file = name
            raise
        self._marks = self._changed()
        database = self._marks[MANIFEST] is not None
        self._arrays = Arrays(home.kvstore(), database, self.tree.driver, self.tree.fills)
        self._starts: list[int] = []
        self._held: list[Stored | BytesSource] = []
        self.size = 0
        self._closed = False

    def contents(self) -> Contents:
        """What the folder holds. Raises FormatError."""
        leaves = self.tree.leaves
        stored = [leaf for leaf in leaves if leaf.value_type in ARRAYS or leaf.value_type == SCALAR]
        found = dict(
            zip((leaf.path for leaf in stored), self._arrays.find([leaf.name for leaf in stored]), strict=True)
        )
        records: list[Record] = []
        unheld: list[Unheld] = []
        for leaf in leaves:
            try:
                records.append(self._record(leaf, found.get(leaf.path)))
            except FormatError as error:
                error.path = error.path or KeyPath(leaf.path)
                unheld.append(Unheld(leaf.path, leaf.value_type, 0, self.size, error))
        clash = None
        try:
            check_paths([leaf.path for leaf in leaves])
        except FormatError as error:
            if error.clause == "STREAM-3":
                raise
            clash = error
        return Contents(records, metadata=self.tree.metadata, unheld=tuple(unheld), clash=clash)

    def _record(self, leaf: OrbaxLeaf, array: Stored | ValueError | None) -> Record:
        at = self.size
        if leaf.value_type == STRING:
            data = self._string(leaf).encode()
            self._add(BytesSource(data), len(data))
            return Record(leaf.path, Leaf("str", nbytes=len(data), extents=((0, len(data)),)), at, at, at + len(data))
        if leaf.value_type == NONE or leaf.value_type in EMPTY:
            self._add(BytesSource(b""), 0)
            is_none = leaf.value_type == NONE
            return Record(leaf.path, Leaf("nil") if is_none else Leaf("empty", value={}), at, at, at)
        if array is None:
            detail = f"orbax calls its type {printable(leaf.value_type[:40])}, which is none that is read here"
            raise FormatError("CONV-6", None, KeyPath(leaf.path), detail, "--exclude or exclude= leaves it out")
        if isinstance(array, ValueError):
            self._refuse(leaf.path, array)
        dtype = dtype_of(tag_of(array.dtype))
        nbytes = int(np.prod(array.shape, dtype=object)) * dtype.itemsize
        kind = "ndarray"
        if leaf.value_type == SCALAR and not array.shape:
            kind = "scalar"
            number = NUMBERS.get(dtype.name)
            if number is not None and display(leaf.path) not in self.tree.scalars:
                value = self._read_box(leaf.path, array, (), None).item()
                self._add(BytesSource(b""), 0)
                return Record(leaf.path, Leaf(number, value=value), at, at, at)
        self._add(array, nbytes)
        return Record(leaf.path, Leaf(kind, dtype, array.shape, nbytes, ((0, nbytes),)), at, at, at + nbytes)

    def _add(self, held: Stored | BytesSource, nbytes: int) -> None:
        self._starts.append(self.size)
        self._held.append(held)
        self.size += max(1, nbytes)  # so that no two leaves stand at one place

    def _string(self, leaf: OrbaxLeaf) -> str:
        value: Any = self.tree.strings
        for part in leaf.name.split("/"):  # it is looked for by a JSON pointer
            part = part.replace("~1", "/").replace("~0", "~")
            value = value.get(part) if type(value) is dict else None
        try:
            assert type(value) is str
            value.encode()
        except (AssertionError, UnicodeEncodeError):
            raise FormatError("CONV-6", None, KeyPath(leaf.path), "its text is not in the folder", _GET_AGAIN) from None
        return value

    def _refuse(self, path: tuple[str, ...], error: ValueError) -> NoReturn:
        text = str(error).partition(" [")[0]
        refusal = FormatError("CONV-6", None, KeyPath(path), f"its array cannot be read: {text}", _GET_AGAIN)
        refusal.file = self.name
        raise refusal from None

    # --- as a source --------------------------------------------------------------------------------------

    def read_at(self, offset: int, n: int) -> bytes:
        data = bytearray(n)
        self.read_into(offset, memoryview(data))
        return bytes(data)

    def read_into(self, offset: int, view: memoryview) -> None:
        for i, at, part in self._parts(offset, view):
            self._fill(i, at, part)

    def read_ranges(self, ranges: Sequence[tuple[int, memoryview]]) -> None:
        """Fill views; ranges of one array that fill a box are read as that, so that each chunk is decoded once."""
        parts = sorted(
            (each for offset, view in ranges for each in self._parts(offset, view)), key=lambda part: part[:2]
        )
        arrays = [(i, [*group]) for i, group in itertools.groupby(parts, key=lambda part: part[0])]
        tasks = [functools.partial(self._fill_parts, *array) for array in arrays]
        all_done(tasks, sum(len(view) for *_, view in parts))

    def _fill_parts(self, i: int, parts: Sequence[tuple[int, int, memoryview]]) -> None:
        if len(parts) < 2 or not self._fill_from_box(i, parts):
            for _, at, view in parts:
                self._fill(i, at, view)

    def _parts(self, offset: int, view: memoryview) -> Iterable[tuple[int, int, memoryview]]:
        """The leaves from which a view is filled: the index of each, the byte of it, and the part of the view."""
        if self._closed:
            raise ValueError(f"{self.name} is closed")
        if not 0 <= offset <= self.size - len(view):
            detail = f"{len(view)} bytes at byte {offset} are asked for, and there are {self.size}"
            raise FormatError("STREAM-2", offset, None, detail)
        i = bisect.bisect_right(self._starts, offset) - 1
        while view:
            end = self._starts[i + 1] if i + 1 < len(self._starts) else self.size
            part = view[: end - offset]
            yield i, offset - self._starts[i], part
            offset, view, i = offset + len(part), view[len(part) :], i + 1

    def _fill(self, i: int, at: int, view: memoryview) -> None:
        held = self._held[i]
        if isinstance(held, BytesSource):
            data = held.view[at : at + len(view)]
            view[: len(data)] = data
            return
        width = held.dtype.itemsize
        size = int(np.prod(held.shape, dtype=np.int64))
        first, stop = at // width, min(-(-(at + len(view)) // width), size)
        is_whole = first * width == at and (stop - first) * width == len(view)
        memory = np.frombuffer(view, np.uint8) if is_whole else np.empty((stop - first) * width, np.uint8)
        elements, done = memory.view(held.dtype), 0
        for box in boxes_of_run(first, stop, held.shape):
            shape = tuple(b - a for a, b in box)
            n = int(np.prod(shape, dtype=np.int64))
            self._read_box(self.tree.leaves[i].path, held, box, elements[done : done + n].reshape(shape))
            done += n
        if not is_whole:
            part = memory[at - first * width :][: len(view)]
            view[: len(part)] = part.data

    def _fill_from_box(self, i: int, parts: Sequence[tuple[int, int, memoryview]]) -> bool:
        held = self._held[i]
        if isinstance(held, BytesSource) or any((at | len(view)) % held.dtype.itemsize for _, at, view in parts):
            return False
        width = held.dtype.itemsize
        starts = np.array([at // width for _, at, _ in parts], np.int64)
        lengths = np.array([len(view) // width for *_, view in parts], np.int64)
        found = box_of_runs(starts, lengths, held.shape)
        if found is None:
            return False
        box, places = found
        raw = self._read_box(self.tree.leaves[i].path, held, box, None).reshape(-1).view(np.uint8).data
        for place, (_, _, view) in zip(places.tolist(), parts, strict=True):
            view[:] = raw[place * width : place * width + len(view)]
        return True

    def _read_box(self, path: tuple[str, ...], held: Stored, box: Box, out: np.ndarray | None) -> np.ndarray:
        try:
            return self._arrays.read_box(held, box, out)
        except ValueError as error:
            self._refuse(path, error)

    def expect(self, extents: Iterable[tuple[int, int]]) -> None:
        """tensorstore reads what it is asked for by threads of its own; nothing is fetched ahead."""

    def _changed(self) -> dict[str, Any]:
        return {name: self._home.mark(name) for name in (TREE, MANIFEST)}

    def refuse_changes(self) -> None:
        if self._changed() != self._marks:
            text = "the folder changed while it was read; read it again when nothing writes to it"
            raise OSError(errno.EBUSY, text, self.name)

    def map(self) -> BytesSource:
        raise UsageError(f"{self.name}: the arrays of an orbax folder are compressed or in chunks; leave mmap=True out")

    def close(self) -> None:
        self._closed = True
        self._arrays.close()
