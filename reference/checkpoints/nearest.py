"""The error for a key path that a checkpoint does not have: it names those that may be meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Any, Final

from ..format.keypaths import brief, display
from .key_arguments import parts_of

_SHOWN: Final = 3  # key paths in one error
_ROOTS: Final = 8  # names in one error
# difflib compares some 20,000 pairs of key paths in a second: an error is not to take longer than a person notices.
_COMPARED: Final = 2_000


class NoSuchLeaf(KeyError):
    """A key path at which there is no leaf. What its text says is worked out when somebody reads it, since programs
    ask whether a leaf is there by trying.
    """

    def __init__(self, path: Any, known: Collection[tuple[str, ...]] = ()) -> None:
        super().__init__(path)
        self._known = known

    def __str__(self) -> str:
        try:
            wanted = parts_of(self.args[0])
        except (ValueError, TypeError) as error:
            return str(error)
        if not any(wanted):
            return f"a key path is not empty; {_at_the_root(self._known)}"
        below, trimmed = _below(wanted, self._known), _trimmed(wanted)
        if not below and trimmed not in self._known and (below := _below(trimmed, self._known)):
            wanted = trimmed
        if below:
            return (
                f"{brief(wanted)} is a subtree of {len(below)} {'leaf' if len(below) == 1 else 'leaves'}, not a leaf: "
                f"load it with sc.load(path, {display(wanted)!r}), or ask for one of its leaves, "
                f"such as {brief(below[0])}"
            )
        found = nearest(wanted, self._known)
        advice = f"the nearest are {', '.join(map(brief, found))}" if found else _at_the_root(self._known)
        return f"there is no leaf {brief(wanted)}; {advice}"

    def __reduce__(self) -> tuple[Any, ...]:
        return NoSuchLeaf, (self.args[0], list(self._known))


def _trimmed(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """A key path without the empty parts of a slash too many."""
    return tuple(filter(None, wanted)) or wanted


def _below(wanted: tuple[str, ...], known: Collection[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [path for path in known if path[: len(wanted)] == wanted]


def nearest(wanted: tuple[str, ...], known: Collection[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The key paths that are most like one that is not there, the likeliest first; at most three.

    Those come first in which it is contained, or which it contains: a root too many or too few is the usual mistake,
    and so is a slash at an end. Then come those that have a part of this name.
    """
    wanted = _trimmed(wanted)
    parts = frozenset(wanted)
    within = [path for path in known if _ends_alike(path, wanted)][:_SHOWN]
    if len(within) == _SHOWN:
        return within
    # Those that share the most parts with it are compared letter by letter.
    ranked = sorted(known, key=lambda path: -len(parts.intersection(path)))[:_COMPARED]
    texts = {display(path): path for path in ranked}
    alike = difflib.get_close_matches(display(wanted), texts, n=_SHOWN, cutoff=0.5)
    named = [path for path in ranked[:_SHOWN] if wanted[-1] in path]
    return _without_repeats([*within, *(texts[text] for text in alike), *named])[:_SHOWN]


def _at_the_root(known: Collection[tuple[str, ...]]) -> str:
    roots = list(dict.fromkeys(brief(path[:1]) for path in known))
    more = f" and {len(roots) - _ROOTS} more" if len(roots) > _ROOTS else ""
    return f"at the root of the tree are {', '.join(roots[:_ROOTS])}{more}"


def _ends_alike(path: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    n = min(len(path), len(wanted))
    return n > 0 and path[-n:] == wanted[-n:] and (n > 1 or len(path) == n)


def _without_repeats(paths: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(paths))
