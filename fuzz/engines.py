"""What chooses the inputs: atheris, guided by coverage of the reference; or seeded random, where atheris is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .bounds import Bounds, limits
from .mutation import Mutator

if TYPE_CHECKING:
    from .trials import Trial

ATHERIS, RANDOM = "atheris", "random"
_LONGEST: Final = 1 << 15  # bytes of an input that is made
_COVERED: Final = ["reference"]  # packages whose coverage guides the search


def best_engine() -> str:
    return ATHERIS if importlib.util.find_spec("atheris") else RANDOM


def run_engine(engine: str, prepare: Callable[[], Trial], folder: Path, bounds: Bounds, seed: int) -> None:
    """Try inputs until a bound is reached, those of `folder/corpus` first. `prepare` imports the target."""
    deadline = time.monotonic() + bounds.seconds
    atheris: Any = importlib.import_module("atheris") if engine == ATHERIS else None
    watched = atheris.instrument_imports(include=_COVERED, enable_loader_override=False) if atheris else nullcontext()
    with watched:
        trial = prepare()
    left = bounds._replace(seconds=deadline - time.monotonic())
    if trial.drive(left, seed):
        return
    if atheris:
        _run_atheris(atheris, trial, folder, left, seed)
    else:
        _run_random(trial, folder, left, seed)


def _pool(folder: Path) -> list[bytes]:
    files = sorted((folder / "corpus").iterdir(), key=lambda file: (file.stat().st_size, file.name))
    return [file.read_bytes() for file in files]


def _run_random(trial: Trial, folder: Path, bounds: Bounds, seed: int) -> None:
    rng, pool = random.Random(seed), _pool(folder)
    deadline = time.monotonic() + bounds.seconds

    def goes_on() -> bool:
        return time.monotonic() < deadline and trial.executions < bounds.executions

    for data in pool:
        if trial.target.once or trial.executions == 0 or goes_on():
            trial(data)
    mutator = Mutator(pool)
    while goes_on() and not trial.target.once:
        if trial.target.kind is None:
            trial(_buffer(rng))
        else:
            trial(mutator.mutate(rng.choice(pool), rng, _LONGEST))


def _buffer(rng: random.Random) -> bytes:
    """Bytes from which a strategy makes a value."""
    return rng.randbytes(rng.choice((64, 256, 1024, 4096)))


def _run_atheris(atheris: Any, trial: Trial, folder: Path, bounds: Bounds, seed: int) -> None:
    mutator = Mutator(_pool(folder))

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if trial.target.kind is not None:
            return mutator.mutate(bytes(data), rng, max_size)
        # What values are made of is changed as it is used to, or made anew: that reaches other values much sooner.
        return atheris.Mutate(data, max_size) if rng.random() < 0.5 else _buffer(rng)[:max_size]

    def cross(data: bytes, other: bytes, max_size: int, seed: int) -> bytes:
        return mutator.cross(bytes(data), bytes(other), random.Random(seed), max_size)

    made: dict[str, Any] = {"custom_mutator": mutate}
    if trial.target.kind is not None:
        made["custom_crossover"] = cross
    options = [*limits(bounds), f"-seed={seed % (1 << 31) or 1}", f"-max_len={_LONGEST}", "-timeout=1000000"]
    options += ["-rss_limit_mb=0", "-print_final_stats=1", f"-artifact_prefix={folder}{os.sep}"]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], lambda data: trial(bytes(data)), **made)
    atheris.Fuzz()
