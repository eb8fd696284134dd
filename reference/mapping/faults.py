"""Errors about leaves that a map does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..format.errors import UsageError
from ..format.keypaths import KeyPath, display

SHOWN: Final = 8  # key paths of each kind in an error


class MapError(UsageError):
    """A map does not fit these leaves. `paths` are all the leaves at fault."""

    def __init__(self, detail: str, paths: Iterable[tuple[str, ...]] = ()) -> None:
        super().__init__(detail)
        self.paths = [KeyPath(path) for path in paths]


class ParameterNeeded(MapError):
    """A parameter of the map does not follow from the shapes, and has to be given."""


def refuse_misfits(misfits: Sequence[tuple[tuple[str, ...], str]]) -> None:
    if misfits:
        alike: dict[str, list[tuple[str, ...]]] = {}
        for path, what in misfits:
            alike.setdefault(what, []).append(path)
        shown = [f"{listed(paths)} {'are' if paths[1:] else 'is'} {what}" for what, paths in alike.items()]
        raise MapError("; ".join(shown[:SHOWN]) + and_more(len(shown)), [path for path, _ in misfits])


def listed(paths: Sequence[tuple[str, ...]], count: int | None = None) -> str:
    return ", ".join(map(display, paths[:SHOWN])) + and_more(len(paths) if count is None else count)


def and_more(count: int) -> str:
    return f", and {count - SHOWN} more" if count > SHOWN else ""
