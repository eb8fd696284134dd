"""Maps as users hold them: found by name or read from a file, and applied to trees."""

from __future__ import annotations

import os
from typing import Any

from . import table_files
from .applying import mapped_tree
from .tables import Definition, Parameter


class Map:
    """A map from one layout of a model's leaves to another: other names, other axes, and nothing else.

    It is exact and can be undone: each element of each leaf is in the result once, with the same bits, and
    `inverse()`, made of the same table, takes it back. `sc.convert(map=...)` applies it to a file, out of core.

        to_hf = sc.maps.named("llama-easylm-to-hf")
        tree = to_hf.apply(sc.load("streaming_params"), heads=32)
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def about(self) -> str:
        """The two layouts that the map leads from and to."""
        return self.definition.about

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters that the map may need, and what each means; most follow from the shapes of the leaves."""
        return dict(self.definition.parameters)

    def inverse(self) -> Map:
        """The map that undoes this one."""
        return Map(self.definition.inverse())

    def apply(self, tree: Any, **parameters: float) -> dict[str, Any]:
        """The nested dict that the map makes of a tree, a nested map of arrays and small values.

        Arrays keep their dtypes, jax arrays their devices; numpy arrays come as views where they can. Shapes are those
        that the axes of the rules say: "in (heads half 2) -> (heads 2 half) in" makes [64, 96] of [96, 64]. Raises
        MapError (a ValueError), which lists the leaves that do not fit, or asks for a parameter by its name.
        """
        return mapped_tree(self.definition, tree, parameters)

    def __repr__(self) -> str:
        return f"<map {self.name}: {self.about}>" if self.about else f"<map {self.name}>"


MapLike = Map | str | os.PathLike[str]


def names() -> list[str]:
    """The names of the maps that come along, and of their inverses."""
    return table_files.names()


def named(name: str) -> Map:
    """The map with this name, one of `names()`. Raises UsageError."""
    return Map(table_files.named(name))


def read(path: str | os.PathLike[str]) -> Map:
    """Read a map from a TOML file. Raises UsageError, which says what is wrong in it, and OSError."""
    return Map(table_files.read(path))


def definition_of(given: MapLike) -> Definition:
    """The definition of a map, of a name, or of a file: what has a / in it or ends with .toml. Raises UsageError."""
    return given.definition if isinstance(given, Map) else table_files.definition_of(given)


def map_of(given: MapLike) -> Map:
    """The map of a name or of a file, or the one that is given. Raises UsageError, OSError."""
    return Map(definition_of(given))
