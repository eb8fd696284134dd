"""File systems on a recorded disk: made, mounted, checked and looked into. It takes root, FUSE and loop devices."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fuzz.power_loss.recorded_disk import Entry, read_log

MIB: Final = 1 << 20


class Kind(NamedTuple):
    """A kind of file system: how it is made, the bytes of its disk and its blocks, and whether names change at once.

    Where they do the file system orders its own writes by flushes, so that every flush counts. Where they do not, it
    writes each block when it suits it, and of what is written between two calls the flush may as well not have come.
    """

    make: tuple[str, ...]
    size: int
    block: int
    orders_writes: bool


KINDS: Final = {
    "ext2": Kind(("mkfs.ext2", "-q", "-F"), 8 * MIB, 1024, False),
    "ext4 without a journal": Kind(("mkfs.ext4", "-q", "-F", "-O", "^has_journal"), 8 * MIB, 1024, False),
    "ext4": Kind(("mkfs.ext4", "-q", "-F"), 16 * MIB, 1024, True),
    "xfs": Kind(("mkfs.xfs", "-q", "-f", "-K"), 300 * MIB, 512, True),
    "btrfs": Kind(("mkfs.btrfs", "-q", "-f", "-K"), 128 * MIB, 4096, True),
}
_LOOKED_INTO: Final = ("ext2", "ext4 without a journal", "ext4")  # by debugfs; the others are mounted


def missing(kind: str) -> str:
    """What this machine lacks for a kind, empty where it can be tried."""
    if os.geteuid() != 0:
        return "file systems are mounted by root alone"
    tools = [KINDS[kind].make[0], "losetup", "mount"]
    if kind in _LOOKED_INTO:
        tools += ["e2fsck", "debugfs"]
    if lacking := [tool for tool in tools if shutil.which(tool) is None]:
        return f"not installed: {', '.join(lacking)}"
    if not os.path.exists("/dev/fuse") or not os.path.exists("/dev/loop-control"):
        return "there is no FUSE, or there are no loop devices"
    try:
        import mfusepy  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError) as error:
        return f"mfusepy: {error}"
    known = Path("/proc/filesystems").read_text().split()
    return "" if kind.split()[0] in known and mfusepy else f"the kernel has no {kind}"


class Recorded:
    """A mounted file system: its `folder`, and `note`, which puts a line into the log of what reaches the disk."""

    def __init__(self, folder: Path, notes: Path, log: Path) -> None:
        self.folder, self._notes, self._log = folder, notes, log

    def note(self, text: str) -> None:
        fd = _open(self._notes, os.O_WRONLY)
        _write(fd, text.encode())
        _close(fd)

    def write_back(self) -> None:
        """Have the file system write what it holds, as it may do of itself at any moment."""
        fd = _open(self.folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(fd):
                raise OSError(ctypes.get_errno(), "syncfs failed")
        finally:
            _close(fd)

    def entries(self) -> list[Entry]:
        """What has reached the disk since it was made."""
        return read_log(self._log)


# As they are before a test puts others in their place.
_open, _write, _close = os.open, os.write, os.close


@contextlib.contextmanager
def recorded(kind: str, place: Path) -> Iterator[Recorded]:
    """A new file system of a kind on a disk that notes what is written; `place` is an empty folder."""
    served, mounted, log = place / "served", place / "mounted", place / "log"
    served.mkdir()
    mounted.mkdir()
    command = [sys.executable, "-m", "fuzz.power_loss.recorded_disk", served, str(KINDS[kind].size), log]
    server = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    with contextlib.ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(_run, "umount", served)
        while not (served / "disk").exists():
            if server.poll() is not None:
                raise RuntimeError("the recorded disk has not come up")
            time.sleep(0.01)
        _run(*KINDS[kind].make, served / "disk")
        device = _run("losetup", "--find", "--show", served / "disk").strip()
        stack.callback(_run, "losetup", "--detach", device)
        _run("mount", "-t", kind.split()[0], device, mounted)
        stack.callback(_run, "umount", mounted)
        yield Recorded(mounted, served / "note", log)


def read_after_check(kind: str, image: Path, names: list[str]) -> dict[str, bytes | None]:
    """What files hold once the file system on an image has been checked, or has replayed its log; None for no file."""
    if kind in _LOOKED_INTO:
        checked = subprocess.run(["e2fsck", "-fy", image], capture_output=True, text=True)
        if checked.returncode >= 4:
            raise AssertionError(f"e2fsck could not mend the file system: {checked.stdout}")
        return {name: _dumped(image, name) for name in names}
    mounted = image.with_suffix(".mounted")
    mounted.mkdir(exist_ok=True)
    _run("mount", "-t", kind, "-o", "loop", image, mounted)
    try:
        return {name: path.read_bytes() if (path := mounted / name).exists() else None for name in names}
    finally:
        _run("umount", mounted)


def _dumped(image: Path, name: str) -> bytes | None:
    out = image.with_suffix(".out")
    out.unlink(missing_ok=True)
    _run("debugfs", "-R", f"dump /{name} {out}", image)
    return out.read_bytes() if out.exists() else None


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout
