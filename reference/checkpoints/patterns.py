"""Which leaves of a checkpoint are wanted: globs and regular expressions on the display form of key paths."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from ..format.errors import UsageError
from ..format.keypaths import display
from ..format.records import Record

Pattern = str | re.Pattern[str]  # a glob of the whole key path, or a compiled expression found anywhere in it
Patterns = Pattern | Iterable[Pattern] | None
Chooser = Callable[[tuple[str, ...]], bool]  # whether a key path is wanted


def chooser(include: Patterns = None, exclude: Patterns = None) -> Chooser:
    """Key paths that match `include` (None: all) and do not match `exclude`.

    Patterns are compared with the display form (KEY-5). In a glob `*` matches any text, `/` included.
    """
    if include is None and exclude is None:
        return lambda path: True
    wanted, unwanted = _searches("*" if include is None else include), _searches(exclude)

    def is_chosen(path: tuple[str, ...]) -> bool:
        text = display(path)
        return any(search(text) for search in wanted) and not any(search(text) for search in unwanted)

    return is_chosen


def without_match(patterns: Patterns, paths: Iterable[tuple[str, ...]]) -> list[str]:
    """The patterns that match none of these key paths."""
    left = dict(zip(listed(patterns) or (), _searches(patterns), strict=True))
    for path in paths if left else ():
        text = display(path)
        left = {pattern: search for pattern, search in left.items() if not search(text)}
    return [pattern if isinstance(pattern, str) else pattern.pattern for pattern in left]


def listed(patterns: Patterns) -> list[Pattern] | None:
    """The patterns of an argument, None for None."""
    if patterns is None:
        return None
    return [patterns] if isinstance(patterns, str | re.Pattern) else list(patterns)


def _searches(patterns: Patterns) -> list[Callable[[str], re.Match[str] | None]]:
    patterns = listed(patterns) or []
    if odd := [pattern for pattern in patterns if not isinstance(pattern, str | re.Pattern)]:
        raise UsageError(f"include and exclude take globs and compiled expressions, not {odd[0]!r}")
    return [
        re.compile(fnmatch.translate(pattern)).match if isinstance(pattern, str) else pattern.search
        for pattern in patterns
    ]


def select(records: list[Record], is_chosen: Chooser) -> list[Record]:
    """The records that are chosen. Raises UsageError if there are none."""
    chosen = [record for record in records if is_chosen(record.path)]
    refuse_no_choice(chosen, [record.path for record in records[:3]])
    return chosen


def refuse_no_choice(chosen: Sequence[object], first: Sequence[tuple[str, ...]]) -> None:
    """Refuse patterns that choose nothing; `first` are key paths that there are. Raises UsageError."""
    if not chosen:
        shown = ", ".join(display(path) for path in first[:3])
        raise UsageError(f"the patterns select no leaf; the first leaves of the file are: {shown}")
