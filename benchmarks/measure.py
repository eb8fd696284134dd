"""Runs that take turns, a fresh process for each, and what comes of them."""

from __future__ import annotations

import datetime
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import trees
from .worker import Memory, memory_of, remove

ROOT: Final = Path(__file__).resolve().parents[1]
_SAMPLE: Final = 0.005  # seconds between two looks at a process's memory
_MAPPED: Final = 8 << 20  # bytes; code that is mapped in late stays below this
_PATIENCE: Final = 30.0  # seconds that a peer may take in one group before it sits out the turns that are left
_DEVICES: Final = 8
_CROWDED: Final = 0.12  # of the machine, taken by others; what looks on takes some 3 %
_TRIES: Final = 2
_SHORT, _LONG = 0.1, 6.0  # seconds; below, the kernel's count of others is too coarse, and above, a run too dear


class Group(NamedTuple):
    """Runs whose times are compared with each other: one operation on one tree in one place, by several peers."""

    operation: str
    work: str
    place: str  # the kind of file system
    peers: tuple[str, ...]
    turns: int

    @property
    def name(self) -> str:
        return f"{self.operation}/{self.work}/{self.place}"


class Run(NamedTuple):
    """One run's seconds and its peaks above what was held before: of memory of its own, and of mapped files."""

    seconds: float
    own: int
    mapped: int
    others: float = 0.0  # the share of the machine that other processes took meanwhile


def measure(
    group: Group, folder: Path, say: Callable[[str], None] = lambda text: None, checked: bool = True
) -> list[dict[str, Any]]:
    """The results of a group, one for each peer. The first turn also compares what each peer did with the tree."""
    runs: dict[str, list[Run]] = {peer: [] for peer in group.peers}
    failures: dict[str, str] = {}
    for turn in range(group.turns):
        # In another order each time: what one run has touched is there for the next.
        for peer in random.Random(f"{group.name} {turn}").sample(group.peers, len(group.peers)):
            if peer in failures or sum(run.seconds for run in runs[peer]) > _PATIENCE:
                continue
            found = _quiet_run(group, peer, folder, checked and turn == 0)
            if isinstance(found, str):
                failures[peer] = found
                say(f"{group.name}: {peer}: {found}")
            else:
                runs[peer].append(found)
    return [result(group, peer, runs[peer], failures.get(peer)) for peer in group.peers]


def _quiet_run(group: Group, peer: str, folder: Path, check: bool) -> Run | str:
    """A run, done again where others took much of the machine: of what uses all cores they would take more."""
    found: list[Run] = []
    while len(found) < _TRIES:
        run = run_once(group, peer, folder, check)
        if isinstance(run, str):
            return run
        found.append(run)
        if run.others < _CROWDED or run.seconds < _SHORT or run.seconds > _LONG:
            break
    return min(found, key=lambda run: run.others)


def result(group: Group, peer: str, runs: Sequence[Run], failure: str | None = None) -> dict[str, Any]:
    """What is kept of a peer's runs, in JSON. The memory is the most that any run took."""
    found: dict[str, Any] = {
        "operation": group.operation,
        "work": group.work,
        "place": group.place,
        "peer": peer,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "bytes": trees.nbytes(group.work),
    }
    if failure is not None:
        return found | {"failure": failure}
    return found | {
        "seconds": [round(run.seconds, 6) for run in runs],
        "memory": max(run.own for run in runs),
        "mapped": max(run.mapped for run in runs),
        "others": round(middle([run.others for run in runs])[1], 3),
    }


def run_once(group: Group, peer: str, folder: Path, check: bool) -> Run | str:
    """One run in a process of its own; a text says why there is no figure."""
    output = folder / "output"
    spec = {
        "operation": group.operation,
        "peer": peer,
        "work": group.work,
        "folder": str(folder),
        "output": str(output),
        "check": check,
    }
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(spec)]
    try:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(group.operation), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            samples = _watch(process)
            text = process.stdout.read() if process.stdout else b""
        if process.returncode:
            return f"the process ended with status {process.returncode}"
        return _run_of(json.loads(text.splitlines()[-1]), samples)
    finally:
        remove(output)


def environment(operation: str) -> dict[str, str]:
    """All jax is on the host: what is measured is its memory and its files, whatever else the machine has."""
    found = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join([str(ROOT), *_more_paths()])}
    if operation.endswith("sharded"):
        found["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={_DEVICES}"
    return found


def _more_paths() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _watch(process: subprocess.Popen[bytes]) -> list[tuple[float, Memory]]:
    """The memory of a process again and again while it runs; from outside, so that it costs the process nothing."""
    samples = []
    while process.poll() is None:
        try:
            samples.append((time.monotonic(), memory_of(process.pid)))
        except OSError:
            break
        time.sleep(_SAMPLE)
    return samples


def _run_of(figures: dict[str, Any], samples: list[tuple[float, Memory]]) -> Run | str:
    if "failure" in figures:
        return figures["failure"]
    before, after = Memory(*figures["before"]), Memory(*figures["after"])
    during = [memory for at, memory in samples if figures["start"] <= at <= figures["end"]]
    mapped = max(memory.mapped for memory in [*during, after]) - before.mapped
    # The kernel's own peak is exact, but takes mapped files in. Where there are some, the looks from outside count.
    exact = after.peak - before.own - before.mapped
    own = exact if mapped < _MAPPED else max(memory.own for memory in [*during, after]) - before.own
    return Run(figures["end"] - figures["start"], max(own, 0), max(mapped, 0), max(figures["others"], 0.0))


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high
