"""Where a checkpoint is written: one file, or a folder of shards with their index."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ..containers.load_prefixes import split_output, split_set
from ..containers.registry import steps_of
from ..containers.safetensors_file import SAFETENSORS, SPLIT, default_metadata, name_of
from ..containers.shard_index import LAYOUTS, Layout, encode_index
from ..format.errors import FormatError, UsageError
from ..format.keypaths import KeyPath
from ..format.payloads import Step, write_steps
from ..format.records import Item
from ..format.sealing import SealOptions
from ..format.streams import check_paths
from ..storage.local_files import Path_, Progress
from ..storage.place import Place
from ..storage.places import LocalPlace, place_of
from ..storage.same_files import refuse_itself
from ..storage.whole_folders import check_folder, replace_set

# The largest shard where nothing else is said, in bytes of tensors: what transformers and huggingface_hub take.
DEFAULT_SHARD: Final = "5GB"
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS_OF_TWO: Final = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


class Plan(NamedTuple):
    """What is to be written: for each file its name, "" where the output is one file, and its steps."""

    files: list[tuple[str, list[Step]]]
    index_bytes: bytes | None = None

    def sizes(self) -> list[int]:
        """The bytes of all steps."""
        return [step.size() for _, steps in self.files for step in steps]


class Output:
    """What an output names: `kind` is what is written, `name` the path, and `is_folder` whether it is one of shards."""

    def __init__(self, output: Path_, streaming: bool | None = None, max_shard_size: int | str | None = None) -> None:
        """`max_shard_size` is a number of bytes or a text such as 5GB. Raises UsageError."""
        found = split_set(output, streaming)
        self.is_folder = found is not None
        self.kind, self.name = found or split_output(output, streaming)
        self._most = bytes_of_size(DEFAULT_SHARD if max_shard_size is None else max_shard_size)
        self._place: Place = place_of(self.name)
        if not self.is_folder and max_shard_size is not None:
            raise UsageError(f"--max_shard_size is for a folder of shards, and {self.name} is a file: end it with /")
        if self.is_folder and self.kind not in LAYOUTS:
            raise UsageError(f"{self.name} is a folder, and a {self.kind} is one file: name it without / at the end")

    def plan(
        self,
        items: Sequence[Item],
        seal: SealOptions | None = None,
        metadata: Mapping[str, str] | None = None,
        names: str = SPLIT,
    ) -> Plan:
        """The files of these leaves, refused before anything is written where they cannot be; see `steps_of`.

        Raises FormatError.
        """
        if not self.is_folder:
            return Plan([("", steps_of(self.kind, items, seal, metadata, names))])
        layout = LAYOUTS[self.kind]
        check_paths([item.path for item in items])
        if self.kind == SAFETENSORS:
            metadata = default_metadata(items) if metadata is None else metadata
        groups = shards_of(items, self._most)
        where: dict[tuple[str, ...], str] = {}
        files: list[tuple[str, list[Step]]] = []
        for i, group in enumerate(groups):
            shard = layout.shard(i, len(groups))
            files.append((shard, steps_of(self.kind, group, None, metadata, names)))
            where |= {item.path: shard for item in group}
        index: dict[str, str] = {}
        for item in items:
            name = _index_name(self.kind, layout, item.path, names)
            if name in index:
                raise FormatError("CONV-7", None, KeyPath(item.path), f"the name {name!r} is taken")
            index[name] = where[item.path]
        total = sum(item.leaf.nbytes for item in items)
        return Plan(files, encode_index(index, total) if len(groups) > 1 else None)

    def refuse_itself(self, path: Path_) -> None:
        """Refuse to write into the file that is read; see `same_files`. Raises UsageError."""
        if not self.is_folder:
            refuse_itself(self._place, path)

    def check(self) -> None:
        """Refuse an output that cannot be written, before any work is done. Raises OSError."""
        if not self.is_folder:
            self._place.check_output()
        elif isinstance(self._place, LocalPlace):
            check_folder(self._place.name)
        else:
            self._refuse_set_there()

    def write(self, plan: Plan, moved: Progress, finish: Callable[[], None] = lambda: None) -> None:
        """Write the files, which appear as a whole or not at all; `finish` is called before they do.

        In a folder that is not on this machine the index is written last. Raises OSError.
        """
        if not self.is_folder:
            with self._place.replace(moved, True, sum(plan.sizes())) as sink:
                write_steps(sink, plan.files[0][1])
                finish()
        elif isinstance(self._place, LocalPlace):
            layout = LAYOUTS[self.kind]
            with replace_set(self._place.name, layout.holds, layout.index_name) as stage:
                self._write_set(plan, moved, finish, stage + os.sep)
        else:
            self._write_set(plan, moved, finish, self.name)

    def _write_set(self, plan: Plan, moved: Progress, finish: Callable[[], None], folder: str) -> None:
        for name, steps in plan.files:
            with place_of(folder + name).replace(moved, True, sum(map(Step.size, steps))) as sink:
                write_steps(sink, steps)
                finish()
        if plan.index_bytes is not None:
            with place_of(folder + LAYOUTS[self.kind].index_name).replace() as sink:
                sink.write(plan.index_bytes)

    def _refuse_set_there(self) -> None:
        """Of a place whose files do not change together an older set is not replaced: the two would be mixed."""
        layout = LAYOUTS[self.kind]
        for name in (layout.index_name, layout.whole):
            with contextlib.suppress(FileNotFoundError):
                place_of(self.name + name).open().close()
                raise UsageError(f"{self.name} holds {name} already, and the two would be mixed: name another folder")


def _index_name(kind: str, layout: Layout, path: tuple[str, ...], names: str) -> str:
    return name_of(path, names) if kind == SAFETENSORS else layout.separator.join(path)


def shards_of(items: Sequence[Item], most: int) -> list[list[Item]]:
    """The leaves of each shard, in their order: a shard is full when the next leaf would bring it over `most` bytes.

    A leaf that is larger has a shard of its own, as huggingface_hub has it.
    """
    shards: list[list[Item]] = []
    current: list[Item] = []
    size = 0
    for item in items:
        if item.leaf.nbytes > most:
            shards.append([item])
            continue
        if current and size + item.leaf.nbytes > most:
            shards.append(current)
            current, size = [], 0
        current.append(item)
        size += item.leaf.nbytes
    return [*shards, current] if current else shards


def bytes_of_size(size: int | str) -> int:
    """Bytes of a size such as 5GB (powers of 1000) or 5GiB (of 1024), or of a number of bytes. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([A-Za-z]*)", str(size).strip())
    unit = found[2].upper() if found else ""
    factor = (_UNITS | _UNITS_OF_TWO).get(unit)
    if found is None or factor is None or (nbytes := int(float(found[1]) * factor)) < 1:
        raise UsageError(f"{size!r} is not a size; expected a number with a unit, as in 5GB, 500MB or 2GiB")
    return nbytes
