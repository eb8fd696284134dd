"""Templates of key paths: "transformer/h/{layer}/attention/wq/kernel" matches key paths and is filled in to make them.

A template is written in display form (KEY-5). `{name}` stands for one or more characters of one part, `{name:int}` for
a whole number in decimal, and `{name...}` for any parts, also none; `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..format.errors import UsageError
from ..format.keypaths import SEPARATOR, parse, sort_key

Found = Mapping[str, str]  # what each placeholder stands for; of `{name...}` the parts, each with a SEPARATOR behind it

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)(:int|\.\.\.)?\}|([{}])|[^{}]+")
_PATTERNS: Final = {
    "": f"[^{SEPARATOR}]+?",
    ":int": "(?:0|[1-9][0-9]*)",
    "...": f"(?:[^{SEPARATOR}]*{SEPARATOR})*?",
}


class Template:
    """One template. `kinds` are its placeholders, by name: "", ":int" or "..."."""

    def __init__(self, text: str) -> None:
        """Raises UsageError for a text that is not a template."""
        self.text = text
        self.kinds: dict[str, str] = {}
        try:
            parts = parse(text)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self._parts = [self._pieces(part) for part in parts]
        self._pattern = self._compiled()

    def _pieces(self, part: str) -> list[tuple[str, str | None]]:
        """A part as literal texts, and as placeholders with their names."""
        found: list[tuple[str, str | None]] = []
        for match in _PIECE.finditer(part):
            name, kind, stray = match.groups()
            if stray:
                raise UsageError(f"{self.text!r}: a single brace; write {{name}}, or {stray * 2} for a brace")
            if name is None:
                literal = match[0][:1] if match[0] in ("{{", "}}") else match[0]
                found.append((literal, None))
                continue
            if name in self.kinds:
                raise UsageError(f"{self.text!r}: {{{name}}} occurs in it twice; give each its own name")
            if kind == "..." and match[0] != part:
                raise UsageError(f"{self.text!r}: {match[0]} stands for whole parts; put a / on each side of it")
            self.kinds[name] = kind or ""
            found.append((match[0], name))
        return found

    def _compiled(self) -> re.Pattern[str]:
        texts: list[str] = []
        for part in self._parts:
            for literal, name in part:
                pattern = re.escape(literal) if name is None else f"(?P<{name}>{_PATTERNS[self.kinds[name]]})"
                texts.append(pattern)
            if not any(name and self.kinds[name] == "..." for _, name in part):
                texts.append(SEPARATOR)
        return re.compile("".join(texts), re.DOTALL)

    def counting(self, names: frozenset[str]) -> Template:
        """The template, in which these placeholders stand for whole numbers."""
        for name in names & self.kinds.keys():
            self.kinds[name] = ":int"
        self._pattern = self._compiled()
        return self

    def match(self, path: tuple[str, ...]) -> Found | None:
        """What the placeholders stand for in a key path, None for one that is not of this form."""
        found = self._pattern.fullmatch(sort_key(path))
        return found and found.groupdict()

    def fill(self, found: Found) -> tuple[str, ...]:
        """The key path in which the placeholders are what they stand for."""
        texts: list[str] = []
        for part in self._parts:
            texts += [literal if name is None else found[name] for literal, name in part]
            if not any(name and self.kinds[name] == "..." for _, name in part):
                texts.append(SEPARATOR)
        return tuple("".join(texts).split(SEPARATOR)[:-1])

    def __str__(self) -> str:
        return self.text
