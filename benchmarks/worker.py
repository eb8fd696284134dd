"""One operation in a process of its own: `python -m benchmarks.worker SPEC` prints its time and memory as JSON.

The operation runs first on a tiny tree, so that what is measured is neither an import nor a first call.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import re
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import machine
from .jobs import Job, Task
from .operations import OPERATIONS
from .trees import WORKS, Wrong


class Memory(NamedTuple):
    """Bytes that a process holds: of its own, and of files or shared memory that it has mapped."""

    own: int
    mapped: int
    peak: int  # of both together


def memory_of(pid: int | str = "self") -> Memory:
    with open(f"/proc/{pid}/status") as file:
        text = file.read()
    own, file_, shared, peak = (
        int(found[1]) * 1024 if (found := re.search(rf"^{name}:\s+(\d+)", text, re.M)) else 0
        for name in ("RssAnon", "RssFile", "RssShmem", "VmHWM")
    )
    return Memory(own, file_ + shared, peak)


def reset_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # VmHWM is now what is held


def touch(n: int) -> None:
    """Touch `n` bytes of memory, or half of what is free, and give it back.

    The host of a virtual machine takes memory that is free away, and finds it again when it is touched, which can take
    ten times as long as what is measured. Huge pages are touched: other memory comes back in places that the next
    large array does not take.
    """
    n = min(n, machine.available() // 2)
    if n and hasattr(mmap, "MADV_HUGEPAGE"):
        with mmap.mmap(-1, n, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_HUGEPAGE)
            np.frombuffer(memory, np.uint8)[:: mmap.PAGESIZE] = 1


def measure(task: Task, size: int) -> tuple[dict[str, Any], Any]:
    """Run a task; its figures, and what it gave. Peaks are those above what was held before.

    It may take memory of some twice `size` bytes.
    """
    touch(2 * size)
    gc.collect()
    reset_peak()
    before = memory_of()
    busy, own = machine.busy(), _own_time()
    start = time.monotonic()
    found = task.run()
    end = time.monotonic()
    others = machine.busy() - busy - (_own_time() - own)
    after = memory_of()
    share = others / (end - start) / machine.cores()
    return {"start": start, "end": end, "before": before, "after": after, "others": share}, found


def _own_time() -> float:
    """Seconds that this process and those it has started have kept cores busy."""
    user, system, below, system_below, _ = os.times()
    return user + system + below + system_below


def practise(operation: str, peer: str, job: Job) -> None:
    warm = WORKS[job.work].warm
    folder = job.folder / "warm"
    folder.mkdir(exist_ok=True)
    small = Job(warm, folder, job.output.with_name(job.output.name + ".warm"))
    OPERATIONS[operation][peer](small).run()
    remove(small.output)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """The figures of one run, or under "failure" why there are none."""
    operation, peer = spec["operation"], spec["peer"]
    job = Job(spec["work"], Path(spec["folder"]), Path(spec["output"]))
    warnings.simplefilter("ignore")  # of leaves that old loaders cannot read
    try:
        practise(operation, peer, job)
        task = OPERATIONS[operation][peer](job)
        figures, found = measure(task, job.size())
        if spec["check"]:
            task.check(found)
    except Exception as error:
        kind = "wrong result" if isinstance(error, Wrong) else type(error).__name__
        text = (str(error).splitlines() or [""])[0].replace(str(job.folder), "...")
        return {"failure": f"{kind}: {text}"[:200].removesuffix(": ")}
    return figures


if __name__ == "__main__":
    for spec in sys.argv[1:]:  # a measurement is given one
        print(json.dumps(run(json.loads(spec))), flush=True)
