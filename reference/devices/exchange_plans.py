"""Which device is given which piece of an array in each round of a collective, the same in all processes."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Final, NamedTuple

from .boxes import Box, pieces, shape_of

# Bytes of a piece, of which a device is given one at a time. Two processes with two devices each, on a processor, held
# 36 MB above 268 MB of arrays that are exchanged, and 180 MB with pieces of 16 MiB, which were no faster there. Over a
# network it has not been measured.
PIECE: Final = 1 << 22
_ROOM: Final = 4 * PIECE  # bytes that a device sends at a time: more than a piece where its parts are of unequal size
_Rounds = tuple[tuple[Box, ...], ...]


class Exchange(NamedTuple):
    """Rounds of one collective, in each of which devices are given pieces of an array by others.

    A group has a device for each box of a region of the array, so that together they hold it once; these give one
    another at most `part` elements at a time. `given` are the boxes that devices are given in all, in pieces of at most
    `piece` elements, and `extents` those of what each of them holds.
    """

    groups: tuple[tuple[int, ...], ...]
    given: dict[int, tuple[Box, ...]]
    extents: tuple[int, ...]
    piece: int
    part: int
    rounds: int

    def pieces(self, device: int, i: int) -> tuple[Box, ...]:
        """What a device is given in round `i`: each of its group has a run of one of these pieces, or nothing."""
        if (boxes := self.given.get(device)) is None:
            return ()
        origin = _origin(boxes, self.extents)
        found = _rounds(_moved(boxes, origin, -1), self.extents, self.piece)
        return _moved(found[i], origin, 1) if i < len(found) else ()


def exchange_of(
    groups: tuple[tuple[int, ...], ...], given: dict[int, tuple[Box, ...]], extents: tuple[int, ...], width: int
) -> Exchange:
    """The exchange in which devices are given boxes of elements of `width` bytes."""
    # What stands alike among the boxes of the array is cut alike.
    alike = {_moved(boxes, _origin(boxes, extents), -1) for boxes in given.values()}
    piece = max(1, PIECE // width)
    while True:
        first = (shape_of(next(pieces(box, piece))) for boxes in alike for box in boxes)
        part = max(math.prod(map(min, shape, extents)) for shape in first)
        if len(groups[0]) * part * width <= _ROOM or piece == 1:
            break
        piece = max(1, piece // 2)
    rounds = max(len(_rounds(boxes, extents, piece)) for boxes in alike)
    return Exchange(groups, given, extents, piece, part, rounds)


@functools.lru_cache(1024)
def _rounds(boxes: tuple[Box, ...], extents: tuple[int, ...], most: int) -> _Rounds:
    """Boxes in pieces, by rounds: one to which several devices contribute, or of several devices one of each."""
    rounds: list[tuple[Box, ...]] = []
    of_one: dict[tuple[int, ...], list[Box]] = {}
    for piece in itertools.chain.from_iterable(pieces(box, most) for box in boxes):
        holder = tuple(start // n for (start, _), n in zip(piece, extents, strict=True))
        if all((stop - 1) // n == at for (_, stop), n, at in zip(piece, extents, holder, strict=True)):
            of_one.setdefault(holder, []).append(piece)
        else:
            rounds.append((piece,))
    for each in itertools.zip_longest(*of_one.values()):
        rounds.append(tuple(piece for piece in each if piece is not None))
    return tuple(rounds)


def _origin(boxes: tuple[Box, ...], extents: tuple[int, ...]) -> tuple[int, ...]:
    """Where the first box that a device holds begins among those that are given to one."""
    return tuple(start // n * n for (start, _), n in zip(boxes[0], extents, strict=True))


def _moved(boxes: tuple[Box, ...], by: tuple[int, ...], sign: int) -> tuple[Box, ...]:
    return tuple(
        tuple((start + sign * at, stop + sign * at) for (start, stop), at in zip(box, by, strict=True)) for box in boxes
    )
