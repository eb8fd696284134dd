"""Runs of small records: read at once, and their arrays made at once, for most of them are alike."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgpack
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .arrays import HELD
from .collector import no_collection
from .keypaths import SEPARATOR, sort_key
from .leaves import Leaf, read_leaf
from .wire import FAR, NEAR, BytesSource, Cursor

_TINY: Final = 1 << 12  # bytes; arrays up to this size are copied twice, which takes less than to look at each


class SeenArrays:
    """Arrays by the bytes before their payload: those of one tree mostly differ in the payload alone.

    An array whose header has been read once is known by comparing bytes from then on.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, list[tuple[bytes, Leaf, int]]] = {}

    def find(self, data: bytes, at: int) -> tuple[bytes, Leaf, int] | None:
        """The header and leaf that start at `data[at]`, and how many bytes they take, payload included."""
        for known in self._heads.get(data[at : at + 3], ()):
            if data.startswith(known[0], at):
                return known
        return None

    def add(self, data: bytes, at: int, leaf: Leaf) -> None:
        """Remember a leaf that starts at `data[at]`, if it is an array in one piece."""
        if leaf.dtype is None or len(leaf.extents) != 1:
            return
        (length, nbytes), *_ = leaf.extents
        head = data[at : at + length]
        heads = self._heads.setdefault(head[:3], [])
        if len(head) == length <= 256 and len(heads) < 8 and len(self._heads) < 4096:
            heads.append((head, leaf, length + nbytes))


class Run(NamedTuple):
    """Records that follow each other, and the bytes in which they stand."""

    data: bytes
    base: int  # the offset of `data`
    paths: list[tuple[str, ...]]
    keys: list[str]  # to sort by (`keypaths.sort_key`)
    leaves: list[Leaf]
    start: int  # of the first record, and all other offsets in the file
    starts: list[int]  # of the leaves
    ends: list[int]  # of the records


def read_run(cursor: Cursor, seen: SeenArrays) -> Run:
    """The records that end in the cursor's window, which is left before the first that is not understood.

    That may be a good record or a fault; there may be none before it.
    """
    data, pos = cursor.window(min(NEAR, cursor.end - cursor.tell()))
    with no_collection():
        return _read_run(cursor, seen, data, pos)


def _read_run(cursor: Cursor, seen: SeenArrays, data: bytes, pos: int) -> Run:
    at = cursor.tell()
    run = Run(data, at - pos, [], [], [], at, [], [])
    # A file cannot make this allocate: every limit is at most the size of the window.
    limits = {"max_array_len": 256, "max_map_len": 0, "max_ext_len": 0, "max_bin_len": FAR, "max_str_len": 255}
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=FAR, **limits)
    unpacker.feed(memoryview(data)[pos : pos + FAR])
    unpack, tell = unpacker.unpack, unpacker.tell
    join = SEPARATOR.join
    add_path, add_leaf, add_start, add_end = run.paths.append, run.leaves.append, run.starts.append, run.ends.append
    head, leaf, size = _NO_ARRAY  # of the last array: the next is mostly like it
    try:
        while True:
            path, blob = unpack()
            if type(path) is not tuple or not path or type(blob) is not bytes:
                break
            length = len(blob)
            if length != size or not blob.startswith(head):
                head, leaf, size = seen.find(blob, 0) or _NO_ARRAY
                if length != size:
                    leaf, size = _read_blob(blob, seen), -1
            end = at + tell()
            add_path(path)
            add_leaf(leaf)
            add_start(end - length)
            add_end(end)
    # ValueError takes in FormatError: who reads on comes to the same place, and says what is wrong and where.
    except (msgpack.UnpackException, ValueError, TypeError):
        pass
    try:
        run.keys[:] = [join(path) + SEPARATOR for path in run.paths]  # `sort_key`, in less time
    except TypeError:  # a part is not a text: nothing from there on is taken
        with contextlib.suppress(TypeError):
            run.keys.extend(map(sort_key, run.paths))
        for found in (run.paths, run.leaves, run.starts, run.ends):
            del found[len(run.keys) :]
    if run.ends:
        cursor.skip(run.ends[-1] - at)
    return run


_NO_ARRAY: Final = b"", Leaf("nil"), -1


def _read_blob(blob: bytes, seen: SeenArrays) -> Leaf:
    cursor = Cursor(BytesSource(blob))
    leaf = read_leaf(cursor)
    if cursor.tell() != len(blob):
        raise ValueError
    seen.add(blob, 0, leaf)
    return leaf


def arrays_in(data: bytes, base: int, starts: Sequence[int], leaves: Sequence[Leaf]) -> list[np.ndarray | None]:
    """Copies of the small arrays among `leaves`, None in the place of any other.

    Leaves begin at the offsets `starts` of a source, and `data` stands at offset `base` of it. Gives what
    `leaves.read_value` does, in less time where many are alike.
    """
    found: list[np.ndarray | None] = [None] * len(leaves)
    alike: dict[int, list[int]] = defaultdict(list)
    for i, key in enumerate(map(id, leaves)):  # those of one header share their Leaf
        alike[key].append(i)
    places = np.array(starts) - base
    rows = np.frombuffer(data, np.uint8)
    for members in alike.values():
        leaf = leaves[members[0]]
        if not _is_tiny(leaf):
            continue
        assert leaf.dtype is not None
        chosen = sliding_window_view(rows, leaf.nbytes)[places[members] + leaf.extents[0][0]]
        arrays = chosen.view(leaf.dtype).reshape(-1, *leaf.shape)
        for i, array in zip(members, arrays, strict=True):
            found[i] = array.copy()
    return found


def _is_tiny(leaf: Leaf) -> bool:
    """Whether it is a small array in one piece, of one dimension or more, that has no bits to settle.

    Those of the most dimensions are left out: many of them together would take one more, and numpy has none.
    """
    if leaf.dtype is None or not 0 < len(leaf.shape) < HELD or len(leaf.extents) != 1:
        return False
    return 1 < leaf.dtype.itemsize <= leaf.nbytes <= _TINY
