"""Conversions of a file to another container or float dtype; what `cp` takes is their limit."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from reference.convert import convert

from .. import peers, trees
from ..jobs import Job, Task


def _ours(prefix: str, form: str, target: str, check: Callable[[Job], None], float_dtype: str = "") -> Any:
    def prepare(job: Job) -> Task:
        source, output = f"{prefix}::{job.file(form)}", f"{target}::{job.output}"

        def run() -> None:
            convert(source, output, float_dtype=float_dtype)
            peers.sync(job.output)

        return Task(run, lambda _: check(job))

    return prepare


def _usual(form: str, load: Callable[[Path], Any], save: Callable[[Path, Any], None], check: Any) -> Any:
    """Load all, save all: the logic of the script that `reference.convert` replaces."""

    def prepare(job: Job) -> Task:
        source = job.file(form)

        def run() -> None:
            save(job.output, load(source))
            peers.sync(job.output)

        return Task(run, lambda _: check(job))

    return prepare


def _copy(form: str) -> Callable[[Job], Task]:
    def prepare(job: Job) -> Task:
        source = job.file(form)

        def run() -> None:
            subprocess.run([shutil.which("cp") or "cp", source, job.output], check=True)
            peers.sync(job.output)

        def check(_: Any) -> None:
            if job.output.stat().st_size != source.stat().st_size:
                raise trees.Wrong("the copy is of another size")

        return Task(run, check)

    return prepare


def _cast(tree: Any) -> Any:
    """Floats to bfloat16 as the usual script does it, by jax."""
    import jax

    return jax.tree.map(lambda value: jax.numpy.asarray(value).astype("bfloat16"), tree)


def _is_flax(job: Job) -> None:
    trees.check(job.work, trees.flatten(peers.flax_load(job.output)))


def _is_stream(job: Job) -> None:
    trees.check_stream(job.work, peers.loop_leaves(job.output))


def _is_cast(job: Job) -> None:
    trees.check_stream(job.work, peers.loop_leaves(job.output), dtype="bfloat16")


def _is_safetensors(job: Job) -> None:
    trees.check(job.work, peers.safetensors_load(job.output))


OPERATIONS: Final = {
    "convert stream to flax": {
        "streamckpt": _ours("params", "stream", "flax", _is_flax),
        "usual logic": _usual("stream", peers.loop_load, peers.flax_save, _is_flax),
        "cp": _copy("stream"),
    },
    "convert flax to stream": {
        "streamckpt": _ours("flax", "flax", "params", _is_stream),
        "usual logic": _usual("flax", peers.flax_load, peers.loop_save, _is_stream),
        "cp": _copy("flax"),
    },
    "convert with a cast": {
        "streamckpt": _ours("params", "stream", "params", _is_cast, "bf16"),
        "usual logic": _usual("stream", lambda path: _cast(peers.loop_load(path)), peers.loop_save, _is_cast),
        "cp": _copy("stream"),
    },
    "convert stream to safetensors": {
        "streamckpt": _ours("params", "stream", "safetensors", _is_safetensors),
        "usual logic": _usual(
            "stream",
            lambda path: trees.flatten(peers.loop_load(path)),
            peers.safetensors_save,
            _is_safetensors,
        ),
        "cp": _copy("stream"),
    },
}
