"""Hidden names of files and folders that are not whole yet, and what killed saves have left under them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

_ABANDONED: Final = 10.0  # seconds without a change after which what nobody has locked is left over


class Hidden(NamedTuple):
    """What stands under hidden names: how they end, which entries of a folder may be left over, with which flags one
    is opened to be locked, and what removes it.
    """

    suffix: str
    may_be_left: Callable[[os.DirEntry[str]], bool]
    flags: int
    remove: Callable[[str], None]

    def name(self, target: Path, unique: str) -> str:
        """A hidden name of fixed length, which no other program gives to anything, for a save of `target`."""
        digest = hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
        return f".streamckpt-{digest}-{unique}{self.suffix}"

    def sweep(self, folder: Path, target: Path) -> None:
        """Remove what a killed save of `target` has left under a hidden name in `folder`; others at work are spared."""
        with contextlib.suppress(OSError):
            for entry in self.found(folder, target):
                if self.may_be_left(entry):
                    with contextlib.suppress(OSError):
                        self._remove_abandoned(entry)

    def found(self, folder: Path, target: Path) -> list[os.DirEntry[str]]:
        """What stands under hidden names of saves of `target` in `folder`. Raises OSError."""
        pattern = re.compile(re.escape(self.name(target, "@")).replace("@", "[0-9a-f]{12}"))
        with os.scandir(folder) as entries:
            return [entry for entry in entries if pattern.fullmatch(entry.name)]

    def _remove_abandoned(self, entry: os.DirEntry[str]) -> None:
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < _ABANDONED:
            return
        fd = os.open(entry.path, self.flags | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.remove(entry.path)
        finally:
            os.close(fd)
