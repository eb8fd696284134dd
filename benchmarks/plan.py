"""Which groups a run measures: the quick one in some four minutes, the full one in an hour and a half."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Final

from .measure import Group
from .operations import OPERATIONS
from .trees import SERIES

MEMORY: Final = "tmpfs"
_SLOW: Final = ("usual loop, jitted gather", "usual loop, jitted shard functions")
# The 3 GB tree and the leaf of 3 GiB: every file and every copy of these counts, so the closest peers alone.
_FEW: Final = ("streamckpt", "usual loop", "safetensors", "plain write", "plain read")
_SEALED: Final = ("streamckpt, sealed", "streamckpt, sealed, unchecked")
_ONE_OF_MANY: Final = (
    "streamckpt",
    "streamckpt, sealed",
    "streamckpt, memory map",
    "safetensors",
    "plain read",
    "plain memory map",
)
_CONVERSIONS: Final = (
    ("convert stream to flax", ""),
    ("convert flax to stream", ""),
    ("convert with a cast", "-f32"),
    ("convert stream to safetensors", ""),
)
_WHOLE: Final = ("save numpy", "load numpy")
Plan = list[tuple[str, str, tuple[str, ...] | None, int]]  # operation, work, peers (None: all), turns

QUICK: Final[Plan] = [
    ("save numpy", "llama-quick", None, 3),
    ("load numpy", "llama-quick", None, 3),
    ("memory map", "llama-quick", None, 3),
    ("one tensor", "llama-quick", ("streamckpt", "streamckpt, sealed", "usual loop", "safetensors", "plain read"), 3),
    ("map to jax", "llama-quick", None, 2),
    *((operation, "medium-quick", (*_FEW, *_SEALED), 3) for operation in _WHOLE),
    ("scan", "sparse-100gb", ("streamckpt", "streamckpt, sealed"), 3),
    ("convert stream to flax", "llama-quick", None, 3),
    ("convert with a cast", "llama-quick-f32", None, 3),
    ("diff", "llama-quick", None, 1),
    ("recover", "llama-quick", None, 1),
    ("save jax", "llama-quick", _FEW, 2),
    ("load jax", "llama-quick", _FEW, 2),
    *((operation, "small-20k", _FEW, 3) for operation in ("save numpy", "load numpy", "scan")),
    ("import", "tiny", None, 3),
]


def _tree(size: str) -> Plan:
    """All operations on one LLaMA."""
    work = f"llama-{size}"
    often = ("save numpy", "save jax", "load numpy", "load jax", "memory map", "map to jax", "one tensor", "scan")
    seldom = ("save sharded", "load sharded", "verify", "diff", "recover", "compare")
    return [
        *((operation, work, None, 5) for operation in often),
        *((operation, work + kind, None, 5) for operation, kind in _CONVERSIONS),
        *((operation, work, None, 3) for operation in seldom),
    ]


FULL: Final[Plan] = [
    *_tree("1gb"),
    *((operation, "llama-3gb", _FEW, 3) for operation in ("save numpy", "load numpy", "memory map")),
    ("one tensor", "llama-3gb", _ONE_OF_MANY, 5),
    *((operation, "medium-1gb", (*_FEW, *_SEALED), 5) for operation in _WHOLE),
    *(
        (operation, work, (*_FEW, *_SEALED), 3)
        for work in ("llama-100m", "llama-1b", "layers-7b", "layers-70b")
        for operation in _WHOLE
    ),
    ("scan", "sparse-100gb", ("streamckpt", "streamckpt, sealed"), 5),
    *((operation, "leaf-3gib", _FEW, 3) for operation in ("save numpy", "load numpy")),
    *((operation, "state-1gb", None, 3) for operation in ("save jax", "load jax")),
    *((operation, "small-20k", None, 5) for operation in ("save numpy", "load numpy", "scan")),
    *(
        (operation, f"records-{n}", ("streamckpt", "usual loop", *(["streamckpt, sealed"] * (operation == "scan"))), 3)
        for n in SERIES
        for operation in ("save numpy", "load numpy", "scan")
    ),
    ("import", "tiny", None, 7),
]
# On a disk the same operations, where it has a part in them.
DISK: Final[Plan] = [
    *((operation, "llama-1gb", None, 3) for operation in ("save numpy", "load numpy")),
    *((operation, "llama-1gb", _FEW, 3) for operation in ("save jax", "save sharded", "load jax", "one tensor")),
    *((operation, "llama-1gb" + kind, None, 3) for operation, kind in _CONVERSIONS),
    ("diff", "llama-1gb", ("streamckpt, exact", "streamckpt, subtraction"), 1),
    *((operation, "llama-3gb", ("streamckpt", "plain write", "plain read"), 2) for operation in _WHOLE),
    *((operation, "leaf-3gib", ("streamckpt", "plain write", "plain read"), 2) for operation in _WHOLE),
    *((operation, "state-1gb", _FEW, 3) for operation in ("save jax", "load jax")),
    *((operation, "small-20k", _FEW, 3) for operation in (*_WHOLE, "scan")),
]


def groups(place: str, kind: str, full: bool, match: str = "*") -> Iterator[Group]:
    """The groups for a place, those of one tree together; `match` is a glob on OPERATION/WORK/PLACE."""
    plan = QUICK if not full else FULL if kind == MEMORY else DISK
    works = list(dict.fromkeys(work for _, work, _, _ in plan))
    for operation, work, peers, turns in sorted(plan, key=lambda entry: works.index(entry[1])):
        known = OPERATIONS[operation]
        chosen = tuple(peer for peer in known if peers is None or peer in peers)
        group = Group(operation, work, place, chosen, turns)
        if fnmatch.fnmatchcase(group.name, match):
            yield group
