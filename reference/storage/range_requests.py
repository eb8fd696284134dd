"""Many ranges of a file as few requests: neighbours together, large ones in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

PIECE: Final = 1 << 23  # bytes of a request at most; measured beside `object_sources.AT_ONCE`
GAP: Final = 1 << 18  # bytes between two ranges that are fetched with them; a request of their own takes longer


class Request(NamedTuple):
    """A stretch of a file from an offset on, and the memory that its bytes fill, one view after the other."""

    offset: int
    views: list[memoryview]

    def size(self) -> int:
        return sum(map(len, self.views))


def requests_of(ranges: Iterable[tuple[int, memoryview]]) -> list[Request]:
    """The requests that fill the views, each with the bytes from its offset on; gaps go into memory of their own."""
    found: list[Request] = []
    end = room = 0
    for offset, view in sorted(((at, view) for at, view in ranges if len(view)), key=lambda each: each[0]):
        gap = offset - end
        if found and 0 <= gap <= GAP and gap < room:
            if gap:
                found[-1].views.append(memoryview(bytearray(gap)))
                room -= gap
        else:
            found.append(Request(offset, []))
            room = PIECE
        done = 0
        while done < len(view):
            if not room:
                found.append(Request(offset + done, []))
                room = PIECE
            part = view[done : done + room]
            found[-1].views.append(part)
            done, room = done + len(part), room - len(part)
        end = offset + len(view)
    return found


class Piece(NamedTuple):
    """A stretch of a file that is fetched in one request, and how many bytes of it are not gaps."""

    start: int
    end: int
    useful: int


def pieces_of(extents: Iterable[tuple[int, int]]) -> list[Piece]:
    """The pieces in which extents, (offset, bytes), are fetched that will be read in this order."""
    found: list[Piece] = []
    for offset, n in extents:
        while n:
            start, end, useful = found[-1] if found else (0, -1, 0)
            room = start + PIECE - offset
            if found and start <= offset <= end + GAP and room > 0:
                part = min(n, room)
                found[-1] = Piece(start, max(end, offset + part), useful + part)
            else:
                part = min(n, PIECE)
                found.append(Piece(offset, offset + part, part))
            offset, n = offset + part, n - part
    return found
