"""How the time of a save falls with the processes that write, each at one rate: `python -m benchmarks.slow_writers`.

Real processes of jax.distributed save one tree into one file. Every write of theirs is slowed to the rate, as by a disk
or a network of each host's own, and so the time says how evenly the work is spread, and what the processes do besides.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_DEVICES: Final = 4  # in all, so that they hold the same parts however many processes there are
_SAVES: Final = 3  # and one before them, which compiles the exchange


def time_of(processes: int, megabytes: int, rate: float, format: str, folder: Path) -> float:
    """The seconds of a save by so many processes, the median of some; the rate is in MB/s."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    arguments = map(str, (processes, port, megabytes, rate, format, folder / "weights"))
    command = [sys.executable, "-m", "benchmarks.slow_writers", "--worker", *arguments]
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={_DEVICES // processes}",
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([*command, str(rank)], env=environment, **pipes) for rank in range(processes)]
    told = [process.communicate() for process in started]
    if any(process.returncode for process in started):
        raise RuntimeError("\n".join(errors for _, errors in told))
    saves = zip(*(map(float, output.split()[-_SAVES:]) for output, _ in told), strict=True)
    return sorted(map(max, saves))[_SAVES // 2]


def _slow(rate: float) -> None:
    """Have each write take as long as it would at a rate, in bytes per second."""
    write, free = os.writev, 0.0  # when what was written before would have arrived

    def writev(fd: int, views: Sequence[memoryview]) -> int:
        nonlocal free
        n = write(fd, views)
        free = max(free, time.monotonic()) + n / rate
        time.sleep(max(0.0, free - time.monotonic()))
        return n

    os.writev = writev


def work(processes: int, port: int, megabytes: int, rate: float, format: str, path: Path, rank: int) -> None:
    """Save a tree several times, and print the seconds of each."""
    import jax
    import numpy as np
    from jax.experimental.multihost_utils import sync_global_devices
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import reference

    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"localhost:{port}", processes, rank)
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    n = 16
    shape = (1024, megabytes * 1_000_000 // n // 4096 // _DEVICES * _DEVICES)
    axes = [PartitionSpec("devices"), PartitionSpec(None, "devices"), PartitionSpec()]  # whole rows, columns, replicas
    tree = {}
    for i in range(n):
        sharding, zeros = NamedSharding(mesh, axes[i % 3]), np.zeros(shape, np.float32)
        tree[str(i)] = jax.make_array_from_callback(shape, sharding, lambda index, zeros=zeros: zeros[index])
    reference.save(path, tree, format=format)
    _slow(rate * 1e6)
    for _ in range(_SAVES):
        if processes > 1:
            sync_global_devices("begin")
        begun = time.perf_counter()
        reference.save(path, tree, format=format)
        print(time.perf_counter() - begun, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_writers", description="The time of slow writers.")
    parser.add_argument("--processes", default="1,2,4", help="how many, divisors of 4")
    parser.add_argument("--megabytes", type=int, default=200, help="bytes of the tree")
    parser.add_argument("--rate", type=float, default=50, help="MB/s that each process writes")
    parser.add_argument("--format", default="1.0,2.0", help="versions of the stream")
    parser.add_argument("--worker", nargs=7, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.worker:
        count, port, megabytes, rate, format, path, rank = chosen.worker
        work(int(count), int(port), int(megabytes), float(rate), format, Path(path), int(rank))
        return
    print("format  processes  seconds  times as fast")
    for format in chosen.format.split(","):
        first = None
        for n in map(int, chosen.processes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                seconds = time_of(n, chosen.megabytes, chosen.rate, format, Path(folder))
            first = first or seconds
            print(f"{format:<6} {n:>10} {seconds:>8.2f} {first / seconds:>14.2f}", flush=True)


if __name__ == "__main__":
    main()
