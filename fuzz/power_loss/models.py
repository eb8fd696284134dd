"""What file systems may keep of a run of calls when the power fails, as rules: for where no disk can be mounted.

The rules are the weakest that a kind promises, and every state that they allow is looked at.

With a journal or a log (ext4, xfs, btrfs) the changes of names reach the disk in the order in which they were made,
each whole. To sync a file or folder brings all changes there up to the last that it has a part in. A file whose
contents have not been synced since they were changed holds anything.

Without one (ext2, ext4 without a journal) every name, and how many names a file has, reach the disk each for itself, in
any order, until its folder, or the file, is synced: and then as they are at that moment. A rename is two changes, of
which one may be lost. What checks the disk removes each name of a file that has, as the disk says, no names; a file
that was opened without a name, and synced, has none.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.power_loss.calls import CHANGE, NAME, ROOT, SYNC, Calls

ANYTHING = b"anything"  # the contents of a file that was not synced
Outcome = dict[str, bytes | None]
Place = tuple[int, str]


def with_a_journal(calls: Calls, at: int, paths: list[str]) -> Iterator[Outcome]:
    """What files may hold when the power fails after the first `at` events."""
    events = calls.events[:at]
    contents: dict[int, bytes] = dict(calls.contents)
    changes: list[tuple[tuple[Place, int | None], ...]] = []
    on_disk = 0
    for event in events:
        if event.kind == CHANGE:
            contents[event.inode] = ANYTHING
        elif event.kind == SYNC:
            contents[event.inode] = event.contents
            parts = (_has_part(event.inode, change) for change in changes)
            on_disk = max([on_disk, *(i + 1 for i, has_part in enumerate(parts) if has_part)])
        else:
            changes.append(event.names)
    for n in range(on_disk, len(changes) + 1):
        names: dict[Place, int | None] = dict(calls.names)
        for change in changes[:n]:
            names.update(change)
        yield {path: _resolved(path, names, contents) for path in paths}


def _has_part(inode: int, change: tuple[tuple[Place, int | None], ...]) -> bool:
    return any(inode in (folder, named) for (folder, _), named in change)


def _resolved(path: str, names: dict[Place, int | None], contents: dict[int, bytes]) -> bytes | None:
    inode: int | None = ROOT
    for part in path.split("/"):
        inode = names.get((inode, part)) if inode is not None else None
    return None if inode is None else contents.get(inode, ANYTHING)


def without_a_journal(calls: Calls, at: int, paths: list[str]) -> Iterator[Outcome]:
    """What files may hold when the power fails after the first `at` events: of several, each what it may hold alone."""
    contents: dict[int, bytes] = dict(calls.contents)
    now: dict[Place, int | None] = dict(calls.names)
    counts = {inode: list(now.values()).count(inode) for inode in now.values() if inode is not None}
    names: dict[Place, set[int | None]] = {place: {inode} for place, inode in now.items()}  # that the disk may hold
    disk_counts = {inode: {n} for inode, n in counts.items()}
    disk_counts[ROOT] = {1}
    for event in calls.events[:at]:
        if event.kind == CHANGE:
            contents[event.inode] = ANYTHING
        elif event.kind == SYNC and event.inode in calls.folders:
            for place in names:
                if place[0] == event.inode:
                    names[place] = {now.get(place)}
            disk_counts[event.inode] = {1}
        elif event.kind == SYNC:
            contents[event.inode] = event.contents
            disk_counts[event.inode] = {counts.get(event.inode, 0)}
        elif event.kind == NAME:
            for place, inode in event.names:
                before = now.get(place)
                now[place] = inode
                names.setdefault(place, {before}).add(inode)
                for changed, more in ((inode, 1), (before, -1)):
                    if changed is not None:
                        counts[changed] = counts.get(changed, 0) + more
                        disk_counts.setdefault(changed, {0})
            for changed in {inode for _, inode in event.names if inode is not None} | set(counts):
                disk_counts[changed].add(counts[changed])
    yield from _each(paths, names, disk_counts, contents)


def _each(
    paths: list[str],
    names: dict[Place, set[int | None]],
    disk_counts: dict[int, set[int]],
    contents: dict[int, bytes],
) -> Iterator[Outcome]:
    found: list[Outcome] = [{}]
    for path in paths:
        inodes: set[int | None] = {ROOT}
        for part in path.split("/"):
            inodes = {
                inode
                for folder in inodes
                for inode in ({None} if folder is None else _kept(names.get((folder, part), {None}), disk_counts))
            }
        held = {None if inode is None else contents.get(inode, ANYTHING) for inode in inodes}
        found = [{**outcome, path: each} for outcome in found for each in held]
    yield from found


def _kept(inodes: set[int | None], disk_counts: dict[int, set[int]]) -> set[int | None]:
    """What a name may stand for once the disk has been checked."""
    kept: set[int | None] = set()
    for inode in inodes:
        counts = {0} if inode is None else disk_counts.get(inode, {0})
        kept |= {inode} if max(counts) > 0 else set()
        kept |= {None} if min(counts) == 0 else set()
    return kept


MODELS = {"with a journal": with_a_journal, "without a journal": without_a_journal}
