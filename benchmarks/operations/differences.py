"""Differences of two checkpoints, and a checkpoint recovered from its base and a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from reference.delta import add, diff, recover, subtract

from .. import peers, trees
from ..jobs import Job, Task


def _arithmetic(minus: bool) -> Callable[[Path, Path, Path], None]:
    """The logic of the script that `reference.diff` replaces: both trees whole in memory, computed by jax."""

    def run(base: Path, other: Path, output: Path) -> None:
        import jax

        array = jax.numpy.asarray
        combine = (lambda b, t: array(t) - array(b)) if minus else (lambda b, d: array(b) + array(d))
        peers.loop_save(output, jax.tree.map(combine, peers.loop_load(base), peers.loop_load(other)))

    return run


def _task(form: str, run: Callable[[Path, Path, Path], object], check: Callable[[Job], None]) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        base, changed = job.file("stream"), job.file("changed")  # a delta is made from both
        other = changed if form == "changed" else job.file(form)

        def whole() -> None:
            run(base, other, job.output)
            peers.sync(job.output)

        return Task(whole, lambda _: check(job))

    return prepare


def _is_difference(job: Job) -> None:
    """What was written is target - base, each value rounded once."""

    def is_right(i: int, value: np.ndarray, what: tuple[tuple[int, ...], str]) -> bool:
        return np.array_equal(value, _rounded_difference(i, what))

    trees.check_leaves(job.work, peers.loop_leaves(job.output), is_right)


def _is_sum(job: Job) -> None:
    """What was recovered from an arithmetic difference is base + difference, each value rounded once."""

    def is_right(i: int, value: np.ndarray, what: tuple[tuple[int, ...], str]) -> bool:
        sums = trees.leaf(i, *what).astype(np.float32) + _rounded_difference(i, what).astype(np.float32)
        return np.array_equal(value, sums.astype(value.dtype))

    trees.check_leaves(job.work, peers.loop_leaves(job.output), is_right)


def _rounded_difference(i: int, what: tuple[tuple[int, ...], str]) -> np.ndarray:
    base, target = (trees.leaf(i, *what, changed).astype(np.float32) for changed in (False, True))
    return (target - base).astype(what[1])


def _is_delta(job: Job) -> None:
    """A delta is what it is worth: the target comes back from it."""
    recovered = job.output.with_name(f"{job.output.name}.recovered")
    recover(str(job.file("stream")), job.output, recovered)
    trees.check_stream(job.work, peers.loop_leaves(recovered), changed=True)
    recovered.unlink()


def _is_target(job: Job) -> None:
    trees.check_stream(job.work, peers.loop_leaves(job.output), changed=True)


def _ours(function: Callable[..., Any]) -> Callable[[Path, Path, Path], object]:
    return lambda base, other, output: function(str(base), str(other), str(output))


OPERATIONS: Final = {
    "diff": {
        "streamckpt, exact": _task("changed", _ours(diff), _is_delta),
        "streamckpt, subtraction": _task("changed", _ours(subtract), _is_difference),
        "usual logic": _task("changed", _arithmetic(minus=True), _is_difference),
    },
    "recover": {
        "streamckpt, exact": _task("delta", _ours(recover), _is_target),
        "streamckpt, subtraction": _task("difference", _ours(add), _is_sum),
        "usual logic": _task("difference", _arithmetic(minus=False), _is_sum),
    },
}
