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


_PREFIX: Final = "streamckpt-fuzz-"


def new_folder() -> Path:
    """A new folder, which the caller removes; if it is killed before, whoever makes the next one does."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*-*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX).split("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))


def folder() -> Path:
    """The folder of this process: the one that the run has made for it, or its own, removed at its end."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE])
    made = new_folder()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
