"""Where a checkpoint is written: one file, a folder of shards with their index, or one of orbax."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..containers.far_shards import FarShards
from ..containers.load_prefixes import split_output, split_set
from ..containers.orbax_container import planned_orbax, write_orbax
from ..containers.orbax_folder import ORBAX
from ..containers.orbax_metadata import TREE
from ..containers.registry import steps_of
from ..containers.safetensors_file import SAFETENSORS, SPLIT, default_metadata, name_of
from ..containers.shard_index import LAYOUTS, Layout, encode_index, layout_of
from ..containers.stream import STREAM, planned
from ..format.errors import FormatError, UsageError, article
from ..format.keypaths import KeyPath
from ..format.payloads import Step, write_steps
from ..format.records import Item
from ..format.sealing import SealOptions
from ..format.streams import check_paths
from ..storage.local_files import Path_, Progress
from ..storage.object_places import ObjectPlace
from ..storage.output_checks import check_folder
from ..storage.place import Place
from ..storage.places import LocalPlace, names_folder, place_of
from ..storage.same_files import is_same_file, refuse_an_input, refuse_itself, refuse_what_belongs_to
from ..storage.shared_output import SharedOutput
from ..storage.whole_folders import replace_set
from .output_plans import Plan, taken
from .shard_sizes import DEFAULT_SHARD, bytes_of_size, shards_of


class Output:
    """What an output names: `kind` is what is written, `name` the path, and `is_folder` whether it is one of shards."""

    def __init__(self, output: Path_, streaming: bool | None = None, max_shard_size: int | str | None = None) -> None:
        """`max_shard_size` is a number of bytes or a text such as 5GB. Raises UsageError."""
        found = split_set(output, streaming)
        self.is_folder = found is not None
        self._tag = ""  # of shards, so that none takes the place of an old one
        self.kind, self.name = found or split_output(output, streaming)
        self._most = bytes_of_size(DEFAULT_SHARD if max_shard_size is None else max_shard_size)
        self._place: Place = place_of(self.name)
        if not self.is_folder and max_shard_size is not None:
            text = f"--max_shard_size is for a folder of shards, and {self.name} is a file"
            raise UsageError(f"{text}; end the name with / to write a folder")
        if self.kind == ORBAX and max_shard_size is not None:
            raise UsageError("--max_shard_size is for a folder of shards, and an orbax folder has none")
        if self.is_folder and self.kind not in (*LAYOUTS, ORBAX):
            text = f"{self.name} is a folder, and {article(self.kind)} is one file; drop the / at the end"
            raise UsageError(f"{text}, or write safetensors::{self.name}")
        if self.kind == ORBAX and not isinstance(self._place, LocalPlace):
            raise UsageError(
                f"{self._place.name}: orbax folders are written to this machine alone; copy the folder there"
            )
        is_far = self.is_folder and not isinstance(self._place, LocalPlace)
        self._far = FarShards(self.name, LAYOUTS[self.kind]) if is_far else None
        # Now: a program may change its folder while it saves in the background.
        self._folder = os.path.abspath(self._place.name) if self.is_folder else ""

    def plan(
        self,
        items: Iterable[Item],
        seal: SealOptions | None = None,
        metadata: Mapping[str, Any] | None = None,
        names: str = SPLIT,
        of_tree: bool = False,
    ) -> Plan:
        """The files of these leaves, refused before anything is written where they cannot be; see `steps_of`.

        `metadata` is that of safetensors or orbax, and `of_tree` that of `stream.planned`. Raises FormatError.
        """
        if self.kind == STREAM:
            return Plan([("", planned(items, seal, of_tree))])
        items = list(items)
        if self.kind == ORBAX:
            new = planned_orbax(items, metadata)
            return Plan([("", new.steps)], None, new)
        if not self.is_folder:
            return Plan([("", steps_of(self.kind, items, seal, metadata, names))])
        layout = LAYOUTS[self.kind]
        check_paths([item.path for item in items])
        if self.kind == SAFETENSORS:
            metadata = default_metadata(items) if metadata is None else metadata
        groups = shards_of(items, self._most, lambda item: item.leaf.nbytes)
        where: dict[tuple[str, ...], str] = {}
        files: list[tuple[str, list[Step]]] = []
        for i, group in enumerate(groups):
            shard = layout.shard(i, len(groups), self._tag)
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

    def order(self, leaves: Sequence[tuple[int, int]]) -> list[int]:
        """In which order leaves of so many bytes, and of elements of so many, are written: by their places in a list.

        Of safetensors the widest elements stand first in each file.
        """
        places = range(len(leaves))
        if self.kind != SAFETENSORS:
            return list(places)
        groups = shards_of(list(places), self._most, lambda i: leaves[i][0]) if self.is_folder else [list(places)]
        return [i for group in groups for i in sorted(group, key=lambda i: -leaves[i][1])]

    def refuse_itself(self, path: Path_) -> None:
        """Refuse to write into the file that is read, or to one that belongs to it; see `same_files`.

        Raises UsageError.
        """
        if not self.is_folder:
            refuse_itself(self._place, path)
            refuse_what_belongs_to(self._place, "what is read", path)

    def refuse_inputs(self, inputs: dict[str, Path_]) -> None:
        """Refuse to write to a file that is also read, or over a set that holds one; see `refuse_an_input`.

        Raises UsageError.
        """
        if not self.is_folder:
            refuse_an_input(self._place, inputs)
            return
        for what, path in inputs.items():
            if self._goes(path):
                raise UsageError(f"{self.name} holds {what}, which would be replaced and lost; name another folder")

    def refuse_loss(self, path: Path_, is_whole: bool) -> None:
        """Refuse to write over a set of which `path` is a part, or over what is read where not all leaves are written.

        `is_whole` says whether all leaves of `path` are. Raises UsageError.
        """
        if not self.is_folder and not is_whole and is_same_file(self._place, path):
            text = f"{self.shown} is what is read, and the leaves that are left out would be lost"
            raise UsageError(f"{text}; name another output")
        if not self.is_folder or not self._goes(path):
            return
        name = os.fspath(path)
        is_file = (self._far is not None and not names_folder(name)) or os.path.isfile(name)
        if is_file and len(self._old()) > 1 and layout_of(os.path.basename(name)) is None:
            text = f"{name} is one of several files of the checkpoint in {self.name}, and the others would be lost"
            raise UsageError(f"{text}; name the folder to convert all of it, or another output")
        if not is_whole:
            text = f"{self.name} holds what is read, and the leaves that are left out would be lost"
            raise UsageError(f"{text}; name another output")

    def replaces(self, path: Path_) -> bool:
        """Whether what is written takes the place of what is read from `path`."""
        return self._goes(path) if self.is_folder else is_same_file(self._place, path)

    def _old(self) -> list[str]:
        """The files of the older set, which go when the new one comes."""
        if self._far is not None:
            return [self.name + each for each in self._far.old]
        if not self.is_here or not os.path.isdir(self._folder):
            return []
        return [os.path.join(self._folder, name) for name in sorted(os.listdir(self._folder)) if self._holds(name)]

    def _holds(self, name: str) -> bool:
        """Whether a file of this name in the folder is of an older set, whose place the new one takes."""
        return self.kind in LAYOUTS and LAYOUTS[self.kind].holds(name)

    def _goes(self, path: Path_) -> bool:
        """Whether an input is among them, or is their folder."""
        name = os.fspath(path)
        if self._far is not None:
            return self._far.has(name)
        if not (old := self._old()) or not isinstance(place_of(name), LocalPlace):
            return False
        return any(os.path.exists(name) and os.path.samefile(name, each) for each in (self._folder, *old))

    @property
    def shown(self) -> str:
        """Its name for people, without what is secret in a URL."""
        return self._place.name

    @property
    def is_here(self) -> bool:
        """Whether it is a file or folder of this machine's file systems."""
        return isinstance(self._place, LocalPlace)

    def shared_output(self) -> SharedOutput | None:
        """It as what several processes write, each its own bytes; None where one alone can.

        Process 0 says by a warning why a bucket takes none.
        """
        if self.kind != STREAM or not isinstance(self._place, LocalPlace | ObjectPlace):
            return None
        try:
            return self._place.shared_output()
        except UsageError as reason:
            import jax

            if jax.process_index() == 0:
                text = f"process 0 alone writes {self.shown} ({reason}); writers='first' asks for that"
                warnings.warn(text, stacklevel=5)
            return None

    def check(self) -> None:
        """Refuse an output that cannot be written, before any work is done and before `plan`. Raises OSError."""
        if self._far is not None:
            self._tag = self._far.tag
        elif not self.is_folder:
            self._place.check_output()
        else:
            check_folder(self._folder, self._holds)
            is_there = self.kind == ORBAX and os.path.isdir(self._folder)
            if is_there and not all(name.startswith(".") for name in os.listdir(self._folder)):
                text = "something is in this folder, and orbax folders are new: name another, or remove it first"
                raise FileExistsError(errno.EEXIST, text, self.name)

    def write(
        self, plan: Plan, moved: Progress, finish: Callable[[], None] = lambda: None, behind: bool = True
    ) -> None:
        """Write the files, which appear as a whole or not at all; `finish` is called before they do.

        Each payload is let go of when the next is taken. `behind` is that of `Place.replace`. In a folder that is not
        on this machine the index is written last (see `FarShards`). Raises OSError.
        """
        if not self.is_folder:
            with self._place.replace(moved, behind, sum(plan.sizes())) as sink:
                write_steps(sink, taken(plan.files[0][1]))
                finish()
                if plan.beside is not None:
                    _write(*plan.beside)
        elif plan.orbax is not None:
            with replace_set(self._folder, self._holds, TREE) as stage:
                write_orbax(stage, plan.orbax.arrays, taken(plan.orbax.steps), plan.orbax.files, moved)
                finish()
        elif isinstance(self._place, LocalPlace):
            layout = LAYOUTS[self.kind]
            with replace_set(self._folder, self._holds, layout.index_name) as stage:
                self._write_set(plan, moved, finish, stage + os.sep, behind)
        else:
            assert self._far is not None
            with self._far.replaced([name for name, _ in plan.files], plan.index_bytes is not None) as written:
                self._write_set(plan, moved, finish, self.name, behind, written)

    def _write_set(
        self,
        plan: Plan,
        moved: Progress,
        finish: Callable[[], None],
        folder: str,
        behind: bool,
        written: list[Place] | None = None,
    ) -> None:
        """Write the files of a set in their order into a folder; `written` is that of `new_set`."""
        if plan.beside is not None:
            _write(folder + os.path.basename(plan.beside[0]), plan.beside[1], written)
        for name, steps in plan.files:
            place = place_of(folder + name)
            with place.replace(moved, behind, sum(map(Step.size, steps))) as sink:
                write_steps(sink, taken(steps))
                finish()
            if written is not None:
                written.append(place)
        if plan.index_bytes is not None:
            _write(folder + LAYOUTS[self.kind].index_name, plan.index_bytes)


def _write(name: str, data: bytes, written: list[Place] | None = None) -> None:
    place = place_of(name)
    with place.replace() as sink:
        sink.write(data)
    if written is not None:
        written.append(place)


def _index_name(kind: str, layout: Layout, path: tuple[str, ...], names: str) -> str:
    return name_of(path, names) if kind == SAFETENSORS else layout.separator.join(path)
