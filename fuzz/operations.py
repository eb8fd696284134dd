"""What writes checkpoints, as operations on a folder: each reads `base` and `target` there and writes `output`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

import reference
from fuzz.scratch import folder
from reference.convert import convert
from reference.delta import add, diff, recover, subtract
from reference.differences import exact_recovery, leaf_contents
from reference.format import blocks, payloads
from reference.storage import copying, local_files, sinks
from reference.storage.sidecars import write_sidecar

OLD: Final = b"\x92\x91\xa3old\xc4\x01\x07"  # the file that stood at the output's name
INPUTS: Final = ("base", "target", "delta", "difference")
OUTPUT: Final = "output"

BASE: Final = {
    "a": {"kernel": np.arange(300, dtype=np.float32), "bias": np.linspace(0, 1, 7, dtype=np.float16)},
    "b": np.arange(12, dtype=np.int8).reshape(3, 4),
}
TARGET: Final = {
    "a": {"kernel": BASE["a"]["kernel"] * np.float32(1.01), "bias": BASE["a"]["bias"]},
    "b": BASE["b"] + np.int8(1),
}


def prepare(folder: Path) -> None:
    """Write the inputs."""
    reference.save(folder / "base", BASE)
    reference.save(folder / "target", TARGET)
    base, target, _ = _pair(folder, "target")
    with in_small_pieces():
        diff(base, target, folder / "delta", jobs=1)
    subtract(base, target, folder / "difference", backend="numpy")


def _save_in_background(folder: Path) -> None:
    reference.save(folder / OUTPUT, TARGET, blocking=False).wait()


def _convert(output: str, **options: Any) -> Callable[[Path], Any]:
    def operation(folder: Path) -> Any:
        load, write = f"params::{folder / 'base'}", output.format(folder / OUTPUT)
        return convert(load, write, backend="numpy", **options)

    return operation


def _pair(folder: Path, other: str) -> tuple[str, str, Path]:
    return f"params::{folder / 'base'}", f"params::{folder / other}", folder / OUTPUT


def _recover(folder: Path) -> None:
    base, _, output = _pair(folder, "")
    recover(base, folder / "delta", output, jobs=2)


OPERATIONS: Final[dict[str, Callable[[Path], Any]]] = {
    "save": lambda folder: reference.save(folder / OUTPUT, TARGET),
    "save in the background": _save_in_background,
    "convert to a stream": _convert("params::{}"),
    "convert to a flax file": _convert("flax::{}"),
    "convert to safetensors": _convert("safetensors::{}"),
    "convert with a cast": _convert("params::{}", float_dtype="bf16"),
    "diff": lambda folder: diff(*_pair(folder, "target"), jobs=2, backend="numpy"),
    "recover": _recover,
    "subtract": lambda folder: subtract(*_pair(folder, "target"), backend="numpy"),
    "add": lambda folder: add(*_pair(folder, "difference"), backend="numpy"),
    "sidecar": lambda folder: write_sidecar(folder / OUTPUT, b'{"step": 1}\n'),
}


def prepared() -> Path:
    """A folder with the inputs, and without the output of whoever had it before."""
    place = _prepared()
    (place / OUTPUT).unlink(missing_ok=True)
    return place


@functools.cache
def _prepared() -> Path:
    place = folder() / "operations"
    place.mkdir()
    prepare(place)
    return place


@functools.cache
def wanted(place: Path, name: str) -> bytes:
    """What an operation writes where nothing fails."""
    with in_small_pieces():
        OPERATIONS[name](place)
    data = (place / OUTPUT).read_bytes()
    (place / OUTPUT).unlink()
    return data


@contextlib.contextmanager
def in_small_pieces() -> Iterator[None]:
    """Make the reference move small files as it moves large ones: by the kernel, in many calls and pieces."""
    sizes = (
        *((module, "CALL", 512) for module in (local_files, copying, sinks)),
        (payloads, "PIECE", 256),
    )
    of_sinks = (
        (sinks, "_HELD", 64),
        (sinks, "_BEHIND", 512),
        (copying, "_SHORT", 64),
        (copying, "_BUFFER", 256),
        (copying, "_TRIAL", 256),
    )
    of_deltas = (
        (blocks, "_SAMPLE", 64),
        *((module, "BLOCK", 512) for module in (blocks, leaf_contents, exact_recovery)),
    )
    with contextlib.ExitStack() as stack:
        for module, name, size in (*sizes, *of_sinks, *of_deltas):
            stack.enter_context(mock.patch.object(module, name, size))
        yield
