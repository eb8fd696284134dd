"""What is done while the power fails: each operation that writes, and the files that it must leave whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

import numpy as np

import reference
from fuzz.findings import Broken
from fuzz.operations import OLD, OPERATIONS, OUTPUT, TARGET
from reference.checkpointer import StreamingCheckpointer
from reference.convert import convert
from reference.salvage import salvage
from reference.seal import seal
from reference.storage import folders, new_files


class Case(NamedTuple):
    """An operation in a folder that holds the inputs of `fuzz.operations`, what is there before, and what it writes.

    Whatever happens, each of the files `names` holds what it held before or what it holds after, and each of `kept`
    what it held. Those of `gone` are of the old file, and are not there beside the new one.
    """

    prepare: Callable[[Path], Any]
    run: Callable[[Path], Any]
    names: tuple[str, ...]
    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def contents(self, folder: Path) -> dict[str, bytes | None]:
        """What its files hold; None if there is no file."""
        paths = {name: folder / name for name in (*self.names, *self.kept, *self.gone)}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def check(
        self,
        found: dict[str, bytes | None],
        old: dict[str, bytes | None],
        new: dict[str, bytes | None],
        returned: bool,
        shown: str,
    ) -> str:
        """Check what is found after the power has failed, and say which it is. Raises Broken."""
        for name, data in found.items():
            allowed = [old[name]] if name in self.kept else [new[name]] if returned else [old[name], new[name]]
            if data not in allowed:
                there = "there is no file" if data is None else f"{len(data)} bytes that are neither"
                raise Broken(f"{shown}: {name}: {there}{', after it had returned' * returned}")
        if (
            self.gone
            and found[self.names[0]] == new[self.names[0]]
            and any(found[name] is not None for name in self.gone)
        ):
            raise Broken(f"{shown}: {', '.join(self.gone)} of the old file is there beside the new one")
        return "new" if found == new else "old" if found == old else "some of each"


def _old_output(folder: Path) -> None:
    (folder / OUTPUT).write_bytes(OLD * 1000)


def _old_with_seal(folder: Path) -> None:
    shutil.copy(folder / "base", folder / OUTPUT)
    seal(folder / OUTPUT)


def _damaged(folder: Path) -> None:
    _old_output(folder)
    (folder / "damaged").write_bytes((folder / "target").read_bytes() + bytes(100))


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
    "save over a stream with a seal beside it": Case(
        _old_with_seal, OPERATIONS["save"], (OUTPUT,), gone=(f"{OUTPUT}.seal",)
    ),
    "salvage": Case(_damaged, lambda folder: salvage(folder / "damaged", folder / OUTPUT), (OUTPUT,)),
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
