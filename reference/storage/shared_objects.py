"""Objects that several processes write: each uploads its own parts of one upload, and one has the object appear."""

from __future__ import annotations

import bisect
import contextlib
import functools
import json
import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from .local_files import Progress
from .object_outputs import AT_ONCE, IN_FLIGHT, part_size
from .object_parts import Part, Ranges, parts_of
from .object_uploads import Upload
from .sent_objects import SentObject, remove_seal, tell_of_parts, waited, written
from .shared_output import Give, SharedOutput, Take
from .threads import Pool, Work

_PIECE: Final = struct.Struct(">QQ")  # the offset and bytes of a piece that goes to another process
_T = TypeVar("_T")
_TAGS: Final = "tags"
_Send = Callable[[int, bytearray], None]


class SharedObject(SharedOutput):
    """The object that is to take the place of the one under a key.

    `upload` sends its parts, which obstore does of one process alone, and `store` is obstore's of that bucket. Each
    process holds the parts that are under way, 64 MiB of them or two, those that are being filled, and until all have
    written those of whose bytes others have some.
    """

    def __init__(self, upload: Upload, store: Any, key: str, name: str) -> None:
        self._upload, self._store, self._key, self._name = upload, store, key, name
        self._object = SentObject(store, key, name)
        self._begun = ""  # by which name all processes call it
        self._parts: list[Part] = []
        self._size = self._me = 0
        self._tags: dict[int, str] = {}
        self._filled: dict[int, _Filling] = {}
        self._given: dict[int, list[bytes]] = {}  # pieces of the parts of others
        self._settled = False

    def part(self, size: int) -> int:
        return part_size(size)

    def divide(self, ranges: Callable[[], Ranges], size: int, me: int) -> None:
        self._parts, self._me, self._size = parts_of(ranges(), size, part_size(size)), me, size

    def begin(self) -> str:
        self._begun = self._asked(self._upload.begin, self._object.attributes or {})
        return self._begun

    def join(self, name: str) -> None:
        self._begun = name

    # --- this process's parts -------------------------------------------------------------------------

    @contextlib.contextmanager
    def sink(self, progress: Progress) -> Iterator[_PartSink]:
        with self._uploads() as send:
            yield _PartSink(self._parts, functools.partial(self._take, send, progress))

    def _take(self, send: _Send, progress: Progress, i: int, at: int, data: memoryview) -> None:
        """Take bytes of a part, at an offset of it."""
        progress(len(data))
        if self._parts[i].owner != self._me:
            self._given.setdefault(i, []).append(_PIECE.pack(at, len(data)) + data)
            return
        if i not in self._filled:
            self._filled[i] = _Filling(self._parts[i])
        if self._filled[i].put(at, data):
            send(i, self._filled.pop(i).data)

    @contextlib.contextmanager
    def _uploads(self) -> Iterator[_Send]:
        """What sends parts, several at a time; when the block ends all have arrived."""
        at_once = max(2, min(AT_ONCE, IN_FLIGHT // part_size(self._size)))
        under_way: deque[Work[None]] = deque()

        def send(i: int, data: bytearray) -> None:
            while len(under_way) >= at_once:
                under_way.popleft().result()
            under_way.append(pool.submit(self._send, i, data))

        with Pool(at_once) as pool:
            yield send
            while under_way:
                under_way.popleft().result()

    def _send(self, i: int, data: bytearray) -> None:
        self._tags[i + 1] = self._asked(self._upload.send, self._begun, i + 1, data)

    def give(self, give: Give) -> None:
        for i, pieces in self._given.items():
            give(str(i), b"".join(pieces))
        self._given.clear()

    def fill(self, give: Give, take: Take) -> None:
        with self._uploads() as send:
            for i, part in enumerate(self._parts):
                if part.owner == self._me and part.others:
                    for process in part.others:
                        for at, piece in _pieces(take(process, str(i))):
                            self._take(send, lambda n: None, i, at, piece)
        give(_TAGS, json.dumps(self._tags).encode())

    # --- the end --------------------------------------------------------------------------------------

    def take_place(self, take: Take) -> None:
        tags: dict[int, str] = {}
        for process in {part.owner for part in self._parts}:
            tags |= {int(number): tag for number, tag in json.loads(take(process, _TAGS)).items()}
        tags |= self._tags  # and what was sent since then
        waited(functools.partial(remove_seal, self._store, self._key))
        try:
            self._asked(self._upload.complete, self._begun, tags)
        except OSError:
            if not self._object.stands(self._size):  # else the answer was lost, and not the object
                raise
        self._object.compare(self._size)

    def settle(self) -> None:
        self._settled = True

    def close(self) -> None:
        """Abort the upload unless the object has appeared: each process does, so that no part of its comes later."""
        self._filled.clear()
        self._given.clear()
        if self._settled or not self._begun:
            return
        self._settled = True
        try:
            self._asked(self._upload.abort, self._begun)
        except FileNotFoundError:  # another process has
            return
        except (OSError, KeyboardInterrupt) as error:
            tell_of_parts(error, self._name)

    def _asked(self, call: Callable[..., _T], *arguments: Any) -> _T:
        with written(self._name):
            return call(*arguments)


class _Filling:
    """A part that is being filled, in any order."""

    def __init__(self, part: Part) -> None:
        self.data = bytearray(part.end - part.start)
        self._missing = len(self.data)

    def put(self, at: int, data: memoryview) -> bool:
        """Put bytes at an offset, each once. Returns whether the part is whole."""
        self.data[at : at + len(data)] = data
        self._missing -= len(data)
        return not self._missing


class _PartSink:
    """Writes at any offset of the object: `take` is given the number of a part, an offset of it and bytes."""

    def __init__(self, parts: list[Part], take: Callable[[int, int, memoryview], None]) -> None:
        self._parts, self._take = parts, take
        self._starts = [part.start for part in parts]
        self._at = 0

    def at(self, offset: int) -> None:
        """Go on at an offset."""
        self._at = offset

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        i = bisect.bisect_right(self._starts, self._at) - 1
        while view:
            part = self._parts[i]
            piece = view[: part.end - self._at]
            self._take(i, self._at - part.start, piece)
            view = view[len(piece) :]
            self._at += len(piece)
            i += 1


def _pieces(data: bytes) -> Iterator[tuple[int, memoryview]]:
    view = memoryview(data)
    while view:
        at, n = _PIECE.unpack_from(view)
        yield at, view[_PIECE.size : _PIECE.size + n]
        view = view[_PIECE.size + n :]
