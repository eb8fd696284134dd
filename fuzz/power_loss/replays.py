"""Invariant: whenever the power fails while a checkpoint is written, the old one or the new one is there, whole.

A run is recorded as what reached the disk. The power fails after each write, and each time the disk holds what was
flushed before, and of the rest all, nothing, or any part that chance chooses: a drive with a cache writes in any order.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

from fuzz.power_loss.recorded_disk import FLUSH, NOTE, WRITE, Entry

BEGIN, END = "begin ", "end "  # notes, with the name of an operation
CLEAR = "clear up"
WRITE_BACK, WRITTEN_BACK = "write back", "written back"  # notes around what the file system might have done of itself

State = dict[int, bytes]  # what stands in the blocks that are not zero


def states(
    entries: list[Entry], operation: str, block: int, orders_writes: bool, chances: int, seed: int
) -> Iterator[tuple[str, bool, State]]:
    """The states in which the disk may be when the power fails during an operation, each once.

    Gives what is told of a state, whether the operation had returned by then, and the blocks. `chances` are the random
    states after each write, and `block` the bytes that reach the disk together.
    """
    chance = random.Random(seed)
    entries_left = iter(entries)
    disk = _disk_at(BEGIN + operation, entries_left, block)
    pending: list[tuple[int, bytes]] = []  # written, and not known to be on the disk
    returned = written_back = False
    seen = set()
    for number, entry in enumerate(entries_left):
        if entry.kind == NOTE:
            text = entry.data.decode()
            returned |= text == END + operation
            written_back = text == WRITE_BACK or (written_back and text != WRITTEN_BACK)
            if text == CLEAR:
                return
        elif entry.kind == FLUSH:
            if orders_writes or not written_back:
                _apply(disk, pending)
                pending = []
        else:
            pending += _blocks(entry, block)
        kept = [pending, [], *(_part(pending, chance) for _ in range(chances))]
        for which, part in enumerate(kept):
            state = dict(disk)
            _apply(state, part)
            digest = (_digest(state), returned)
            if digest not in seen:
                seen.add(digest)
                what = ("all", "nothing")[which] if which < 2 else f"{len(part)} of {len(pending)} blocks"
                yield f"after entry {number} ({entry.kind.decode()}), {what} of what was not flushed", returned, state


def write_image(state: State, block: int, size: int, path: Path) -> None:
    """Write a disk as a file with holes."""
    with path.open("wb", buffering=0) as file:
        file.truncate(size)
        for number, data in state.items():
            os.pwrite(file.fileno(), data, number * block)


def _disk_at(note: str, entries: Iterator[Entry], block: int) -> State:
    """What a disk holds when a note comes, of which the entries are taken up to there."""
    whole = bytearray()
    for entry in entries:
        if entry.kind == NOTE and entry.data == note.encode():
            break
        if entry.kind == WRITE:  # by what made the file system, of any length
            end = entry.offset + len(entry.data)
            whole += bytes(max(0, -(-end // block) * block - len(whole)))
            whole[entry.offset : end] = entry.data
    disk: State = {}
    _apply(disk, [(i, bytes(whole[i * block : (i + 1) * block])) for i in range(len(whole) // block)])
    return disk


def _blocks(entry: Entry, block: int) -> list[tuple[int, bytes]]:
    if entry.kind in (NOTE, FLUSH):
        return []
    if entry.offset % block or len(entry.data) % block:
        raise AssertionError(f"a write of {len(entry.data)} bytes at {entry.offset} is not of whole blocks")
    first = entry.offset // block
    return [(first + i, entry.data[i * block : (i + 1) * block]) for i in range(len(entry.data) // block)]


def _apply(disk: State, blocks: list[tuple[int, bytes]]) -> None:
    for number, data in blocks:
        if data.count(0) == len(data):
            disk.pop(number, None)
        else:
            disk[number] = data


def _part(pending: list[tuple[int, bytes]], chance: random.Random) -> list[tuple[int, bytes]]:
    """Some of the blocks, in their order, with any likelihood."""
    likelihood = chance.random()
    return [each for each in pending if chance.random() < likelihood]


def _digest(state: State) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for number in sorted(state):
        digest.update(number.to_bytes(8, "little") + state[number])
    return digest.digest()
