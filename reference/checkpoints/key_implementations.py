"""What metadata says of leaves, by the key paths that they have now (spec 2.0, META-4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..containers.orbax_metadata import OF_ORBAX
from ..format.keypaths import display
from ..format.metadata import PRNG_KEYS, Metadata

Moved = tuple[tuple[str, ...], tuple[str, ...]]  # where a leaf was, and where it is now


def implementations(metadata: Metadata, moved: Iterable[Moved]) -> dict[tuple[str, ...], str]:
    """The implementations of typed PRNG keys, whose data alone are leaves, by the key paths that these have now."""
    said = metadata.get(PRNG_KEYS)
    if not isinstance(said, Mapping):
        return {}
    return {now: name for before, now in moved if type(name := said.get(display(before))) is str}


def moved_metadata(metadata: Metadata, moved: Iterable[Moved]) -> dict[str, Any]:
    """Metadata of leaves that are now elsewhere; of what is not among them, it says nothing more."""
    moved = list(moved)
    found = _moved_sequences(metadata, moved)
    if isinstance(found.get(PRNG_KEYS), Mapping):
        names = {display(path): name for path, name in implementations(found, moved).items()}
        found = _with(found, PRNG_KEYS, names)
    return found


def _with(metadata: Metadata, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata with another value at a key that it has, or without the key where nothing is left of it."""
    return {each: value if each == key else old for each, old in metadata.items() if value or each != key}


def _moved_sequences(metadata: Metadata, moved: Iterable[Moved]) -> dict[str, Any]:
    """The metadata in which the nodes that are lists (see `orbax_metadata`) are called as they are now."""
    said = metadata.get(OF_ORBAX)
    names = said.get("sequences") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(names, list | tuple):
        return dict(metadata)
    names = [name for name in names if type(name) is str]
    wanted = set(names)
    nodes: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    likely: dict[tuple[str, ...], tuple[str, ...]] = {}
    for before, now in moved:
        for i in range(len(before) + 1):
            # A list is where the numbers of its items are now; of one without items the node is a leaf.
            here = {now[:at] for at, part in enumerate(now) if part == before[i]} if i < len(before) else {now}
            nodes[before[:i]] = nodes.get(before[:i], here) & here
            likely.setdefault(before[:i], now[: max(0, len(now) + i - len(before))])
    places: dict[str, str] = {}
    for node, found in nodes.items():
        if found and display(node) in wanted:
            # There may be several, as of lists of one item each in lists.
            depths = {len(place): place for place in found}
            place = depths.get(len(node), depths[min(depths)])
            places[display(node)] = display(likely[node] if likely[node] in found else place)
    kept = [places[name] for name in names if name in places]
    rest = {key: value for key, value in said.items() if key != "sequences"} | ({"sequences": kept} if kept else {})
    return _with(metadata, OF_ORBAX, rest)
