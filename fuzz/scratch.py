"""Where files are put: the cache of all runs, and a folder for those of a target, in memory where that can be."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamckpt-fuzz"  # of all runs
VARIABLE: Final = "STREAMCKPT_FUZZ_SCRATCH"


def new_folder() -> Path:
    """A new folder, which the caller removes."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="streamckpt-fuzz-", dir=memory if os.access(memory, os.W_OK) else None))


def folder() -> Path:
    """The folder of this process: the one that the run has made for it, or its own, removed at its end."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    made = new_folder()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
