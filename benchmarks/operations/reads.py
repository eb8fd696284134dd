"""What reads a part of a file, or all of it without keeping it: one tensor, a scan, a verification, a comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

import reference
from reference.delta import compare
from reference.verify import verify

from .. import peers, trees
from ..jobs import Job, Task

_ONE: Final = ("lm_head", "kernel")  # the last leaf of a LLaMA, 131 MB in one of 1 GB


def _one(form: str, read: Callable[[Path, trees.Shapes], np.ndarray]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        path, shapes = job.file(form), trees.WORKS[job.work].shapes()

        def check(value: np.ndarray) -> None:
            want = trees.leaf(list(shapes).index(_ONE), *shapes[_ONE])
            if value.dtype != want.dtype or value.tobytes() != want.tobytes():
                raise trees.Wrong("the tensor is not the one that was saved")

        return Task(lambda: read(path, shapes), check)

    return prepare


def _opened(mmap: bool) -> Callable[[Path, trees.Shapes], np.ndarray]:
    def read(path: Path, _: trees.Shapes) -> np.ndarray:
        with reference.open(path, mmap=mmap) as checkpoint:
            value = checkpoint[_ONE]
            return value.copy() if mmap else value  # a copy reads it

    return read


def _scan(form: str, scan: Callable[[Path], dict[trees.Path_, tuple[Any, ...]]]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        path, shapes = job.file(form), trees.WORKS[job.work].shapes()

        def check(found: Any) -> None:
            if found != {key: shape for key, (shape, _) in shapes.items()}:
                raise trees.Wrong("the scan found other leaves")

        return Task(lambda: scan(path), check)

    return prepare


def _scanned(path: Path) -> dict[trees.Path_, tuple[Any, ...]]:
    """By the headers of a plain stream, and the index of a sealed one."""
    return {record.path: record.shape for record in reference.scan(path)}


def _verified(path: Path) -> int:
    with reference.open(path) as checkpoint:
        findings = verify(checkpoint)
        if findings:
            raise trees.Wrong(f"a good file has findings: {findings}")
        return len(checkpoint)


def _verify(form: str, read: Callable[[Path], int]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        path = job.file(form)

        def check(found: int) -> None:
            if found not in (len(trees.WORKS[job.work].shapes()), path.stat().st_size):
                raise trees.Wrong("not all of the file was read")

        return Task(lambda: read(path), check)

    return prepare


def _compare(of: Callable[[Path, Path], int]) -> Callable[[Job], Task]:
    """`of` gives the number of leaves that differ."""

    def prepare(job: Job) -> Task:
        base, target = job.file("stream"), job.file("changed")

        def check(found: int) -> None:
            if found != len(trees.WORKS[job.work].shapes()):  # a step of training changes every leaf
                raise trees.Wrong(f"{found} leaves are said to differ")

        return Task(lambda: of(base, target), check)

    return prepare


def _usual_comparison(a: Path, b: Path) -> int:
    """Both trees whole in memory, each pair of leaves subtracted in float32: differing leaves, and by how much."""
    left, right = trees.flatten(peers.loop_load(a)), trees.flatten(peers.loop_load(b))
    distances = {key: np.abs(left[key].astype(np.float32) - right[key].astype(np.float32)).max() for key in right}
    return sum(distance > 0 for distance in distances.values())


OPERATIONS: Final = {
    "one tensor": {
        "streamckpt": _one("stream", _opened(mmap=False)),
        "streamckpt, sealed": _one("sealed", _opened(mmap=False)),
        "streamckpt, memory map": _one("stream", _opened(mmap=True)),
        "usual loop": _one("stream", lambda path, _: trees.flatten(peers.loop_load(path))[_ONE]),
        "flax msgpack": _one("flax", lambda path, _: trees.flatten(peers.flax_load(path))[_ONE]),
        "safetensors": _one("safetensors", lambda path, _: peers.safetensors_one(path, _ONE)),
        "orbax": _one("orbax", lambda path, _: peers.orbax_one(path, _ONE)),
        "plain read": _one("raw", lambda path, shapes: peers.plain_one(path, shapes, _ONE)),
        "plain memory map": _one("raw", lambda path, shapes: peers.mapped_one(path, shapes, _ONE)),
    },
    "scan": {
        "streamckpt": _scan("stream", _scanned),
        "streamckpt, sealed": _scan("sealed", _scanned),
        "usual loop": _scan("stream", lambda path: {key: value.shape for key, value in peers.loop_leaves(path)}),
        "safetensors": _scan("safetensors", peers.safetensors_scan),
    },
    "verify": {
        "streamckpt": _verify("stream", _verified),
        "streamckpt, sealed": _verify("sealed", _verified),
        "usual loop": _verify("stream", lambda path: sum(1 for _ in peers.loop_leaves(path))),
        "plain read": _verify("stream", peers.plain_pass),
    },
    "compare": {
        "streamckpt": _compare(lambda a, b: compare(str(a), str(b)).count("changed")),
        "usual logic": _compare(_usual_comparison),
    },
}
