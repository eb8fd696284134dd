"""What is done while the power fails: each operation that writes, and the files that it must leave whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

import numpy as np

import reference
from fuzz.operations import OLD, OPERATIONS, OUTPUT, TARGET
from reference.checkpointer import StreamingCheckpointer
from reference.convert import convert
from reference.seal import seal
from reference.storage import folders, new_files


class Case(NamedTuple):
    """An operation in a folder that holds the inputs of `fuzz.operations`, what is there before, and what it writes.

    Whatever happens, each of the files `names` holds what it held before or what it holds after, and `kept` what it held.
    """

    prepare: Callable[[Path], Any]
    run: Callable[[Path], Any]
    names: tuple[str, ...]
    kept: tuple[str, ...] = ()


def _old_output(folder: Path) -> None:
    (folder / OUTPUT).write_bytes(OLD * 1000)


class _State(NamedTuple):
    """A train state, as far as a checkpointer asks for it."""

    step: int
    params: dict[str, Any]


def _save_all(folder: Path, step: int) -> None:
    state = _State(step, {"params": {"w": np.full(3000, step, np.float32)}})
    config = {"float_dtype": "", "save_optimizer_state": True}
    checkpointer = StreamingCheckpointer(config, folder / "runs" / "one")
    checkpointer.save_all(state, None, {"step": step}, {"index": step})


_RUN: Final = tuple(f"runs/one/{name}" for name in ("streaming_train_state", "metadata.json", "dataset.json"))

CASES: Final[dict[str, Case]] = {
    **{name: Case(_old_output, run, (OUTPUT,)) for name, run in OPERATIONS.items()},
    "save where nothing was": Case(lambda folder: None, OPERATIONS["save"], (OUTPUT,)),
    "save a sealed stream": Case(
        _old_output, lambda folder: reference.save(folder / OUTPUT, TARGET, format="2.0"), (OUTPUT,)
    ),
    "convert in place": Case(
        lambda folder: reference.save(folder / OUTPUT, TARGET),
        lambda folder: convert(folder / OUTPUT, folder / OUTPUT, float_dtype="bf16"),
        (OUTPUT,),
    ),
    "seal": Case(lambda folder: None, lambda folder: seal(folder / "target"), ("target.seal",), ("target",)),
    "save where no folder was": Case(lambda folder: None, lambda folder: _save_all(folder, 1), _RUN),
    "save all": Case(lambda folder: _save_all(folder, 1), lambda folder: _save_all(folder, 2), _RUN),
}


@contextlib.contextmanager
def after_each_call(act: Callable[[], None]) -> Iterator[None]:
    """Do something after each call to the system that changes more than the contents of a file."""

    def followed(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            done = do(*arguments, **more)
            act()
            return done

        return call

    names = ("fsync", "fchmod", "fchown", "link", "replace", "unlink", "mkdir")
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(os, name, followed(getattr(os, name))))
        yield


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Make the reference forget what it does for the power to fail: a fault that the checks have to find."""

    def take_place(new: new_files.NewFile) -> None:
        if new._hidden is None:
            while new._link():
                pass
        new._rename() if new._hidden is not None else None
        folders.sync_folder(new._target.parent)

    with mock.patch.object(new_files.NewFile, "take_place", take_place):
        yield
