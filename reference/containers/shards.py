"""Sharded checkpoints: a folder of files of one kind, and the index that says which tensor stands in which of them.

The names and the index are those that transformers and huggingface_hub write and read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from ..format.errors import FormatError, UsageError
from ..format.records import Record
from ..format.streams import check_paths, find_clashes
from ..format.wire import Source
from ..storage.joined_files import JoinedFiles
from ..storage.object_places import ObjectPlace
from ..storage.place import OpenedFile
from ..storage.places import LocalPlace, names_folder, place_of
from ..storage.whole_folders import settle_set
from .container import Contents, Departure, Loss
from .foreign import refuse_torch
from .orbax_folder import ORBAX, OrbaxFolder
from .orbax_places import FarOrbax, LocalOrbax, holds_orbax
from .shard_index import (
    INDEX,
    LAYOUTS,
    SHARD,
    SHOWN,
    Index,
    Layout,
    are,
    disagreements,
    layout_of,
    listed,
    read_index,
    shown,
)


class Shards(JoinedFiles):
    """The files of a sharded checkpoint as one source, in the order of their names; `name` is what the user gave."""

    def __init__(self, name: str, layout: Layout, index: Index, files: Sequence[OpenedFile], faults: list[str]) -> None:
        super().__init__(files)
        self.name = name
        self._layout, self._index, self._faults = layout, index, faults

    def contents(self, read: Callable[[Source], Contents]) -> Contents:
        """What the headers of all shards say, `read` one by one, in the order of the index.

        Raises FormatError: one for all that is missing, surplus or elsewhere than the index says.
        """
        found: dict[str, str] = {}
        faults = list(self._faults)
        whole = Contents([])
        departures: list[Departure] = []
        metadata: list[tuple[str, Mapping[str, Any]]] = []
        for file, start in zip(self.files, self.starts, strict=True):
            try:
                contents = read(file)
            except FormatError as error:
                if faults:
                    self._refuse(faults)
                error.file = error.file or file.name
                raise
            shard = _base(file.name)
            if contents.departure is not None:
                contents.departure.error.file = file.name
                departures.append(contents.departure)
            metadata.append((shard, contents.metadata))
            for path in _paths(contents):
                name = self._layout.separator.join(path)
                if name in found:
                    faults.append(f"{shown(name)} is in both {found[name]} and {shard}")
                found.setdefault(name, shard)
            whole = whole._replace(
                records=[*whole.records, *(_moved(record, start) for record in contents.records)],
                unheld=(*whole.unheld, *(each._replace(offset=each.offset + start) for each in contents.unheld)),
            )
        faults += disagreements(self._index.files, found, {_base(file.name) for file in self.files})
        if faults:
            self._refuse(faults)
        order = {name: i for i, name in enumerate(self._index.files)}
        records = sorted(whole.records, key=lambda record: order[self._layout.separator.join(record.path)])
        joined = _joined(metadata, self._index.metadata)
        first = departures[0]._replace(keys=sum(each.keys for each in departures)) if departures else None
        return whole._replace(records=records, metadata=joined, clash=_clash(_paths(whole)), departure=first)

    def _refuse(self, faults: list[str]) -> NoReturn:
        raise _refusal(self.name, faults)

    def read_damaged(
        self, read: Callable[[OpenedFile], tuple[list[Record], list[Loss]]]
    ) -> tuple[list[Record], list[Loss]]:
        """What `read` finds whole and lost in each shard; shards that are missing or surplus are losses too."""
        records, losses, found = list[Record](), list[Loss](), dict[str, str]()
        for file, start in zip(self.files, self.starts, strict=True):
            whole, lost = read(file)
            records += [_moved(record, start) for record in whole]
            losses += [Loss(loss.offset + start, loss.end + start, loss.error) for loss in lost]
            found = {**{self._layout.separator.join(record.path): _base(file.name) for record in whole}, **found}
        clashes = find_clashes(records)
        losses += [Loss(each.offset, each.end, clashes[each.offset]) for each in records if each.offset in clashes]
        faults = [*self._faults, *disagreements(self._index.files, found, {_base(file.name) for file in self.files})]
        if faults:
            losses.append(Loss(self.size, self.size, _refusal(self.name, faults)))
        return [record for record in records if record.offset not in clashes], losses

    def place_of(self, offset: int) -> tuple[str, int]:
        """The file name of the shard in which the byte at an offset stands, and its offset there."""
        file, at = self.locate(offset)
        return _base(file.name), at


def _paths(contents: Contents) -> Iterator[tuple[str, ...]]:
    yield from (record.path for record in contents.records)
    yield from (each.path for each in contents.unheld)


def _clash(paths: Iterator[tuple[str, ...]]) -> FormatError | None:
    try:
        check_paths(list(paths))
    except FormatError as error:
        return error
    return None


def _moved(record: Record, start: int) -> Record:
    return record._replace(offset=record.offset + start, leaf_offset=record.leaf_offset + start, end=record.end + start)


def _refusal(name: str, faults: list[str]) -> FormatError:
    more = f"; and {len(faults) - SHOWN} more like these" if len(faults) > SHOWN else ""
    detail = f"the shards and their index do not match: {'; '.join(faults[:SHOWN])}{more}"
    error = FormatError("CONV-6", None, None, detail, "get the folder again, or what is missing of it")
    error.file = name
    return error


def _joined(of_shards: list[tuple[str, Mapping[str, Any]]], of_index: Mapping[str, str]) -> dict[str, Any]:
    """The metadata of all: what shards say otherwise than one another stands once for each, with its file behind."""
    said: dict[str, dict[str, Any]] = {}
    for shard, metadata in [*of_shards, ("the index", of_index)]:
        for key, value in metadata.items():
            said.setdefault(key, {})[shard] = value
    found: dict[str, Any] = {}
    for key, values in said.items():
        if len(set(values.values())) == 1:
            found[key] = next(iter(values.values()))
        else:
            found |= {f"{key} ({shard})": value for shard, value in values.items()}
    return found


# --- finding the files --------------------------------------------------------------------------------


def open_files(name: str, wanted: str | None = None, given: str | None = None) -> OpenedFile:
    """What a path names: a file, or the shards of an index or of a folder as one source. `wanted` is a kind, or None.

    `given` is what errors call shards, where that is not `name`.

    Raises FormatError, which names the shards that are missing or surplus, OSError, UsageError.
    """
    place = place_of(name)
    folder = place.name if isinstance(place, LocalPlace) and os.path.isdir(place.name) else None
    if isinstance(place, LocalPlace) and (folder is not None or layout_of(_base(name)) is not None):
        _settle(folder or os.path.dirname(os.path.abspath(place.name)))
    if wanted == ORBAX or (folder is not None and wanted not in LAYOUTS and holds_orbax(folder)):
        return _open_orbax(name, folder)
    if folder is not None or names_folder(name):
        return _open_folder(name, folder, wanted)
    if (layout := layout_of(_base(name))) is not None:
        return _open_shards(given or name, name, layout)
    try:
        return place.open()
    except FileNotFoundError as error:
        if isinstance(place, ObjectPlace) and "." not in _base(name):
            error.strerror = f"{error.strerror}; the name of a folder in a bucket ends in /"
        raise


def _open_orbax(name: str, folder: str | None) -> OrbaxFolder:
    if folder is None:
        if isinstance(place := place_of(name), LocalPlace):
            place.open().close()  # raises what is wrong with it, or it is a file
            raise NotADirectoryError(errno.ENOTDIR, "this is a file, and a checkpoint of orbax is a folder", name)
        return OrbaxFolder(place.name, FarOrbax(name))
    return OrbaxFolder(folder, LocalOrbax(folder))


def _base(name: str) -> str:
    """The last part of a path or URL, without the query of the latter."""
    return (name.partition("?")[0] if "://" in name else name).rpartition("/")[2]


def _beside(name: str, other: str) -> str:
    """The path or URL of another file in the same folder."""
    path, mark, query = name.partition("?") if "://" in name else (name, "", "")
    return f"{path.rpartition('/')[0]}/{other}{mark}{query}" if "/" in path else other


def _open_folder(name: str, folder: str | None, wanted: str | None) -> OpenedFile:
    layouts = [layout for kind, layout in LAYOUTS.items() if wanted not in LAYOUTS or wanted == kind]
    base = name if name.endswith("/") else f"{name}/"
    if folder is None and isinstance(place_of(name), LocalPlace):
        if os.path.exists(name.rstrip("/")):
            raise NotADirectoryError(errno.ENOTDIR, "this is a file; drop the / at the end", name)
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", name)
    if folder is None:  # a place that does not say what is in it: by their names
        for candidate in (each for layout in layouts for each in (layout.index_name, layout.whole)):
            with contextlib.suppress(FileNotFoundError):
                return open_files(base + candidate, given=name)
        raise FileNotFoundError(
            errno.ENOENT, f"it does not contain {' or '.join(layout.index_name for layout in layouts)}", name
        )
    names = sorted(os.listdir(folder))
    found = [each for each in names if (layout := layout_of(each)) and _wanted(layout, layouts)]
    found += [layout.whole for layout in layouts if layout.whole in names]
    if not found:  # a single file of any name
        found = [each for each in names if any(each.endswith(layout.suffix) for layout in layouts)]
        shards = [each for each in found if SHARD.search(each)]
        if shards:
            index = SHARD.sub("", shards[0]) + INDEX
            faults = [f"{index} is missing, and {listed(shards)} {'are' if shards[1:] else 'is'} there"]
            raise _refusal(name, faults)
    if not found:
        refuse_torch(name, names)
        files = [each for each in names if not each.startswith(".") and os.path.isfile(os.path.join(folder, each))]
        such = f", such as {listed(files)}" if files else ""
        raise IsADirectoryError(errno.EISDIR, f"this is a directory; name a file in it{such}", name)
    if len(found) > 1:
        raise UsageError(f"{name} holds {listed(found)}: name the one you want, as in {base}{shown(found[0])}")
    return open_files(base + found[0], given=name)


def _settle(folder: str) -> None:
    """Have the files of a set in their places where a save of it was killed on the way; see `settle_set`.

    Raises FormatError where this process may not, and they are not.
    """
    try:
        if settle_set(folder):
            text = f"{folder}: a save was killed while its files took their places; they have been put there"
            warnings.warn(text, stacklevel=5)
    except OSError as error:
        if any({layout.index_name, layout.whole} & set(os.listdir(folder)) for layout in LAYOUTS.values()):
            return
        detail = (
            f"a save was killed while its files took their places, and this process may not put them there: {error}"
        )
        advice = "open it, or save to it again, as one who may write in the folder"
        refusal = FormatError("CONV-6", None, None, detail, advice)
        refusal.file = folder
        raise refusal from None


def _wanted(layout: Layout, layouts: Sequence[Layout]) -> bool:
    return any(layout.suffix == each.suffix for each in layouts)


def _open_shards(name: str, index_name: str, layout: Layout) -> Shards:
    with contextlib.closing(place_of(index_name).open()) as source:
        try:
            index = read_index(source)
        except FormatError as error:
            error.file = source.name
            raise
    files: list[OpenedFile] = []
    missing: list[str] = []
    try:
        for shard in sorted(set(index.files.values())):
            try:
                files.append(place_of(_beside(index_name, shard)).open())
            except FileNotFoundError:
                missing.append(shard)
        faults = [f"{listed(missing)} {'are' if missing[1:] else 'is'} missing"] if missing else []
        if surplus := _surplus(index_name, layout, index):
            faults.append(f"{listed(surplus)} {are(surplus)} in the folder and not in the index")
        if not files:
            raise _refusal(name, faults)
        return Shards(name, layout, index, files, faults)
    except BaseException:
        for file in files:
            file.close()
        raise


def _surplus(index_name: str, layout: Layout, index: Index) -> list[str]:
    """Shards of the same name in the folder that the index does not name: of another save, or of a copy."""
    place = place_of(index_name)
    if not isinstance(place, LocalPlace):
        return []
    names = os.listdir(os.path.dirname(os.path.abspath(place.name)))
    known = {*index.files.values(), _base(index_name)}
    return sorted(name for name in names if layout.holds(name) and name not in known)
