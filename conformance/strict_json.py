"""JSON as RFC 8259 has it, and as CLIENT.md asks for it: Python's own reader takes more."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

# Lists and objects in one another. What CLIENT.md describes has three for each level of metadata, of which META-3
# allows 64, and a few around them. How deep Python's own reader goes depends on the process in which it runs, and one
# that goes too deep ends the process.
_DEEPEST: Final = 256
_BRACKET_OR_TEXT: Final = re.compile(r'[][{}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_LONGEST: Final = 4000  # digits of an integer that Python makes a number of; a longer one is kept as its text


def parsed(data: bytes, fractions: bool = True) -> Any:
    """The value in a JSON text. `fractions`: whether numbers may have one, or an exponent. Raises ValueError, for what
    is not UTF-8 as well, and for lists and objects that are nested more than 256 deep."""
    text = data.decode()
    _check_depth(text)
    how: dict[str, Any] = {"parse_constant": _constant, "object_pairs_hook": _members, "parse_int": _integer}
    return json.loads(text, **how, parse_float=float if fractions else _fraction)


def _check_depth(text: str) -> None:
    depth = 0
    for found in _BRACKET_OR_TEXT.finditer(text):
        first = text[found.start()]
        depth += (first in "[{") - (first in "]}")
        if depth > _DEEPEST:
            raise ValueError(f"lists and objects are nested more than {_DEEPEST} deep")


def _fraction(digits: str) -> NoReturn:
    raise ValueError(f"{digits:.100} is not an integer")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"an object has the member {name!r:.100} twice")
    return members


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST else digits
