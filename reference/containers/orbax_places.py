"""Where the tree of an orbax checkpoint is: a folder of this machine, or of a bucket, and how tensorstore finds it."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn, Protocol

from ..format.errors import FormatError, UsageError
from ..format.keypaths import printable
from ..storage.places import place_of
from ..storage.stores import kvstore_of
from .orbax_arrays import tensorstore
from .orbax_metadata import MANIFEST, STEP, TREE

_UNFINISHED: Final = ".orbax-checkpoint-tmp"
_MOST: Final = 1 << 30  # bytes of a file of JSON


class OrbaxPlace(Protocol):
    """A folder with the files of a tree."""

    def read(self, name: str) -> bytes | None:
        """A file in it, None where it is not there. Raises OSError."""
        ...

    def mark(self, name: str) -> Any:
        """What is another value when the file is another; None where it is not there. Raises OSError."""
        ...

    def kvstore(self) -> dict[str, Any]:
        """The specification of tensorstore's store of what is in it; its path ends in /."""
        ...


class LocalOrbax:
    """A folder of this machine; `name` is that of the checkpoint, of one of its items, or of their tree."""

    def __init__(self, name: str) -> None:
        """Raises FormatError, UsageError."""
        self._folder = _item_folder(name)

    def read(self, name: str) -> bytes | None:
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def mark(self, name: str) -> Any:
        try:
            info = os.stat(os.path.join(self._folder, name))
        except FileNotFoundError:
            return None
        return info.st_size, info.st_mtime_ns

    def kvstore(self) -> dict[str, Any]:
        return {"driver": "file", "path": os.path.join(os.path.abspath(self._folder), "")}


class FarOrbax:
    """A folder of a bucket, to which tensorstore connects by itself: its names are not listed."""

    def __init__(self, url: str) -> None:
        """Raises FormatError, OSError, UsageError."""
        self._url = url if url.endswith("/") else f"{url}/"
        self._kept: dict[str, bytes | None] = {}  # what has been read by now
        kvstore_of(self._url)  # refused before anything is asked of a server
        if self.read(TREE) is None:
            self._url = self._item()
            self._kept.clear()

    def _item(self) -> str:
        """The folder of the one tree in a step, which says what its items are."""
        step = self.read(STEP)
        try:
            said = json.loads(step) if step is not None else None
        except ValueError:
            said = None
        handlers = said.get("item_handlers") if isinstance(said, dict) else None
        names = [name for name in handlers if type(name) is str] if isinstance(handlers, dict) else ["default"]
        found = [name for name in names if self.read(f"{name}/{TREE}") is not None]
        if len(found) == 1:
            return f"{self._url}{found[0]}/"
        return _refuse(self._url.rstrip("/"), found)

    def read(self, name: str) -> bytes | None:
        if name not in self._kept:
            self._kept[name] = self._now(name)
        return self._kept[name]

    def _now(self, name: str) -> bytes | None:
        try:
            file = place_of(self._url + name).open()
        except FileNotFoundError:
            return None
        with contextlib.closing(file):
            if file.size > _MOST:
                raise UsageError(f"{self._url}{name} has {file.size} bytes, and is said to be the tree of a checkpoint")
            return file.read_at(0, file.size)

    def mark(self, name: str) -> Any:
        """Its bytes, since a bucket need not say more: at first those that have been read, then what is there."""
        return self._kept.pop(name) if name in self._kept else self._now(name)

    def kvstore(self) -> dict[str, Any]:
        spec = kvstore_of(self._url)
        try:
            tensorstore().KvStore.Spec(spec)
        except ValueError:  # older releases look everywhere, and have no word for where
            spec.pop("aws_credentials", None)
        return spec


# --- finding the folder ---------------------------------------------------------------------------------


def holds_orbax(folder: str) -> bool:
    """Whether a folder of this machine is a checkpoint of orbax, or holds the items of one, or its steps."""
    names = os.listdir(folder)
    return bool({TREE, STEP, MANIFEST} & set(names)) or bool(_items(folder, names)) or bool(_steps(folder, names))


def _items(folder: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if os.path.isfile(os.path.join(folder, name, TREE)))


def _steps(folder: str, names: Iterable[str]) -> list[str]:
    """The folders of steps, as a checkpoint manager calls them."""
    steps = [name for name in names if re.fullmatch(r"(.*_)?[0-9]+", name)]
    return sorted(
        (name for name in steps if os.path.isfile(os.path.join(folder, name, STEP)) or _is_old(folder, name)),
        key=lambda name: int(name.rpartition("_")[2]),
    )


def _is_old(folder: str, step: str) -> bool:
    inner = os.path.join(folder, step)
    return os.path.isdir(inner) and bool(_items(inner, os.listdir(inner)))


def _item_folder(name: str) -> str:
    """The folder of the tree that a folder is, or the one item of it that is a tree. Raises UsageError, FormatError."""
    names = os.listdir(name)
    if _UNFINISHED in os.path.basename(os.path.abspath(name)):
        advice = "name the checkpoint before it, or save again"
        raise FormatError("CONV-6", None, None, "this is a save of orbax that has not been finished", advice)
    if TREE in names:
        return name
    items = [item for item in _items(name, names) if _UNFINISHED not in item]
    return os.path.join(name, items[0]) if len(items) == 1 else _refuse(name.rstrip("/"), items, _steps(name, names))


def _refuse(base: str, items: list[str], steps: Iterable[str] = ()) -> NoReturn:
    """Refuse a folder that has several trees, or none."""
    if items:
        found = ", ".join(map(printable, items))
        raise UsageError(f"{base} holds the trees {found}: name one, as in orbax::{base}/{printable(items[0])}")
    if steps := list(steps):
        found = ", ".join(steps[-8:])
        raise UsageError(f"{base} holds the steps {found}: name one, as in orbax::{base}/{steps[-1]}")
    advice = "leave orbax:: out where it is of another kind; restore one of orbax before 0.5 with that version of orbax"
    error = FormatError("CONV-6", None, None, f"this is not an orbax folder: there is no {TREE} in it", advice)
    error.file = base
    raise error
