"""Leaves renamed by regular expressions on the display form of their key paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from ..format.errors import UsageError
from ..format.keypaths import display, parse
from ..format.records import Item
from ..format.streams import check_paths

Expression = str | re.Pattern[str]
Renames = Mapping[str, str] | Iterable[tuple[Expression, str]] | None

_SHOWN: Final = 8  # leaves in an error


def renamed(items: Sequence[Item], renames: Renames) -> list[Item]:
    """The leaves under their new names: what each expression finds in a name, wherever in it, its template replaces.

    One follows the other, each with the names that the last has made. A template is that of `re.sub`, with \\\\1 and
    \\\\g<name>. Raises UsageError for an expression that finds nothing, and where two leaves get one name;
    FormatError where one would stand under another.
    """
    pairs = renames.items() if isinstance(renames, Mapping) else renames or ()
    rules = list(cast("Iterable[tuple[Expression, str]]", pairs))
    texts = [display(item.path) for item in items]
    for expression, template in rules:
        try:
            pattern = re.compile(expression)
            found = [pattern.subn(template, text) for text in texts]
        except (re.error, IndexError) as error:
            raise UsageError(f"the rename {_shown(expression)}={template} is not a valid expression: {error}") from None
        if not any(count for _, count in found):
            shown = ", ".join(texts[:3])
            raise UsageError(f"the rename {_shown(expression)}={template} matches nothing; the first leaves: {shown}")
        texts = [text for text, _ in found]
    if not rules:
        return list(items)
    renamed = [item._replace(path=_parsed(text)) for item, text in zip(items, texts, strict=True)]
    _refuse_clashes(items, renamed)
    check_paths([item.path for item in renamed])
    return renamed


def _shown(expression: Expression) -> str:
    return expression if isinstance(expression, str) else expression.pattern


def _parsed(text: str) -> tuple[str, ...]:
    try:
        return tuple(parse(text))
    except ValueError as error:
        raise UsageError(f"after the renames, {error}") from None


def _refuse_clashes(old: Sequence[Item], new: Sequence[Item]) -> None:
    by_path: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for before, after in zip(old, new, strict=True):
        by_path.setdefault(after.path, []).append(before.path)
    clashes = [(path, sources) for path, sources in by_path.items() if len(sources) > 1]
    if clashes:
        shown = [f"{' and '.join(map(display, sources[:3]))} as {display(path)}" for path, sources in clashes[:_SHOWN]]
        more = f", and {len(clashes) - _SHOWN} more" if len(clashes) > _SHOWN else ""
        raise UsageError(f"the renames give two leaves the same name: {'; '.join(shown)}{more}")
