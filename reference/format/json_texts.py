"""Spec chapter 10, DELTA-2: JSON as RFC 8259 has it, and what is settled here where its readers differ."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

DEEPEST: Final = 100  # DELTA-2: "Objects and lists stand at most 100 deep in one another"
_MOST_DIGITS: Final = 20  # of a number of 64 bits
_TOO_LARGE: Final = 1 << 64


# DELTA-2: "No name stands twice in an object, an integer has any number of digits"
def read_json(text: str, fractions: bool = False) -> Any:
    """The value of a JSON text; `fractions` says whether numbers may have one, or an exponent.

    An integer of more than 64 bits comes as one that fits nothing: whatever its digits, nobody is to count so far.
    Raises ValueError.
    """
    hooks = {} if fractions else {"parse_float": _refuse_number}
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_refuse_number, **hooks)
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value)
    return value


def _integer(digits: str) -> int:
    """An integer; Python's own conversion stops at 4,300 digits, and takes time with their square."""
    if len(digits) <= _MOST_DIGITS:
        return int(digits)
    return -_TOO_LARGE if digits[0] == "-" else _TOO_LARGE


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a name stands twice in one object")
    return value


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        nested = [one for one in level if type(one) in (dict, list)]
        level = [child for one in nested for child in (one.values() if type(one) is dict else one)]
    if any(type(one) in (dict, list) for one in level):
        raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"its objects and lists stand more than {DEEPEST} deep in one another")
