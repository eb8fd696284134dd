"""What the system tells of the file system under a folder."""

from __future__ import annotations

import glob
import os
import re
from typing import Final, NamedTuple

_MOUNTS: Final = "/proc/self/mountinfo"


class Mount(NamedTuple):
    """A mount: where it stands, the kind of its file system (ext4, xfs, ...), and its device as MAJOR:MINOR."""

    point: str
    kind: str
    device: str


def mounts() -> list[Mount]:
    """The mounts that this process sees, those that hide others behind them; empty where the system does not say."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) >= 6 and after:
            found.append(Mount(_unescaped(fields[4]), after.split(" ")[0], fields[2]))
    return found


def mount_of(path: str | os.PathLike[str]) -> Mount | None:
    """The mount in which a path stands, all links in it followed."""
    real = os.path.realpath(path)
    found = None
    for mount in mounts():
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        if inside and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def is_mount_point(path: str | os.PathLike[str]) -> bool:
    """Whether something is mounted at this very path, as containers do with single files."""
    real = os.path.realpath(path)
    return any(mount.point == real for mount in mounts())


def changes_names_at_once(folder: str | os.PathLike[str]) -> bool:
    """Whether a change of names reaches the disk whole, or not at all, when the power fails.

    A journal, a log and a tree that is copied on write have that. ext2, and ext4 made without a journal, write the
    folder and the files that it names each when it suits them. Where it cannot be found out of an ext4 file system the
    answer is no, and of a kind that is not known, yes.
    """
    mount = mount_of(folder)
    if mount is None or mount.kind not in ("ext2", "ext4"):
        return True
    return mount.kind == "ext4" and _has_journal(mount.device)


def _has_journal(device: str) -> bool:
    """Whether the kernel keeps a journal for this device, by the folder that it shows for each."""
    try:
        name = os.path.basename(os.readlink(f"/sys/dev/block/{device}"))
    except OSError:
        return False
    return bool(glob.glob(f"/proc/fs/jbd2/{glob.escape(name)}-*"))


def _unescaped(text: str) -> str:
    r"""A path as mountinfo spells it: a space is \040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
