"""Invariant: a file that changes while it is read gives what it was or an error; no crash, and no half output."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

import reference
from fuzz.equality import same
from fuzz.faults import State, changing
from fuzz.files import records_of
from fuzz.findings import Broken
from fuzz.operations import BASE, OPERATIONS, OUTPUT, in_small_pieces, prepared, wanted
from reference.checkpoints.checkpoint import open as open_checkpoint
from reference.containers.flax_file import FLAX
from reference.containers.safetensors_file import SAFETENSORS
from reference.containers.stream import STREAM
from reference.format.errors import FormatError
from reference.verify import verify

SHRINK, GROW, OVERWRITE, REPLACE, REMOVE = "shrinks", "grows", "is overwritten", "is replaced", "is removed"
CHANGES: Final = (SHRINK, GROW, OVERWRITE, REPLACE, REMOVE)


def _verify(folder: Path) -> None:
    with open_checkpoint(f"params::{folder / 'base'}") as checkpoint:
        verify(checkpoint)


def _load(folder: Path) -> Any:
    return reference.load(folder / "base")


_READERS: Final[dict[str, Callable[[Path], Any]]] = {"load": _load, "verify": _verify}
_WRITERS: Final = {name: OPERATIONS[name] for name in OPERATIONS if "save" not in name}
ALL: Final = _READERS | _WRITERS
_WRITTEN: Final = {"convert to a flax file": FLAX, "convert to safetensors": SAFETENSORS}
VALUES = st.tuples(
    st.sampled_from(sorted(ALL)), st.sampled_from(CHANGES), st.integers(0, 30), st.integers(0, 2000), st.booleans()
)


def check(value: tuple[str, str, int, int, bool]) -> None:
    check_change(prepared(), *value)


def check_change(place: Path, name: str, change: str, k: int, at: int, other: bool) -> None:
    """Change one input of an operation before its k-th read, at a place in the file."""
    file = place / (_second(name) if other else "base")
    data, output = file.read_bytes(), place / OUTPUT
    output.unlink(missing_ok=True)
    new = wanted(place, name) if name in _WRITERS else b""
    before, error, result = State.of(place), None, None
    with in_small_pieces(), changing(k, functools.partial(_change, file, change, data, at)) as calls:
        try:
            result = ALL[name](place)
        except (OSError, FormatError) as caught:
            error = caught
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    shown = f"{name}, {file.name} {change} at byte {at} before read {k}: {error!r}"
    _check(name, change if calls.failed else "", new, result, error, shown, output)
    if left := State.of(place, before).left_since(before, OUTPUT):
        raise Broken(f"stays behind, {left}: {shown}")


def _second(name: str) -> str:
    """The other file that an operation reads."""
    return {"diff": "target", "subtract": "target", "recover": "delta", "add": "difference"}.get(name, "base")


def _change(file: Path, change: str, data: bytes, at: int) -> None:
    at %= len(data)
    if change == SHRINK:
        os.truncate(file, at)
    elif change == GROW:
        with file.open("ab") as end:
            end.write(data[at:] + b"more")
    elif change == OVERWRITE:
        with file.open("r+b") as inside:
            inside.seek(at)
            inside.write(bytes(byte ^ 0x55 for byte in data[at : at + 64]))
    elif change == REPLACE:
        there = file.with_suffix(".new")
        there.write_bytes(data[:at])
        there.replace(file)
    else:
        file.unlink()


def _check(name: str, change: str, new: bytes, result: Any, error: Exception | None, shown: str, output: Path) -> None:
    if error is not None:
        if output.exists():
            raise Broken(f"there is an output: {shown}")
        return
    if name in _WRITERS:
        made = output.read_bytes()
        if change != OVERWRITE or name == "recover":  # whose digests find what is overwritten
            if made != new:
                raise Broken(f"the output is not what the old file gives: {shown}")
        elif name != "diff" and records_of(made, _WRITTEN.get(name, STREAM)) is None:
            raise Broken(f"the output is not a good file: {shown}")
    elif name == "load" and change != OVERWRITE and not same(result, BASE):
        raise Broken(f"another tree is loaded: {shown}")
