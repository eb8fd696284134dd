"""A disk that notes what is written to it: a file of a FUSE mount, for a loop device.

    python -m fuzz.power_loss.recorded_disk FOLDER BYTES LOG

`FOLDER/disk` is the disk, and what is written to `FOLDER/note` goes into the log among the writes. The log is entries
one after the other, each a kind (W a write, F a flush, N a note), an offset and a length, and the bytes.
"""

from __future__ import annotations

import errno
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

WRITE, FLUSH, NOTE = b"W", b"F", b"N"
_HEAD: Final = struct.Struct("<cQQ")


class Entry(NamedTuple):
    """What was done: a write of `data` at `offset`, a flush, or a note of the program that is recorded."""

    kind: bytes
    offset: int
    data: bytes


def read_log(path: Path) -> list[Entry]:
    """The entries of a log, in order."""
    return list(_entries(path.read_bytes()))


def _entries(raw: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(raw):
        kind, offset, n = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        yield Entry(kind, offset, raw[at : at + n])
        at += n


def main(folder: str, size: str, log: str) -> None:
    """Serve the disk until it is unmounted."""
    from mfusepy import FUSE, FuseOSError, Operations  # pyright: ignore[reportMissingImports]

    class Disk(Operations):
        use_ns = True

        def __init__(self) -> None:
            self.disk = bytearray(int(size))
            self.log = open(log, "wb", buffering=0)  # noqa: SIM115

        def _note(self, kind: bytes, offset: int = 0, data: bytes = b"") -> None:
            self.log.write(_HEAD.pack(kind, offset, len(data)) + data)

        def getattr(self, path: str, fh: Any = None) -> dict[str, int]:
            if path == "/":
                return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
            if path not in ("/disk", "/note"):
                raise FuseOSError(errno.ENOENT)
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(self.disk) if path == "/disk" else 0}

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return bytes(self.disk[offset : offset + size])

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            if path == "/note":
                self._note(NOTE, 0, data)
                return len(data)
            self.disk[offset : offset + len(data)] = data
            self._note(WRITE, offset, data)
            return len(data)

        def fsync(self, path: str, datasync: int, fh: int) -> int:
            if path == "/disk":
                self._note(FLUSH)
            return 0

        def truncate(self, path: str, length: int, fh: Any = None) -> int:
            return 0

    FUSE(Disk(), folder, foreground=True, nothreads=True, direct_io=True, allow_other=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
