"""The machine on which figures were taken, as far as it bears on them, and nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = (
    "numpy",
    "ml_dtypes",
    "msgpack",
    "jax",
    "flax",
    "optax",
    "safetensors",
    "orbax-checkpoint",
    "tensorstore",
    "zstandard",
)


def describe() -> dict[str, Any]:
    return {
        "processor": _field("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.machine(),
        "cores": cores(),
        "memory": int(_field("/proc/meminfo", r"MemTotal:\s+(\d+)") or 0) * 1024,
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
    }


def _field(path: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return found[1].strip() if found else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def available() -> int:
    """Bytes that may still be had; on tmpfs a file takes of them too."""
    return int(_field("/proc/meminfo", r"MemAvailable:\s+(\d+)") or 0) * 1024


def load() -> float:
    """How many processes were running, on average of the last minute."""
    return os.getloadavg()[0]


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> float:
    """Seconds that all cores together have been at work since the start of the machine, to a hundredth."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, *interrupts = map(int, file.readline().split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def file_system(folder: Path) -> str:
    """The kind of file system that holds a folder, such as tmpfs or ext4."""
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/mounts").read_text()
    except OSError:
        return kind
    for line in mounts.splitlines():
        _, point, type_, *_ = line.split(" ")
        inside = point == "/" or f"{folder.resolve()}/".startswith(f"{point}/")
        if inside and len(point) >= len(best):
            best, kind = point, type_
    return kind
