"""One target under one engine, in a process of its own: `python -m fuzz.worker TARGET ENGINE FOLDER BOUNDS SEED`.

The folder gets `board` (fuzz.board), `findings/`, and what the engine keeps. A finding does not end the run: those
that break at another place are looked for until a bound is reached (fuzz.bounds.Bounds, as JSON).
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from pathlib import Path

from .bounds import Bounds
from .engines import run_engine
from .trials import Trial, prepare_process


def main(name: str, engine: str, folder: str, told: str, seed: str) -> None:
    """Does not return where the engine ends the process itself."""
    place, bounds = Path(folder), Bounds(*json.loads(told))
    prepare_process()

    def prepare() -> Trial:
        from .targets import load  # the engine decides how the reference is imported

        target = load(name)
        if target.missing is not None:
            (place / "skipped").write_text(target.missing)
            sys.exit(0)
        if target.memory is not None:
            limit_memory(target.memory)
        return Trial(target, place, bounds.first)

    run_engine(engine, prepare, place, bounds, int(seed))


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes of address space beyond what it has."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
