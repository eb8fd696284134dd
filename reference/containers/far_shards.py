"""A folder of shards that is not on this machine: what is in it, and how another set takes its place.

Files there cannot be moved, so that new shards have names of their own, and the index is what changes: it comes when
all shards that it names are there, and the old ones go when no index names them any more. Whoever reads at any moment
finds all that the index names, but for one who has read the old index and comes back for a shard that has gone since.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence

from ..format.errors import FormatError, UsageError
from ..storage.far_sets import new_set, remove, remove_all
from ..storage.local_files import Path_
from ..storage.place import Place
from ..storage.places import place_of
from ..storage.same_files import is_same_file
from .shard_index import Layout, read_index


class FarShards:
    """The set of shards in a folder, whose name ends in /; the folder is asked once, when something is to be known."""

    def __init__(self, folder: str, layout: Layout) -> None:
        self._folder, self._layout = folder, layout

    @functools.cached_property
    def old(self) -> tuple[str, ...]:
        """The names of the files of the set that is there, the index first.

        Raises OSError, and UsageError where nothing can be written.
        """
        index_name, whole = self._layout.index_name, self._layout.whole
        place_of(self._folder + index_name).check_output()
        found: list[str] = []
        with contextlib.suppress(FileNotFoundError), contextlib.closing(self._place(index_name).open()) as source:
            found.append(index_name)
            with contextlib.suppress(FormatError):  # something else, which names no shards
                found += sorted(filter(self._layout.holds, set(read_index(source).files.values())))
        with contextlib.suppress(FileNotFoundError):
            self._place(whole).open().close()
            found.append(whole)
        return tuple(dict.fromkeys(found))

    @functools.cached_property
    def tag(self) -> str:
        """What new shards are called by, so that none has the name of one that is there; "" where there is no set.

        It is another for each save: of two at once neither writes over the other's.
        """
        return os.urandom(4).hex() if self.old else ""

    def has(self, path: Path_) -> bool:
        """Whether a path names the folder, or a file of the set in it."""
        name = os.fspath(path)
        folder = name if name.endswith("/") else f"{name}/"
        try:
            return is_same_file(self._place(""), folder) or any(is_same_file(self._place(x), name) for x in self.old)
        except UsageError:  # what names no file is not one of them
            return False

    @contextlib.contextmanager
    def replaced(self, new: Sequence[str], has_index: bool) -> Iterator[list[Place]]:
        """A block that writes the files called `new`, and last an index where it has one; it lists the place of each.

        Where it raises, what has been written is removed, and the old set stays. Else the old files go; what cannot be
        removed is named in a warning. Raises OSError.
        """
        index_name = self._layout.index_name
        old = self.old
        with new_set(lambda: has_index and self._index_names(new)) as written:
            yield written
            if index_name in old and not has_index:
                remove(self._place(index_name))  # from here on the one file is what is read
        gone = [self._place(name) for name in old if name not in (*new, index_name)]
        remove_all(gone, "the save is complete, and of the older set")

    def _index_names(self, new: Sequence[str]) -> bool:
        """Whether the index there names any of these: an interrupt may come when it has been sent."""
        try:
            with contextlib.closing(self._place(self._layout.index_name).open()) as source:
                return not set(new).isdisjoint(read_index(source).files.values())
        except (FileNotFoundError, FormatError):
            return False

    def _place(self, name: str) -> Place:
        return place_of(self._folder + name)
